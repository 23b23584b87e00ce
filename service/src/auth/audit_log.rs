//! Audit events written behind the caller, many in one statement.

use std::pin::pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::{Mutex, Notify, mpsc};
use tokio::task::JoinHandle;
use tracing::warn;
use uuid::Uuid;

use super::audit::NewAuditEvent;
use crate::auth::AuthError;
use crate::tenant::{Shared, TenantConnection, TenantId};

/// How an [`AuditLog`] buffers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AuditLogOptions {
    /// How many events wait to be written at most; then whoever logs waits. 10,000 by default.
    pub capacity: usize,
    /// How many are written in one statement at most; 1,000 by default.
    pub batch: usize,
    /// How long closing goes on trying when the database does not take them; 10 seconds by default.
    pub close_timeout: Duration,
}

impl Default for AuditLogOptions {
    fn default() -> Self {
        Self { capacity: 10_000, batch: 1_000, close_timeout: Duration::from_secs(10) }
    }
}

/// Writes audit events of all tenants behind the caller, in the order they were logged, many in one statement.
///
/// Events are written as soon as the ones before are: alone when there are few, in batches when there are many. What
/// the database does not take is tried again until it does. [`close`](Self::close) it before the program ends: then
/// every event is written, or given back. A handle is cheap to clone. Dropping the last one writes what is left, as
/// long as the runtime runs.
///
/// ```no_run
/// use watertight::auth::{AuditEventType, AuditLogOptions, NewAuditEvent};
///
/// # async fn example(water: watertight::Watertight, tenant: watertight::TenantId) -> Result<(), watertight::Error> {
/// let log = water.audit_log(AuditLogOptions::default());
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

/// What the writing ended with.
type Written = JoinHandle<Result<(), AuthError>>;

#[derive(Debug)]
struct Entry {
    tenant: TenantId,
    id: Uuid,
    event: NewAuditEvent,
    logged: Instant,
}

impl AuditLog {
    pub(crate) fn start(shared: Arc<Shared>, options: AuditLogOptions) -> Self {
        let (sender, receiver) = mpsc::channel(options.capacity.max(1));
        let closing = Arc::new(Notify::new());
        let writer = Writer { shared, options, receiver, closing: Arc::clone(&closing) };
        let writer = Arc::new(Mutex::new(Some(tokio::spawn(writer.run()))));
        Self { sender, closing, writer }
    }

    /// Takes an event, which is written soon. Its time is now, whenever it is written; only an event that waits for the
    /// database longer than a day is dated a day before it is written.
    ///
    /// # Errors
    /// [`AuthError::InvalidInput`]; [`AuthError::AuditLogClosed`] after [`close`](Self::close).
    pub async fn log(&self, tenant: TenantId, event: NewAuditEvent) -> Result<(), AuthError> {
        event.check()?;
        let entry = Entry { tenant, id: Uuid::now_v7(), event, logged: Instant::now() };
        self.sender.send(entry).await.map_err(|_| AuthError::AuditLogClosed)
    }

    /// Takes no more events, and waits until those taken are written. All handles are closed with it.
    ///
    /// # Errors
    /// [`AuthError::AuditEventsUnwritten`], with the events, when the database has not taken them in time.
    pub async fn close(self) -> Result<(), AuthError> {
        self.closing.notify_one();
        let writer = self.writer.lock().await.take();
        match writer {
            Some(writer) => writer.await.map_err(|_| AuthError::RuntimeStopped)?,
            None => Ok(()),
        }
    }
}

struct Writer {
    shared: Arc<Shared>,
    options: AuditLogOptions,
    receiver: mpsc::Receiver<Entry>,
    closing: Arc<Notify>,
}

impl Writer {
    async fn run(mut self) -> Result<(), AuthError> {
        let mut deadline = None;
        let mut batch = Vec::new();
        loop {
            tokio::select! {
                biased;
                () = self.closing.notified(), if deadline.is_none() => {
                    self.receiver.close();
                    deadline = Some(Instant::now() + self.options.close_timeout);
                }
                count = self.receiver.recv_many(&mut batch, self.options.batch.max(1)) => {
                    if count == 0 {
                        return Ok(());
                    }
                    self.write(std::mem::take(&mut batch), &mut deadline).await?;
                }
            }
        }
    }

    /// Writes a batch, each tenant's events in a statement of their own, and tries again until it is written or the
    /// time to close is over.
    async fn write(&mut self, batch: Vec<Entry>, deadline: &mut Option<Instant>) -> Result<(), AuthError> {
        let mut left = by_tenant(batch);
        let mut pause = Duration::from_millis(50);
        while let Some((tenant, entries)) = left.first() {
            let rows: Vec<_> =
                entries.iter().map(|entry| (entry.id, &entry.event, entry.logged.elapsed())).collect();
            let tenant = TenantConnection::new(Arc::clone(&self.shared), *tenant);
            let written = {
                let mut writing = pin!(tenant.auth().write_audit_events(&rows));
                loop {
                    let time_is_over = deadline.unwrap_or_else(Instant::now);
                    tokio::select! {
                        written = &mut writing => break written,
                        () = self.closing.notified(), if deadline.is_none() => {
                            self.receiver.close();
                            *deadline = Some(Instant::now() + self.options.close_timeout);
                        }
                        () = tokio::time::sleep_until(time_is_over.into()), if deadline.is_some() => {
                            let silent = "the database has not answered; the events may have been written";
                            break Err(sea_orm::DbErr::Custom(silent.to_owned()).into());
                        }
                    }
                }
            };
            match written {
                Ok(()) => {
                    left.remove(0);
                    pause = Duration::from_millis(50);
                }
                Err(error) if deadline.is_some_and(|deadline| Instant::now() >= deadline) => {
                    return Err(self.give_back(left, error).await);
                }
                Err(error) => {
                    warn!(events = rows.len(), %error, "audit events are not written yet");
                    tokio::select! {
                        () = tokio::time::sleep(pause) => {}
                        () = self.closing.notified(), if deadline.is_none() => {
                            self.receiver.close();
                            *deadline = Some(Instant::now() + self.options.close_timeout);
                        }
                    }
                    pause = (pause * 2).min(Duration::from_secs(5));
                    if let Some(deadline) = deadline {
                        pause = pause.min(deadline.saturating_duration_since(Instant::now()));
                    }
                }
            }
        }
        Ok(())
    }

    async fn give_back(&mut self, left: Vec<(TenantId, Vec<Entry>)>, error: AuthError) -> AuthError {
        let mut events: Vec<_> = left
            .into_iter()
            .flat_map(|(_, entries)| entries)
            .map(|entry| (entry.tenant, entry.event))
            .collect();
        while let Some(entry) = self.receiver.recv().await {
            events.push((entry.tenant, entry.event));
        }
        AuthError::AuditEventsUnwritten { events, source: Box::new(error) }
    }
}

/// The events of each tenant, in their order.
fn by_tenant(batch: Vec<Entry>) -> Vec<(TenantId, Vec<Entry>)> {
    let mut tenants: Vec<(TenantId, Vec<Entry>)> = Vec::new();
    for entry in batch {
        match tenants.iter_mut().find(|(tenant, _)| *tenant == entry.tenant) {
            Some((_, entries)) => entries.push(entry),
            None => tenants.push((entry.tenant, vec![entry])),
        }
    }
    tenants
}
