//! Deletion of many rows in batches.

use sea_orm::{DbBackend, DbErr, Statement, Value};

use super::access::TenantExecutor;

/// The maximum number of rows that one statement deletes, to keep locks short.
const BATCH: u64 = 1_000;

/// Repeats a delete of at most `$1` rows until it deletes fewer.
pub(crate) async fn delete_in_batches(
    db: &impl TenantExecutor,
    delete: &str,
    others: &[Value],
) -> Result<u64, DbErr> {
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
