//! The waiting audit events of all tenants.

mod state;

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use tokio::sync::{AcquireError, Notify, OwnedSemaphorePermit, Semaphore, TryAcquireError, watch};

use crate::auth::audit::log::attempt::{Attempted, silent};
use crate::auth::audit::log::entry::Entry;
use crate::auth::audit::log::metrics::AuditLogMetrics;
use crate::auth::audit::log::options::AuditLogOptions;
use crate::auth::audit::log::outcome::Outcome;
use crate::auth::audit::log::queue::state::State;
use crate::auth::audit::log::refused::RefusedAuditEvent;
use crate::auth::error::AuthError;
use crate::tenant::TenantId;

/// Receives rejected events.
pub(in crate::auth) type Receive = Arc<dyn Fn(RefusedAuditEvent) + Send + Sync>;

/// The waiting events. A tenant's events have a limit of their own, so that no tenant fills the queue.
pub(in crate::auth) struct Queue {
    pub(in crate::auth) options: AuditLogOptions,
    space: Arc<Semaphore>,
    state: Mutex<State>,
    /// Wakes the writer.
    pub(in crate::auth) changed: Notify,
    outcome: watch::Sender<Option<Arc<Outcome>>>,
}

/// The space of one event, free again when it is dropped.
#[derive(Debug)]
pub(in crate::auth) struct Space {
    _of_tenant: OwnedSemaphorePermit,
    _of_all: OwnedSemaphorePermit,
}

impl Queue {
    pub(in crate::auth) fn new(options: AuditLogOptions) -> Self {
        let capacity = options.capacity.clamp(1, Semaphore::MAX_PERMITS);
        Self {
            options: AuditLogOptions { capacity, ..options },
            space: Arc::new(Semaphore::new(capacity)),
            state: Mutex::default(),
            changed: Notify::new(),
            outcome: watch::Sender::new(None),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn share(&self, tenant: TenantId) -> Arc<Semaphore> {
        let share = self.options.tenant_capacity.unwrap_or(self.options.capacity / 4);
        self.state().share(tenant, share.clamp(1, self.options.capacity))
    }

    /// Waits for the space of an event.
    pub(in crate::auth) async fn wait_for_space(&self, tenant: TenantId) -> Result<Space, AuthError> {
        let closed = |_: AcquireError| AuthError::AuditLogClosed;
        let of_tenant = self.share(tenant).acquire_owned().await.map_err(closed)?;
        let of_all = Arc::clone(&self.space).acquire_owned().await.map_err(closed)?;
        Ok(Space { _of_tenant: of_tenant, _of_all: of_all })
    }

    /// Takes the space of an event if there is any.
    pub(in crate::auth) fn try_space(&self, tenant: TenantId) -> Result<Space, AuthError> {
        let full = |error| match error {
            TryAcquireError::Closed => AuthError::AuditLogClosed,
            TryAcquireError::NoPermits => AuthError::AuditLogFull { tenant },
        };
        let of_tenant = self.share(tenant).try_acquire_owned().map_err(full)?;
        let of_all = Arc::clone(&self.space).try_acquire_owned().map_err(full)?;
        Ok(Space { _of_tenant: of_tenant, _of_all: of_all })
    }

    pub(in crate::auth) fn push(&self, entry: Entry, space: Space) -> Result<(), AuthError> {
        self.state().push(entry, space)?;
        self.changed.notify_one();
        Ok(())
    }

    /// Takes the next events to be written: those of the tenant whose turn it is.
    pub(in crate::auth) fn take(&self) -> Option<(TenantId, Arc<[Entry]>)> {
        self.state().take(self.options.batch.max(1), Instant::now())
    }

    /// Takes the result of an attempt in.
    pub(in crate::auth) fn settle(&self, attempted: Attempted) {
        let (refused, receive) = self.state().settle(attempted);
        if let Some(receive) = receive {
            for event in refused {
                receive(event);
            }
        }
    }

    pub(in crate::auth) fn on_refused(&self, receive: &Receive) {
        let refused = self.state().on_refused(Arc::clone(receive));
        for event in refused {
            receive(event);
        }
    }

    pub(in crate::auth) fn metrics(&self) -> AuditLogMetrics {
        self.state().metrics()
    }

    /// Returns the time at which a tenant whose write failed is tried again.
    pub(in crate::auth) fn next_retry(&self) -> Option<Instant> {
        self.state().next_retry()
    }

    /// Returns the time at which closing gives up.
    pub(in crate::auth) fn deadline(&self) -> Option<Instant> {
        self.state().deadline
    }

    /// Returns true if no event waits and none will come.
    pub(in crate::auth) fn is_done(&self) -> bool {
        self.state().is_done()
    }

    /// Accepts no more events.
    pub(in crate::auth) fn end(&self) {
        self.state().end();
        self.space.close();
        self.changed.notify_one();
    }

    /// Accepts no more events, and limits the time of writing the remaining ones.
    pub(in crate::auth) fn close(&self) {
        self.state().close(Instant::now() + self.options.close_timeout);
        self.end();
    }

    /// Sets the result: the events that are left, and the reason. The first result stays.
    pub(in crate::auth) fn finish(&self, runtime_stopped: bool) {
        self.outcome.send_if_modified(|outcome| {
            if outcome.is_some() {
                return false;
            }
            self.end();
            let (unwritten, error) = self.state().give_back();
            let error = if runtime_stopped { error } else { error.or_else(|| Some(silent())) };
            *outcome = Some(Arc::new(Outcome { unwritten, error }));
            true
        });
    }

    /// Waits for the result.
    pub(in crate::auth) async fn outcome(&self) -> Result<(), AuthError> {
        let mut results = self.outcome.subscribe();
        let result = results.wait_for(Option::is_some).await.ok().and_then(|result| result.clone());
        result.map_or(Err(AuthError::RuntimeStopped), |outcome| outcome.result())
    }
}

impl fmt::Debug for Queue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Queue").field("metrics", &self.metrics()).finish_non_exhaustive()
    }
}
