//! What is over and is not needed any more: how each is deleted.

use chrono::{DateTime, Utc};
use sea_orm::{ConnectionTrait, DbBackend, Statement, TransactionSession, Value};

use crate::error::Error;
use crate::tenant::Tenant;
use crate::tenant::sql::statement;

/// Rows that one statement deletes at most, so that none holds its locks for long.
const BATCH: u64 = 1_000;

/// Deletes the sessions that have ended.
pub(crate) async fn delete_sessions(db: &impl Tenant) -> Result<u64, Error> {
    let delete = r#"DELETE FROM "auth"."sessions" WHERE "id" IN (SELECT "s"."id" FROM "auth"."sessions" AS "s"
        WHERE "s"."expires_at" <= CURRENT_TIMESTAMP ORDER BY "s"."expires_at" LIMIT $1 FOR UPDATE SKIP LOCKED)"#;
    in_batches(db, delete, &[]).await
}

/// Deletes the invitations that no one accepted in time.
pub(crate) async fn delete_invitations(db: &impl Tenant) -> Result<u64, Error> {
    let delete = r#"DELETE FROM "auth"."invitations" WHERE "id" IN (SELECT "i"."id"
        FROM "auth"."invitations" AS "i" WHERE "i"."expires_at" <= CURRENT_TIMESTAMP AND "i"."used_at" IS NULL
        ORDER BY "i"."expires_at" LIMIT $1 FOR UPDATE SKIP LOCKED)"#;
    in_batches(db, delete, &[]).await
}

/// Deletes the audit events from before a time.
pub(crate) async fn delete_audit_events(db: &impl Tenant, before: DateTime<Utc>) -> Result<u64, Error> {
    let delete = r#"DELETE FROM "auth"."audit_events" WHERE "id" IN (SELECT "e"."id"
        FROM "auth"."audit_events" AS "e" WHERE "e"."timestamp" < $2
        ORDER BY "e"."timestamp" LIMIT $1 FOR UPDATE SKIP LOCKED)"#;
    in_batches(db, delete, &[before.into()]).await
}

/// Deletes the holds on slots that were released or have expired.
pub(crate) async fn delete_holds(db: &impl Tenant) -> Result<u64, Error> {
    let delete = r#"DELETE FROM "public"."slot_reservations"
        WHERE "released_at" IS NOT NULL OR "expires_at" <= CURRENT_TIMESTAMP"#;
    Ok(db.execute_raw(statement(delete, [])).await?.rows_affected())
}

/// Runs a delete of at most `$1` rows until it finds fewer.
async fn in_batches(db: &impl Tenant, delete: &str, others: &[Value]) -> Result<u64, Error> {
    let mut total = 0;
    loop {
        let values = std::iter::once(BATCH.cast_signed().into()).chain(others.iter().cloned());
        let transaction = db.begin().await?;
        let done = transaction
            .execute_raw(Statement::from_sql_and_values(DbBackend::Postgres, delete, values))
            .await?
            .rows_affected();
        transaction.commit().await?;
        total += done;
        if done < BATCH {
            return Ok(total);
        }
    }
}
