//! Retention of audit events.

use chrono::{DateTime, Utc};
use sea_orm::DbErr;

use crate::auth::error::AuthError;
use crate::auth::handle::AuditTrail;
use crate::tenant::TenantExecutor;
use crate::tenant::batches::Expired;

/// Deletes the audit events from before a time.
pub(crate) async fn delete_audit_events(
    db: &impl TenantExecutor,
    before: DateTime<Utc>,
) -> Result<u64, DbErr> {
    let events = Expired {
        table: r#""auth"."audit_events""#,
        condition: r#""x"."timestamp" < $2"#,
        oldest: "timestamp",
    };
    events.delete(db, &[before.into()]).await
}

impl<C: TenantExecutor> AuditTrail<'_, C> {
    /// Deletes the events before a time and returns their number.
    ///
    /// The application's role may not delete events: connect as the tables' owner.
    ///
    /// The rows are deleted in batches, as by [`Sessions::delete_expired`](crate::auth::Sessions::delete_expired).
    ///
    /// # Errors
    /// [`AuthError::Database`], for the application's role too; rows of earlier batches stay deleted.
    pub async fn purge(self, before: DateTime<Utc>) -> Result<u64, AuthError> {
        Ok(delete_audit_events(self.auth.db, before).await?)
    }
}
