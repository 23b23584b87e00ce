//! Deletion of many rows in batches.

use sea_orm::{DbBackend, DbErr, Statement, Value};

use super::access::TenantExecutor;

/// The maximum number of rows that one statement deletes, to keep locks short.
const BATCH: u64 = 1_000;

/// The rows to delete from a table whose key is `id`.
pub(crate) struct Expired<'a> {
    /// The quoted name of the table, which has the alias `x` in the condition.
    pub(crate) table: &'a str,
    /// The condition, with parameters from `$2`.
    pub(crate) condition: &'a str,
    /// The column by which old rows come first.
    pub(crate) oldest: &'a str,
}

impl Expired<'_> {
    /// Deletes the rows, the oldest first, and returns their number.
    ///
    /// Rows that another statement has locked come last: two deletions at once share the work, and each ends only when
    /// none of the rows is left.
    pub(crate) async fn delete(&self, db: &impl TenantExecutor, values: &[Value]) -> Result<u64, DbErr> {
        let mut total = 0;
        for locked in [" SKIP LOCKED", ""] {
            let delete = self.statement(locked);
            loop {
                let done = delete_once(db, &delete, values).await?;
                total += done;
                if done < BATCH {
                    break;
                }
            }
        }
        Ok(total)
    }

    /// The statement that deletes at most `$1` rows.
    ///
    /// The array is computed once, before the first row is deleted. The rows of `IN (SELECT ..)` depend on the plan: a
    /// nested loop selects again for every row and skips the rows that it has deleted, which exceeds the limit.
    fn statement(&self, locked: &str) -> String {
        let Self { table, condition, oldest } = self;
        format!(
            r#"DELETE FROM {table} WHERE "id" = ANY (ARRAY(SELECT "x"."id" FROM {table} AS "x"
            WHERE {condition} ORDER BY "x"."{oldest}" LIMIT $1 FOR UPDATE{locked}))"#
        )
    }
}

async fn delete_once(db: &impl TenantExecutor, delete: &str, values: &[Value]) -> Result<u64, DbErr> {
    let values = std::iter::once(BATCH.cast_signed().into()).chain(values.iter().cloned());
    let transaction = db.begin().await?;
    let statement = Statement::from_sql_and_values(DbBackend::Postgres, delete, values);
    let done = transaction.execute_raw(statement).await?.rows_affected();
    transaction.commit().await?;
    Ok(done)
}
