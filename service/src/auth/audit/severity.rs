//! The usual severity of each type of event.

use crate::auth::audit::event_type::AuditEventType;
use crate::auth::audit::kinds::Severity;

impl AuditEventType {
    /// The usual severity of an event of this type, which [`NewAuditEvent::new`](crate::auth::NewAuditEvent::new) sets.
    ///
    /// Failures, locks and the loss of a protection are warnings. An expired session and the types of an application are
    /// information.
    ///
    /// ```
    /// use watertight::auth::{AuditEventType, Severity};
    ///
    /// assert_eq!(AuditEventType::LoginSuccess.severity(), Severity::Info);
    /// assert_eq!(AuditEventType::LoginFailure.severity(), Severity::Warning);
    /// ```
    #[must_use]
    pub const fn severity(&self) -> Severity {
        match self {
            Self::LoginFailure
            | Self::TotpFailure
            | Self::TotpDisabled
            | Self::UserDeleted
            | Self::UserLocked
            | Self::RoleChanged
            | Self::AccountLocked => Severity::Warning,
            _ => Severity::Info,
        }
    }
}
