//! Buffering of the audit log.

use std::time::Duration;

/// Buffering of an [`AuditLog`](crate::auth::AuditLog).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AuditLogOptions {
    /// The largest number of waiting events; a full buffer makes callers wait. 10,000 by default.
    pub capacity: usize,
    /// The largest number of events in one statement; 1,000 by default.
    pub batch: usize,
    /// The time for which closing retries failed writes; 10 seconds by default.
    pub close_timeout: Duration,
}

impl Default for AuditLogOptions {
    fn default() -> Self {
        Self { capacity: 10_000, batch: 1_000, close_timeout: Duration::from_secs(10) }
    }
}
