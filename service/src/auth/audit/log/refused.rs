//! Audit events that the database rejects.

use sea_orm::DbErr;

use crate::auth::audit::new_event::NewAuditEvent;
use crate::tenant::TenantId;

/// An audit event that the database rejected for its values.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct RefusedAuditEvent {
    /// The tenant of the event.
    pub tenant: TenantId,
    /// The event, with its id and its time.
    pub event: NewAuditEvent,
    /// The error of the database.
    pub error: DbErr,
}
