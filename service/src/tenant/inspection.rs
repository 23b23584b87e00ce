use sea_orm::sqlx::PgPool;
use sea_orm::{
    AccessMode, DbBackend, DbErr, FromQueryResult, IsolationLevel, Statement, TransactionOptions, Value,
};

use super::driver::query_error;
use super::pg_transaction::PgTransaction;
use super::pooled::{Generation, PooledConnection};
use super::statement::ScopedStatement;

/// A transaction without a tenant that reads the structure of the database from one snapshot.
///
/// It changes nothing and leaves no prepared statement behind, because a pooler may be in use.
pub(crate) struct Inspection(PgTransaction);

impl Inspection {
    pub(crate) async fn begin(pool: &PgPool) -> Result<Self, DbErr> {
        Self::begin_on(Generation::default().acquire(pool).await?).await
    }

    /// Begins on a connection of the pool.
    pub(super) async fn begin_on(connection: PooledConnection) -> Result<Self, DbErr> {
        PgTransaction::begin(connection, None, Self::options()).await.map(Self)
    }

    fn options() -> TransactionOptions {
        TransactionOptions {
            isolation_level: Some(IsolationLevel::RepeatableRead),
            access_mode: Some(AccessMode::ReadOnly),
            ..TransactionOptions::default()
        }
    }

    pub(crate) async fn ask<R: FromQueryResult>(
        &mut self,
        sql: &str,
        values: impl IntoIterator<Item = Value>,
    ) -> Result<Vec<R>, DbErr> {
        let statement = Statement::from_sql_and_values(DbBackend::Postgres, sql, values);
        let answer = self.0.answer();
        let rows = answer.of(ScopedStatement::verbatim(statement).query_all(self.0.connection())).await;
        let rows = rows.map_err(query_error)??;
        rows.iter().map(|row| R::from_query_result(row, "")).collect()
    }

    /// Runs a query that returns exactly one row.
    pub(crate) async fn ask_one<R: FromQueryResult>(
        &mut self,
        sql: &str,
        values: impl IntoIterator<Item = Value>,
    ) -> Result<R, DbErr> {
        let rows = self.ask(sql, values).await?;
        rows.into_iter().next().ok_or_else(|| DbErr::RecordNotFound(format!("no row from {sql}")))
    }
}
