//! A queued audit event.

use std::time::Instant;

use chrono::{DateTime, Utc};
use uuid::Uuid;

use crate::auth::audit::new_event::NewAuditEvent;
use crate::tenant::TenantId;

/// A queued event, with its tenant, its id and the time of the call.
#[derive(Debug, Clone)]
pub(in crate::auth) struct Entry {
    pub(in crate::auth) tenant: TenantId,
    pub(in crate::auth) id: Uuid,
    pub(in crate::auth) event: NewAuditEvent,
    pub(in crate::auth) logged: Instant,
    pub(in crate::auth) logged_at: DateTime<Utc>,
}

impl Entry {
    /// The event with its id and its time, so that it is stored once however often it is written.
    pub(in crate::auth) fn identified(&self) -> NewAuditEvent {
        let occurred_at = self.event.occurred_at.or(Some(self.logged_at));
        NewAuditEvent { id: Some(self.id), occurred_at, ..self.event.clone() }
    }
}
