//! Buffering of the audit log.

use std::time::Duration;

/// Buffering of an [`AuditLog`](crate::auth::AuditLog).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AuditLogOptions {
    /// The largest number of queued events; a full queue makes callers wait. 10,000 by default.
    pub capacity: usize,
    /// The largest number of queued events of one tenant; a quarter of the capacity by default.
    pub tenant_capacity: Option<usize>,
    /// The largest number of events in one statement; 1,000 by default.
    pub batch: usize,
    /// The largest number of tenants that are written at the same time; 4 by default. Each takes a connection.
    pub writers: usize,
    /// The time limit of a statement; 10 seconds by default. Its events are tried again later.
    pub write_timeout: Duration,
    /// The time for which closing retries failed writes; 10 seconds by default.
    pub close_timeout: Duration,
}

impl Default for AuditLogOptions {
    fn default() -> Self {
        Self {
            capacity: 10_000,
            tenant_capacity: None,
            batch: 1_000,
            writers: 4,
            write_timeout: Duration::from_secs(10),
            close_timeout: Duration::from_secs(10),
        }
    }
}
