//! The task that writes buffered audit events.

use std::pin::pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::{Notify, mpsc};
use tracing::warn;

use crate::auth::audit::log::entry::Entry;
use crate::auth::audit::log::options::AuditLogOptions;
use crate::auth::error::AuthError;
use crate::tenant::{Shared, TenantConnection, TenantId};

/// The task that writes the events.
pub(in crate::auth) struct Writer {
    shared: Arc<Shared>,
    options: AuditLogOptions,
    receiver: mpsc::Receiver<Entry>,
    closing: Arc<Notify>,
}

impl Writer {
    pub(in crate::auth) const fn new(
        shared: Arc<Shared>,
        options: AuditLogOptions,
        receiver: mpsc::Receiver<Entry>,
        closing: Arc<Notify>,
    ) -> Self {
        Self { shared, options, receiver, closing }
    }

    pub(in crate::auth) async fn run(mut self) -> Result<(), AuthError> {
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
                let mut writing = pin!(tenant.auth().audit().write(&rows));
                loop {
                    let time_is_over = deadline.unwrap_or_else(Instant::now);
                    tokio::select! {
                        written = &mut writing => break written,
                        () = self.closing.notified(), if deadline.is_none() => {
                            self.receiver.close();
                            *deadline = Some(Instant::now() + self.options.close_timeout);
                        }
                        () = tokio::time::sleep_until(time_is_over.into()), if deadline.is_some() => {
                            let silent = "the database did not answer in time, so the events may have been \
                                          written";
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
                    warn!(events = rows.len(), %error, "audit events could not be written and will be retried");
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
