//! Audit events written in the background.

mod attempt;
mod entry;
mod metrics;
pub(in crate::auth) mod options;
mod outcome;
mod queue;
pub(in crate::auth) mod refused;
mod writer;

pub use self::metrics::AuditLogMetrics;

use std::sync::Arc;
use std::time::Instant;

use chrono::Utc;
use uuid::Uuid;

use crate::auth::audit::log::entry::Entry;
use crate::auth::audit::log::options::AuditLogOptions;
use crate::auth::audit::log::queue::{Queue, Receive};
use crate::auth::audit::log::refused::RefusedAuditEvent;
use crate::auth::audit::log::writer::Writer;
use crate::auth::audit::new_event::NewAuditEvent;
use crate::auth::error::AuthError;
use crate::tenant::{Shared, TenantId};

/// A background writer of audit events of all tenants: in order, many in one statement.
///
/// Few events are written one by one, many in batches, and the tenants take turns. Failed writes are retried: an event keeps its
/// id, so that it is stored once. An event that the database rejects for its values does not hold up the others; see
/// [`on_refused`](Self::on_refused).
///
/// [`close`](Self::close) the log before the program ends: it writes every event or returns the unwritten ones. A handle is cheap
/// to clone. Dropping the last handle writes the remaining events as long as the runtime runs.
///
/// ```no_run
/// use watertight::auth::{AuditEventType, AuditLogOptions, NewAuditEvent};
///
/// # async fn example(water: watertight::Watertight, tenant: watertight::TenantId) -> Result<(), watertight::Error> {
/// let log = water.spawn_audit_log(AuditLogOptions::default());
/// log.log(tenant, NewAuditEvent::new(AuditEventType::SystemConfigured)).await?;
/// log.close().await?;
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct AuditLog {
    handle: Arc<Handle>,
}

/// Ends the queue when the last clone of the log is dropped.
#[derive(Debug)]
struct Handle {
    queue: Arc<Queue>,
}

impl Drop for Handle {
    fn drop(&mut self) {
        self.queue.end();
    }
}

impl AuditLog {
    pub(crate) fn start(shared: Arc<Shared>, options: AuditLogOptions) -> Self {
        let queue = Arc::new(Queue::new(options));
        tokio::spawn(Writer::new(shared, Arc::clone(&queue)).run());
        Self { handle: Arc::new(Handle { queue }) }
    }

    /// Queues an event. Waits as long as the queue, or the share of the tenant in it, is full.
    ///
    /// The wait ends when events are written, or when the log is closed: it lasts as long as the database is unavailable. To
    /// limit it, put `tokio::time::timeout` around the call, or use [`try_log`](Self::try_log). Dropping the future while it
    /// waits queues nothing.
    ///
    /// The event gets its id and the time of this call, unless it has an id and a time already. An event that waits longer than a
    /// day is dated one day before it is written.
    ///
    /// # Errors
    /// [`AuthError::InvalidInput`]; [`AuthError::AuditLogClosed`] after [`close`](Self::close).
    pub async fn log(&self, tenant: TenantId, event: NewAuditEvent) -> Result<(), AuthError> {
        let entry = entry(tenant, event)?;
        let space = self.handle.queue.wait_for_space(tenant).await?;
        self.handle.queue.push(entry, space)
    }

    /// Queues an event without waiting.
    ///
    /// ```no_run
    /// use watertight::TenantId;
    /// use watertight::auth::{AuditLog, AuthError, NewAuditEvent};
    ///
    /// /// Logs an event of a request. With a full queue the request goes on.
    /// fn record(log: &AuditLog, tenant: TenantId, event: NewAuditEvent) -> Result<(), AuthError> {
    ///     match log.try_log(tenant, event) {
    ///         Err(full @ AuthError::AuditLogFull { .. }) => {
    ///             eprintln!("{full}");
    ///             Ok(())
    ///         }
    ///         logged => logged,
    ///     }
    /// }
    /// ```
    ///
    /// # Errors
    /// [`AuthError::AuditLogFull`] if the queue, or the share of the tenant in it, is full; the errors of [`log`](Self::log).
    pub fn try_log(&self, tenant: TenantId, event: NewAuditEvent) -> Result<(), AuthError> {
        let entry = entry(tenant, event)?;
        let space = self.handle.queue.try_space(tenant)?;
        self.handle.queue.push(entry, space)
    }

    /// Sets a function that receives the events that the database rejects for their values.
    ///
    /// A rejected event is not tried again. Without a function, the log keeps the last 1,000 of them until it is closed. The
    /// function must not block.
    ///
    /// ```no_run
    /// # fn example(log: &watertight::auth::AuditLog) {
    /// log.on_refused(|refused| eprintln!("an event of {}: {}", refused.tenant, refused.error));
    /// # }
    /// ```
    pub fn on_refused(&self, receive: impl Fn(RefusedAuditEvent) + Send + Sync + 'static) {
        let receive: Receive = Arc::new(receive);
        self.handle.queue.on_refused(&receive);
    }

    /// The numbers of waiting, written and rejected events.
    #[must_use]
    pub fn metrics(&self) -> AuditLogMetrics {
        self.handle.queue.metrics()
    }

    /// Closes the log and all its handles, and waits until the queued events are written.
    ///
    /// Every call has the same result, also when it is repeated after its future was dropped.
    ///
    /// # Errors
    /// [`AuthError::AuditEventsUnwritten`], with the events, when they could not be written in time or were rejected.
    pub async fn close(self) -> Result<(), AuthError> {
        self.handle.queue.close();
        self.handle.queue.outcome().await
    }
}

fn entry(tenant: TenantId, event: NewAuditEvent) -> Result<Entry, AuthError> {
    event.check()?;
    let id = event.id.unwrap_or_else(Uuid::now_v7);
    Ok(Entry { tenant, id, event, logged: Instant::now(), logged_at: Utc::now() })
}
