//! The result of an audit log, which every call of `close` returns.

use sea_orm::DbErr;

use crate::auth::audit::new_event::NewAuditEvent;
use crate::auth::error::AuthError;
use crate::tenant::TenantId;

/// The events that were not written, and the reason.
#[derive(Debug)]
pub(in crate::auth) struct Outcome {
    pub(in crate::auth) unwritten: Vec<(TenantId, NewAuditEvent)>,
    /// The last error, or `None` when the runtime stopped.
    pub(in crate::auth) error: Option<DbErr>,
}

impl Outcome {
    pub(in crate::auth) fn result(&self) -> Result<(), AuthError> {
        if self.unwritten.is_empty() {
            return Ok(());
        }
        let source = self.error.clone().map_or(AuthError::RuntimeStopped, AuthError::Database);
        Err(AuthError::AuditEventsUnwritten { events: self.unwritten.clone(), source: Box::new(source) })
    }
}
