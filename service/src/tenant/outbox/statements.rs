//! The statements of an outbox's worker, which see the messages of all tenants.

use std::time::Duration;

use sea_orm::sea_query::{Alias, Expr, ExprTrait, LockBehavior, LockType};
use sea_orm::{DbBackend, EntityTrait, QueryFilter, QueryResult, QuerySelect, QueryTrait, Statement};
use uuid::Uuid;
use watertight_schema::sql;

use crate::tenant::error::OutboxError;
use crate::tenant::id::TenantId;
use crate::tenant::registry::TableName;

/// A message that a worker has claimed, with the number of the attempt.
#[derive(Debug, Clone, Copy)]
pub(super) struct Claim {
    pub(super) tenant: TenantId,
    pub(super) id: Uuid,
    pub(super) attempt: u32,
}

impl Claim {
    pub(super) fn read(row: &QueryResult) -> Result<Self, OutboxError> {
        let attempt: i32 = row.try_get("", "attempts")?;
        Ok(Self {
            tenant: row.try_get("", "tenant")?,
            id: row.try_get("", "id")?,
            attempt: attempt.unsigned_abs(),
        })
    }
}

pub(super) struct Statements {
    table: TableName,
    tenant_column: String,
}

impl Statements {
    pub(super) const fn new(table: TableName, tenant_column: String) -> Self {
        Self { table, tenant_column }
    }

    pub(super) const fn table(&self) -> &TableName {
        &self.table
    }

    /// Counts an attempt of the message that has been due for the longest time, and sets the time of the next attempt.
    pub(super) fn claim(&self, max_attempts: u32, first: Duration, longest: Duration) -> Statement {
        let (table, tenant) = self.names();
        // The planner could run a subquery in FROM again for each row.
        let sql = format!(
            "WITH due AS MATERIALIZED (SELECT {tenant} AS tenant, id FROM {table} \
                WHERE available_at <= now() AND attempts < $1 ORDER BY available_at LIMIT 1 \
                FOR UPDATE SKIP LOCKED) \
             UPDATE {table} AS o SET attempts = o.attempts + 1, available_at = now() \
                + least($2 * 2 ^ least(o.attempts, 40), $3) * interval '1 second' \
             FROM due WHERE o.{tenant} = due.tenant AND o.id = due.id \
             RETURNING o.{tenant} AS tenant, o.id AS id, o.attempts AS attempts"
        );
        let values = [
            i64::from(max_attempts).into(),
            first.as_secs_f64().into(),
            longest.as_secs_f64().min(LONGEST_DELAY).into(),
        ];
        Statement::from_sql_and_values(DbBackend::Postgres, sql, values)
    }

    /// Locks and reads a claimed message, unless another worker has claimed it since or is handling it.
    pub(super) fn message<E: EntityTrait>(&self, claim: &Claim) -> Statement {
        let column = |name: &str| Expr::col((Alias::new(&self.table.name), Alias::new(name)));
        E::find()
            .filter(column(&self.tenant_column).eq(sea_orm::Value::from(claim.tenant)))
            .filter(column("id").eq(claim.id))
            .filter(column("attempts").eq(i64::from(claim.attempt)))
            .lock_with_behavior(LockType::Update, LockBehavior::SkipLocked)
            .build(DbBackend::Postgres)
    }

    pub(super) fn delete(&self, claim: &Claim) -> Statement {
        let (table, tenant) = self.names();
        let sql = format!("DELETE FROM {table} WHERE {tenant} = $1 AND id = $2");
        Statement::from_sql_and_values(DbBackend::Postgres, sql, [claim.tenant.into(), claim.id.into()])
    }

    pub(super) fn stalled(&self, max_attempts: u32) -> Statement {
        let (table, _) = self.names();
        let sql = format!("SELECT count(*) AS count FROM {table} WHERE attempts >= $1");
        Statement::from_sql_and_values(DbBackend::Postgres, sql, [i64::from(max_attempts).into()])
    }

    fn names(&self) -> (String, String) {
        (sql::qualified(&self.table.schema, &self.table.name), sql::identifier(&self.tenant_column))
    }
}

/// The longest delay in seconds that a time of PostgreSQL can be later: a thousand years.
const LONGEST_DELAY: f64 = 31_557_600_000.0;
