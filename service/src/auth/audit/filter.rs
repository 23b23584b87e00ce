//! Selection of audit events.

use chrono::{DateTime, Utc};
use uuid::Uuid;

use crate::auth::audit::cursor::AuditCursor;
use crate::auth::audit::event_type::AuditEventType;
use crate::auth::audit::kinds::Severity;

/// A selection of audit events. The default selects all.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct AuditFilter {
    /// Not before this time.
    pub from: Option<DateTime<Utc>>,
    /// Before this time.
    pub until: Option<DateTime<Utc>>,
    /// Of this type.
    pub event_type: Option<AuditEventType>,
    /// Done by this user.
    pub user_id: Option<Uuid>,
    /// Of this severity.
    pub severity: Option<Severity>,
    /// Older than this position: the `next` of the previous page.
    pub after: Option<AuditCursor>,
    /// The largest number of events, 1 to 1000; 100 by default.
    pub limit: Option<u64>,
}

impl AuditFilter {
    /// The largest number of events of a page.
    pub const MAX_LIMIT: u64 = 1_000;
    /// The number of events of a page by default.
    pub const DEFAULT_LIMIT: u64 = 100;
}
