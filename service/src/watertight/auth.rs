//! What authentication has in common for all tenants of a database.

use std::sync::Arc;

use super::Watertight;
use crate::auth::{AuditLog, AuditLogOptions, AuthConfig, HashingMetrics};

impl Watertight {
    /// How busy the hashing of passwords is.
    #[must_use]
    pub fn hashing_metrics(&self) -> HashingMetrics {
        AuthConfig::of(|of| self.shared.extensions.find(of)).hashing_metrics()
    }

    /// Starts to write audit events of all tenants behind the caller. Call it within a Tokio runtime, once, and
    /// [`close`](AuditLog::close) it before the program ends.
    #[must_use]
    pub fn audit_log(&self, options: AuditLogOptions) -> AuditLog {
        AuditLog::start(Arc::clone(&self.shared), options)
    }
}
