//! Authentication across all tenants of a database.

use std::sync::Arc;

use super::Watertight;
use crate::auth::{AuditLog, AuditLogOptions, AuthConfig, HashingMetrics};

impl Watertight {
    /// The load of the password hashing.
    #[must_use]
    pub fn hashing_metrics(&self) -> HashingMetrics {
        AuthConfig::of(&*self.shared.auth).hashing_metrics()
    }

    /// Starts a background writer for the audit events of all tenants.
    ///
    /// Call it once, within a Tokio runtime, and [`close`](AuditLog::close) the log before the program ends.
    #[must_use]
    pub fn spawn_audit_log(&self, options: AuditLogOptions) -> AuditLog {
        AuditLog::start(Arc::clone(&self.shared), options)
    }
}
