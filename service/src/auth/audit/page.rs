//! A page of the audit trail.

use crate::auth::audit::cursor::AuditCursor;
use crate::auth::audit::event::AuditEvent;

/// A page of the trail, newest first.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct AuditPage {
    /// The events.
    pub events: Vec<AuditEvent>,
    /// The start of the next page; `None` when this is the last.
    pub next: Option<AuditCursor>,
}
