//! Audit events written in the background.

mod entry;
pub(in crate::auth) mod options;
mod writer;

use std::sync::Arc;
use std::time::Instant;

use tokio::sync::{Mutex, Notify, mpsc};
use tokio::task::JoinHandle;
use uuid::Uuid;

use crate::auth::audit::log::entry::Entry;
use crate::auth::audit::log::options::AuditLogOptions;
use crate::auth::audit::log::writer::Writer;
use crate::auth::audit::new_event::NewAuditEvent;
use crate::auth::error::AuthError;
use crate::tenant::{Shared, TenantId};

/// A background writer of audit events of all tenants: in order, many in one statement.
///
/// Few events are written one by one, many in batches. Failed writes are retried. [`close`](Self::close) the log before the
/// program ends: it writes every event or returns the unwritten ones. A handle is cheap to clone. Dropping the last handle
/// writes the remaining events as long as the runtime runs.
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
    sender: mpsc::Sender<Entry>,
    closing: Arc<Notify>,
    writer: Arc<Mutex<Option<Written>>>,
}

/// The outcome of the writer.
type Written = JoinHandle<Result<(), AuthError>>;

impl AuditLog {
    pub(crate) fn start(shared: Arc<Shared>, options: AuditLogOptions) -> Self {
        let (sender, receiver) = mpsc::channel(options.capacity.max(1));
        let closing = Arc::new(Notify::new());
        let writer = Writer::new(shared, options, receiver, Arc::clone(&closing));
        let writer = Arc::new(Mutex::new(Some(tokio::spawn(writer.run()))));
        Self { sender, closing, writer }
    }

    /// Queues an event. Its time is the time of this call.
    ///
    /// An event that waits longer than a day is dated one day before it is written.
    ///
    /// # Errors
    /// [`AuthError::InvalidInput`]; [`AuthError::AuditLogClosed`] after [`close`](Self::close).
    pub async fn log(&self, tenant: TenantId, event: NewAuditEvent) -> Result<(), AuthError> {
        event.check()?;
        let entry = Entry { tenant, id: Uuid::now_v7(), event, logged: Instant::now() };
        self.sender.send(entry).await.map_err(|_| AuthError::AuditLogClosed)
    }

    /// Closes the log and all its handles, and waits until the queued events are written.
    ///
    /// # Errors
    /// [`AuthError::AuditEventsUnwritten`], with the events, when they could not be written in time.
    pub async fn close(self) -> Result<(), AuthError> {
        self.closing.notify_one();
        let writer = self.writer.lock().await.take();
        match writer {
            Some(writer) => writer.await.map_err(|_| AuthError::RuntimeStopped)?,
            None => Ok(()),
        }
    }
}
