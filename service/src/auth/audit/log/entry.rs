//! A queued audit event.

use std::time::Instant;

use uuid::Uuid;

use crate::auth::audit::new_event::NewAuditEvent;
use crate::tenant::TenantId;

/// A queued event, with its tenant, its id and the time of the call.
#[derive(Debug)]
pub(in crate::auth) struct Entry {
    pub(in crate::auth) tenant: TenantId,
    pub(in crate::auth) id: Uuid,
    pub(in crate::auth) event: NewAuditEvent,
    pub(in crate::auth) logged: Instant,
}
