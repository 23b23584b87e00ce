//! Load of an audit log.

/// Load of an [`AuditLog`](crate::auth::AuditLog); see [`AuditLog::metrics`](crate::auth::AuditLog::metrics).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct AuditLogMetrics {
    /// The number of queued events, those that are being written included.
    pub waiting: usize,
    /// The number of written events.
    pub written: u64,
    /// The number of events that the database rejected for their values.
    pub refused: u64,
    /// The number of statements that failed and were repeated.
    pub retries: u64,
}
