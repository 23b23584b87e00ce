//! Retention of sessions.

use sea_orm::DbErr;

use crate::tenant::TenantExecutor;
use crate::tenant::batches::Expired;

/// Deletes the sessions that have ended.
pub(crate) async fn delete_expired_sessions(db: &impl TenantExecutor) -> Result<u64, DbErr> {
    let sessions = Expired {
        table: r#""auth"."sessions""#,
        condition: r#""x"."expires_at" <= CURRENT_TIMESTAMP"#,
        oldest: "expires_at",
    };
    sessions.delete(db, &[]).await
}
