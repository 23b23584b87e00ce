//! The state of the queue, behind its lock.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

use sea_orm::DbErr;
use tokio::sync::Semaphore;
use tracing::{error, warn};

use crate::auth::audit::log::attempt::Attempted;
use crate::auth::audit::log::entry::Entry;
use crate::auth::audit::log::metrics::AuditLogMetrics;
use crate::auth::audit::log::queue::{Receive, Space};
use crate::auth::audit::log::refused::RefusedAuditEvent;
use crate::auth::audit::new_event::NewAuditEvent;
use crate::auth::error::AuthError;
use crate::tenant::TenantId;

/// The most rejected events that are kept.
const REFUSED: usize = 1_000;

const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

#[derive(Default)]
pub(super) struct State {
    tenants: HashMap<TenantId, Waiting>,
    /// The tenants with events that are not being written, the next to be written first.
    turns: VecDeque<TenantId>,
    ended: bool,
    pub(super) deadline: Option<Instant>,
    refused: VecDeque<RefusedAuditEvent>,
    receive: Option<Receive>,
    metrics: AuditLogMetrics,
    last_error: Option<DbErr>,
}

/// The events of one tenant.
struct Waiting {
    share: Arc<Semaphore>,
    events: VecDeque<(Entry, Space)>,
    /// The events of the running attempt.
    writing: Option<(Arc<[Entry]>, Vec<Space>)>,
    pause: Duration,
    retry_at: Option<Instant>,
}

impl State {
    pub(super) fn share(&mut self, tenant: TenantId, permits: usize) -> Arc<Semaphore> {
        let ended = self.ended;
        let waiting = self.tenants.entry(tenant).or_insert_with(|| {
            let share = Arc::new(Semaphore::new(permits));
            if ended {
                share.close();
            }
            Waiting { share, events: VecDeque::new(), writing: None, pause: FIRST_PAUSE, retry_at: None }
        });
        Arc::clone(&waiting.share)
    }

    pub(super) fn push(&mut self, entry: Entry, space: Space) -> Result<(), AuthError> {
        if self.ended {
            return Err(AuthError::AuditLogClosed);
        }
        let tenant = entry.tenant;
        // The space belongs to the tenant's share, so the tenant is known.
        let waiting = self.tenants.get_mut(&tenant).ok_or(AuthError::AuditLogClosed)?;
        if waiting.events.is_empty() && waiting.writing.is_none() {
            self.turns.push_back(tenant);
        }
        waiting.events.push_back((entry, space));
        self.metrics.waiting += 1;
        Ok(())
    }

    /// Takes events of the first tenant that does not pause.
    pub(super) fn take(&mut self, batch: usize, now: Instant) -> Option<(TenantId, Arc<[Entry]>)> {
        let pausing = |tenant: &TenantId| {
            self.tenants.get(tenant).and_then(|waiting| waiting.retry_at).is_some_and(|at| at > now)
        };
        let place = self.turns.iter().position(|tenant| !pausing(tenant))?;
        let tenant = self.turns.remove(place)?;
        let waiting = self.tenants.get_mut(&tenant)?;
        let count = batch.min(waiting.events.len());
        let (entries, spaces): (Vec<_>, Vec<_>) = waiting.events.drain(..count).unzip();
        let entries: Arc<[Entry]> = entries.into();
        waiting.writing = Some((Arc::clone(&entries), spaces));
        waiting.retry_at = None;
        Some((tenant, entries))
    }

    /// Returns the rejected events and their receiver, if there is one.
    pub(super) fn settle(
        &mut self,
        Attempted { tenant, refused, left }: Attempted,
    ) -> (Vec<RefusedAuditEvent>, Option<Receive>) {
        let Some(waiting) = self.tenants.get_mut(&tenant) else { return (Vec::new(), None) };
        let Some((entries, mut spaces)) = waiting.writing.take() else { return (Vec::new(), None) };
        let kept = left.as_ref().map_or(entries.len(), |(range, _)| range.start);
        let spaces_left = spaces.split_off(kept);
        drop(spaces);
        let refused: Vec<_> = refused
            .into_iter()
            .filter_map(|(place, error)| {
                let event = entries.get(place)?.identified();
                Some(RefusedAuditEvent { tenant, event, error })
            })
            .collect();
        self.metrics.written += (kept - refused.len()) as u64;
        self.metrics.refused += refused.len() as u64;
        self.metrics.waiting -= kept;
        match left {
            Some((range, error)) => {
                warn!(%tenant, events = range.len(), %error, "audit events could not be written and will be retried");
                self.metrics.retries += 1;
                self.last_error = Some(error);
                let again = entries.iter().skip(range.start).cloned().zip(spaces_left);
                again.rev().for_each(|event| waiting.events.push_front(event));
                waiting.retry_at = Some(Instant::now() + waiting.pause);
                waiting.pause = (waiting.pause * 2).min(LONGEST_PAUSE);
            }
            None => waiting.pause = FIRST_PAUSE,
        }
        if waiting.events.is_empty() {
            self.forget_idle(tenant);
        } else {
            self.turns.push_back(tenant);
        }
        (self.keep(refused), self.receive.clone())
    }

    /// Forgets a tenant without events, unless a call waits for space in its share.
    fn forget_idle(&mut self, tenant: TenantId) {
        if self.tenants.get(&tenant).is_some_and(|waiting| Arc::strong_count(&waiting.share) == 1) {
            self.tenants.remove(&tenant);
        }
    }

    /// Keeps rejected events if nothing receives them, and returns them otherwise.
    fn keep(&mut self, refused: Vec<RefusedAuditEvent>) -> Vec<RefusedAuditEvent> {
        for RefusedAuditEvent { tenant, event, error } in &refused {
            error!(%tenant, id = ?event.id, %error, "the database rejected an audit event");
        }
        if self.receive.is_some() {
            return refused;
        }
        self.refused.extend(refused);
        let surplus = self.refused.len().saturating_sub(REFUSED);
        self.refused.drain(..surplus);
        Vec::new()
    }

    pub(super) fn on_refused(&mut self, receive: Receive) -> Vec<RefusedAuditEvent> {
        self.receive = Some(receive);
        std::mem::take(&mut self.refused).into()
    }

    pub(super) const fn metrics(&self) -> AuditLogMetrics {
        self.metrics
    }

    pub(super) fn next_retry(&self) -> Option<Instant> {
        let waiting = self.turns.iter().filter_map(|tenant| self.tenants.get(tenant));
        waiting.filter_map(|waiting| waiting.retry_at).min()
    }

    pub(super) fn is_done(&self) -> bool {
        self.ended && self.metrics.waiting == 0
    }

    pub(super) fn end(&mut self) {
        self.ended = true;
        self.tenants.values().for_each(|waiting| waiting.share.close());
    }

    /// Sets the end of writing. Tenants whose write failed are tried again at once.
    pub(super) fn close(&mut self, deadline: Instant) {
        if self.deadline.is_none() {
            self.deadline = Some(deadline);
            self.tenants.values_mut().for_each(|waiting| waiting.retry_at = None);
        }
    }

    /// The events that are not written, with the last error.
    pub(super) fn give_back(&mut self) -> (Vec<(TenantId, NewAuditEvent)>, Option<DbErr>) {
        let mut unwritten = Vec::new();
        let mut error = self.last_error.take();
        for refused in std::mem::take(&mut self.refused) {
            unwritten.push((refused.tenant, refused.event));
            error = error.or(Some(refused.error));
        }
        for (tenant, waiting) in std::mem::take(&mut self.tenants) {
            let writing = waiting.writing.into_iter().flat_map(|(entries, _)| entries.to_vec());
            let entries = writing.chain(waiting.events.into_iter().map(|(entry, _)| entry));
            unwritten.extend(entries.map(|entry| (tenant, entry.identified())));
        }
        (unwritten, error)
    }
}
