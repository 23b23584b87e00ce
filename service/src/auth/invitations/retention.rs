//! Retention of invitations.

use sea_orm::DbErr;

use crate::tenant::TenantExecutor;
use crate::tenant::batches::delete_in_batches;

/// Deletes the invitations that expired unused.
pub(crate) async fn delete_expired_invitations(db: &impl TenantExecutor) -> Result<u64, DbErr> {
    let delete = r#"DELETE FROM "auth"."invitations" WHERE "id" IN (SELECT "i"."id"
        FROM "auth"."invitations" AS "i" WHERE "i"."expires_at" <= CURRENT_TIMESTAMP AND "i"."used_at" IS NULL
        ORDER BY "i"."expires_at" LIMIT $1 FOR UPDATE SKIP LOCKED)"#;
    delete_in_batches(db, delete, &[]).await
}
