//! Deletes rows that have expired.

use chrono::{DateTime, Utc};
use sea_orm::DbErr;

use crate::tenant::TenantExecutor;
use crate::tenant::batches::delete_in_batches;

/// Deletes the sessions that have ended.
pub(crate) async fn delete_sessions(db: &impl TenantExecutor) -> Result<u64, DbErr> {
    let delete = r#"DELETE FROM "auth"."sessions" WHERE "id" IN (SELECT "s"."id" FROM "auth"."sessions" AS "s"
        WHERE "s"."expires_at" <= CURRENT_TIMESTAMP ORDER BY "s"."expires_at" LIMIT $1 FOR UPDATE SKIP LOCKED)"#;
    delete_in_batches(db, delete, &[]).await
}

/// Deletes the invitations that expired unused.
pub(crate) async fn delete_invitations(db: &impl TenantExecutor) -> Result<u64, DbErr> {
    let delete = r#"DELETE FROM "auth"."invitations" WHERE "id" IN (SELECT "i"."id"
        FROM "auth"."invitations" AS "i" WHERE "i"."expires_at" <= CURRENT_TIMESTAMP AND "i"."used_at" IS NULL
        ORDER BY "i"."expires_at" LIMIT $1 FOR UPDATE SKIP LOCKED)"#;
    delete_in_batches(db, delete, &[]).await
}

/// Deletes the audit events from before a time.
pub(crate) async fn delete_audit_events(
    db: &impl TenantExecutor,
    before: DateTime<Utc>,
) -> Result<u64, DbErr> {
    let delete = r#"DELETE FROM "auth"."audit_events" WHERE "id" IN (SELECT "e"."id"
        FROM "auth"."audit_events" AS "e" WHERE "e"."timestamp" < $2
        ORDER BY "e"."timestamp" LIMIT $1 FOR UPDATE SKIP LOCKED)"#;
    delete_in_batches(db, delete, &[before.into()]).await
}
