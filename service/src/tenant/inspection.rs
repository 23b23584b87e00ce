use std::sync::Arc;

use sea_orm::sqlx::PgPool;
use sea_orm::{
    AccessMode, DbBackend, DbErr, FromQueryResult, IsolationLevel, Statement, TransactionOptions, Value,
};

use super::connection::Scoped;
use super::session::Session;

/// One snapshot of the database, outside every tenant, for looking at how it is made. It changes nothing, and leaves
/// nothing prepared: a pooler may be in the way.
pub(crate) struct Inspection(Session);

impl Inspection {
    pub(crate) async fn begin(pool: &PgPool) -> Result<Self, DbErr> {
        let options = TransactionOptions {
            isolation_level: Some(IsolationLevel::RepeatableRead),
            access_mode: Some(AccessMode::ReadOnly),
            ..TransactionOptions::default()
        };
        Session::begin(pool, None, false, options).await.map(Self)
    }

    pub(crate) async fn ask<R: FromQueryResult>(
        &mut self,
        sql: &str,
        values: impl IntoIterator<Item = Value>,
    ) -> Result<Vec<R>, DbErr> {
        let statement = Statement::from_sql_and_values(DbBackend::Postgres, sql, values);
        let rows = Scoped::unscoped(statement, Some(Arc::default())).query_all(self.0.connection()).await?;
        rows.iter().map(|row| R::from_query_result(row, "")).collect()
    }

    /// The one row that the query has.
    pub(crate) async fn ask_one<R: FromQueryResult>(
        &mut self,
        sql: &str,
        values: impl IntoIterator<Item = Value>,
    ) -> Result<R, DbErr> {
        let rows = self.ask(sql, values).await?;
        rows.into_iter().next().ok_or_else(|| DbErr::RecordNotFound(format!("no row from {sql}")))
    }
}
