//! Audit events for a program outside of the database.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::sync::mpsc;
use uuid::Uuid;

use crate::auth::audit::new_event::NewAuditEvent;
use crate::tenant::TenantId;

/// A queue of written audit events, for a log or another system outside of the database.
///
/// An operation puts each event that it writes into the queue and goes on: it never waits for the queue and never fails
/// because of it. Events that find the queue full, or its receiver gone, are counted and are only in the database.
///
/// The event of an operation within a transaction of the application is queued before the transaction commits, so an event of
/// a transaction that is rolled back is received, too.
///
/// ```
/// use watertight::auth::{AuditSink, AuthSettings};
///
/// let (sink, mut events) = AuditSink::new(10_000);
/// let settings = AuthSettings::default().audit_sink(sink.clone());
/// // In a task of the application:
/// let forward = async move {
///     while let Some(sunk) = events.recv().await {
///         println!("{} {} {}", sunk.tenant, sunk.id, sunk.event.event_type);
///     }
/// };
/// assert_eq!(sink.dropped(), 0);
/// ```
#[derive(Debug, Clone)]
pub struct AuditSink {
    sender: mpsc::Sender<SunkEvent>,
    dropped: Arc<AtomicU64>,
}

/// A written audit event that an [`AuditSink`] passes on.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct SunkEvent {
    /// The tenant.
    pub tenant: TenantId,
    /// The id of the event in the audit trail.
    pub id: Uuid,
    /// The event. Its address has the form in which it is stored.
    pub event: NewAuditEvent,
}

impl AuditSink {
    /// Creates a queue for at most `capacity` events, and its receiving end.
    ///
    /// ```
    /// use watertight::auth::AuditSink;
    ///
    /// let (sink, events) = AuditSink::new(1_000);
    /// assert_eq!((sink.dropped(), events.len()), (0, 0));
    /// ```
    #[must_use]
    pub fn new(capacity: usize) -> (Self, mpsc::Receiver<SunkEvent>) {
        let (sender, receiver) = mpsc::channel(capacity.clamp(1, tokio::sync::Semaphore::MAX_PERMITS));
        (Self { sender, dropped: Arc::default() }, receiver)
    }

    /// The number of events that were not queued.
    #[must_use]
    pub fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }

    pub(in crate::auth) fn pass(&self, tenant: TenantId, id: Uuid, event: NewAuditEvent) {
        if self.sender.try_send(SunkEvent { tenant, id, event }).is_err() {
            self.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }
}
