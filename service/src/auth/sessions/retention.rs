//! Retention of sessions.

use sea_orm::DbErr;

use crate::tenant::TenantExecutor;
use crate::tenant::batches::delete_in_batches;

/// Deletes the sessions that have ended.
pub(crate) async fn delete_expired_sessions(db: &impl TenantExecutor) -> Result<u64, DbErr> {
    let delete = r#"DELETE FROM "auth"."sessions" WHERE "id" IN (SELECT "s"."id" FROM "auth"."sessions" AS "s"
        WHERE "s"."expires_at" <= CURRENT_TIMESTAMP ORDER BY "s"."expires_at" LIMIT $1 FOR UPDATE SKIP LOCKED)"#;
    delete_in_batches(db, delete, &[]).await
}
