//! The methods of `ConnectionTrait` and `StreamTrait` on a connection. Callers need no trait in scope.

use std::pin::Pin;

use sea_orm::{
    ConnectionTrait, DbBackend, DbErr, ExecResult, QueryResult, Statement, StatementBuilder, StreamTrait,
};

use super::TenantConnection;
use crate::tenant::stream::TenantStream;

/// Statements, with the methods of a `DatabaseConnection`.
impl TenantConnection {
    /// The database backend, which is always PostgreSQL.
    #[must_use]
    pub fn get_database_backend(&self) -> DbBackend {
        ConnectionTrait::get_database_backend(self)
    }

    /// Returns `true`: PostgreSQL supports `RETURNING`.
    #[must_use]
    pub fn support_returning(&self) -> bool {
        ConnectionTrait::support_returning(self)
    }

    /// Returns `false`: a tenant has no mock connection.
    #[must_use]
    pub fn is_mock_connection(&self) -> bool {
        ConnectionTrait::is_mock_connection(self)
    }

    /// Executes a built statement.
    ///
    /// # Errors
    /// A [`Refusal`](crate::Refusal) of the statement, or the error of the server.
    pub async fn execute<S: StatementBuilder>(&self, statement: &S) -> Result<ExecResult, DbErr> {
        ConnectionTrait::execute(self, statement).await
    }

    /// Executes a raw statement.
    ///
    /// ```no_run
    /// use sea_orm::{DbBackend, Statement};
    ///
    /// # async fn example(tenant: watertight::TenantConnection) -> Result<(), sea_orm::DbErr> {
    /// let sql = "UPDATE services SET active = false WHERE category = $1";
    /// let update = Statement::from_sql_and_values(DbBackend::Postgres, sql, ["massage".into()]);
    /// println!("{} services", tenant.execute_raw(update).await?.rows_affected());
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As [`execute`](Self::execute).
    pub async fn execute_raw(&self, statement: Statement) -> Result<ExecResult, DbErr> {
        ConnectionTrait::execute_raw(self, statement).await
    }

    /// Executes the text of one statement.
    ///
    /// Despite the name the statement is prepared, so that the tenant can be bound as a parameter.
    ///
    /// ```no_run
    /// # async fn example(tenant: watertight::TenantConnection) -> Result<(), sea_orm::DbErr> {
    /// tenant.execute_unprepared("UPDATE services SET price_cents = price_cents + 500").await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As [`execute`](Self::execute).
    pub async fn execute_unprepared(&self, sql: &str) -> Result<ExecResult, DbErr> {
        ConnectionTrait::execute_unprepared(self, sql).await
    }

    /// Queries the first row of a built statement.
    ///
    /// # Errors
    /// As [`execute`](Self::execute).
    pub async fn query_one<S: StatementBuilder>(&self, statement: &S) -> Result<Option<QueryResult>, DbErr> {
        ConnectionTrait::query_one(self, statement).await
    }

    /// Queries the first row of a raw statement.
    ///
    /// ```no_run
    /// use sea_orm::{DbBackend, Statement};
    ///
    /// # async fn example(tenant: watertight::TenantConnection) -> Result<(), sea_orm::DbErr> {
    /// let count = Statement::from_string(DbBackend::Postgres, "SELECT count(*) AS number FROM clients");
    /// if let Some(row) = tenant.query_one_raw(count).await? {
    ///     println!("{} clients", row.try_get::<i64>("", "number")?);
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As [`execute`](Self::execute).
    pub async fn query_one_raw(&self, statement: Statement) -> Result<Option<QueryResult>, DbErr> {
        ConnectionTrait::query_one_raw(self, statement).await
    }

    /// Queries all rows of a built statement.
    ///
    /// # Errors
    /// As [`execute`](Self::execute).
    pub async fn query_all<S: StatementBuilder>(&self, statement: &S) -> Result<Vec<QueryResult>, DbErr> {
        ConnectionTrait::query_all(self, statement).await
    }

    /// Queries all rows of a raw statement.
    ///
    /// ```no_run
    /// use sea_orm::{DbBackend, Statement};
    ///
    /// # async fn example(tenant: watertight::TenantConnection) -> Result<(), sea_orm::DbErr> {
    /// let sql = "SELECT name, price_cents FROM services WHERE price_cents < $1 ORDER BY name";
    /// let cheap = Statement::from_sql_and_values(DbBackend::Postgres, sql, [5_000.into()]);
    /// for row in tenant.query_all_raw(cheap).await? {
    ///     println!("{}", row.try_get::<String>("", "name")?);
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As [`execute`](Self::execute).
    pub async fn query_all_raw(&self, statement: Statement) -> Result<Vec<QueryResult>, DbErr> {
        ConnectionTrait::query_all_raw(self, statement).await
    }

    /// Streams the rows of a built statement.
    ///
    /// Its changes are committed at the end of the stream, and rolled back if the stream is dropped earlier.
    ///
    /// # Errors
    /// As [`execute`](Self::execute).
    #[must_use = "a stream starts when the future is awaited"]
    pub fn stream<'a, S: StatementBuilder + Sync>(
        &'a self,
        statement: &S,
    ) -> Pin<Box<dyn Future<Output = Result<TenantStream<'a>, DbErr>> + Send + 'a>> {
        StreamTrait::stream(self, statement)
    }

    /// Streams the rows of a raw statement, as [`stream`](Self::stream) does.
    ///
    /// # Errors
    /// As [`execute`](Self::execute).
    #[must_use = "a stream starts when the future is awaited"]
    pub fn stream_raw<'a>(
        &'a self,
        statement: Statement,
    ) -> Pin<Box<dyn Future<Output = Result<TenantStream<'a>, DbErr>> + Send + 'a>> {
        StreamTrait::stream_raw(self, statement)
    }
}
