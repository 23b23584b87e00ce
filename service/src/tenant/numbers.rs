//! Gapless numbers of a tenant, such as the numbers of its invoices.

use sea_orm::{DbErr, QueryResult};
use watertight_schema::isolation::NUMBERS_TABLE;

use super::driver::sql_state;
use super::error::NumberError;
use super::refusal::{Reason, Refusal, StatementKind};
use super::transaction::TenantTransaction;
use crate::vocabulary::InvalidInput;

impl TenantTransaction {
    /// Takes the next number of a series of the tenant: 1, 2, 3 and so on, without gaps.
    ///
    /// The number belongs to this transaction: a rollback, also of the savepoint around the call, gives it back. Until
    /// the end of the transaction every other transaction of the tenant waits for the same series, so take the number
    /// late, and take the numbers of several series in the same order everywhere. Tenants and series do not wait for
    /// one another. A transaction with the isolation level `REPEATABLE READ` or `SERIALIZABLE` fails with SQLSTATE
    /// `40001` if another one took a number meanwhile; run it again.
    ///
    /// A sequence of PostgreSQL is faster and has gaps: it keeps the numbers that a rollback has used.
    ///
    /// ```no_run
    /// # async fn example(tenant: watertight::TenantConnection) -> Result<(), watertight::Error> {
    /// let transaction = tenant.begin().await?;
    /// let number = transaction.next_number("invoice").await?;
    /// println!("invoice {number:06}");
    /// // Insert the invoice here, in the same transaction.
    /// transaction.commit().await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`NumberError::InvalidInput`] for an empty name. [`NumberError::NotMigrated`].
    pub async fn next_number(&self, series: &str) -> Result<i64, NumberError> {
        let sql = format!(
            "INSERT INTO {NUMBERS_TABLE} AS n (tenant_id, series, value) VALUES ($2, $1, 1) \
             ON CONFLICT (tenant_id, series) DO UPDATE SET value = n.value + 1 RETURNING n.value AS value"
        );
        let row = self.numbers(&sql, series, vec![series.into()]).await?;
        let row = row.ok_or_else(|| DbErr::RecordNotFound("no number was returned".to_owned()))?;
        Ok(row.try_get("", "value")?)
    }

    /// Sets the number that [`next_number`](Self::next_number) returns next, for a tenant that brings its numbers along.
    ///
    /// A series only moves forward: a number that was returned is never returned again.
    ///
    /// ```no_run
    /// # async fn example(tenant: watertight::TenantConnection) -> Result<(), watertight::Error> {
    /// let transaction = tenant.begin().await?;
    /// // The last invoice of the system before was number 1041.
    /// transaction.set_next_number("invoice", 1042).await?;
    /// transaction.commit().await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`NumberError::Taken`] if the series has returned the number or a later one. [`NumberError::InvalidInput`] for a
    /// number below 1. The errors of [`next_number`](Self::next_number).
    pub async fn set_next_number(&self, series: &str, next: i64) -> Result<(), NumberError> {
        if next < 1 {
            let reason = "is below 1, the first number of every series; set a number from 1 on";
            return Err(InvalidInput::new("number", next.to_string(), reason).into());
        }
        let sql = format!(
            "INSERT INTO {NUMBERS_TABLE} AS n (tenant_id, series, value) VALUES ($3, $1, $2::int8 - 1) \
             ON CONFLICT (tenant_id, series) DO UPDATE SET value = EXCLUDED.value WHERE n.value <= EXCLUDED.value \
             RETURNING n.value AS value"
        );
        if self.numbers(&sql, series, vec![series.into(), next.into()]).await?.is_some() {
            return Ok(());
        }
        // The row is locked, even though it was left unchanged.
        let sql = format!(
            "SELECT n.value AS value FROM {NUMBERS_TABLE} AS n WHERE n.tenant_id = $2 AND n.series = $1"
        );
        let row = self.numbers(&sql, series, vec![series.into()]).await?;
        let row = row.ok_or_else(|| DbErr::RecordNotFound("the series was not found".to_owned()))?;
        Err(NumberError::Taken { series: series.to_owned(), next, last: row.try_get("", "value")? })
    }

    async fn numbers(
        &self,
        sql: &str,
        series: &str,
        values: Vec<sea_orm::Value>,
    ) -> Result<Option<QueryResult>, NumberError> {
        if series.is_empty() {
            return Err(InvalidInput::new("series", series, "is empty; name what is numbered").into());
        }
        if self.scope().shared.read_only {
            return Err(DbErr::from(Refusal::new(StatementKind::Insert, Reason::ReadOnly)).into());
        }
        self.own_query(sql, values).await.map_err(|error| match sql_state(&error).as_deref() {
            Some("42P01") => NumberError::NotMigrated,
            _ => error.into(),
        })
    }
}
