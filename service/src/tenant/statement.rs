//! A scoped statement with its bound values, ready for the driver.

use std::sync::Arc;

use futures_util::TryStreamExt;
use sea_orm::sqlx::postgres::PgArguments;
use sea_orm::sqlx::query::Query;
use sea_orm::sqlx::{AssertSqlSafe, PgConnection, Postgres};
use sea_orm::{DbErr, ExecResult, QueryResult, Statement, Value};

use super::driver::{exec_error, query_error};
use super::parameter::TenantParameters;
use super::unnamed::{self, Names, ResultTypes};

/// A statement that is ready to send.
#[derive(Clone)]
pub(super) struct ScopedStatement {
    sql: Arc<str>,
    values: Vec<Value>,
    tenant: Option<TenantParameters>,
    pub(super) read_only: bool,
    /// Whether the statement is sent unchecked, so that its connection is closed afterwards.
    pub(super) unchecked: bool,
    /// The types of the result, which the driver looks up before it parses the statement.
    types: Option<Names>,
    /// Set if the statement does not stay prepared on the connection. Behind a transaction pooler, other
    /// clients would find its prepared statements on the same server connection.
    unnamed: Option<Arc<ResultTypes>>,
}

impl ScopedStatement {
    /// Creates a statement of a tenant with the parameters that isolate it.
    pub(super) fn new(
        sql: Arc<str>,
        values: Vec<Value>,
        parameters: TenantParameters,
        read_only: bool,
        unnamed: Option<Arc<ResultTypes>>,
    ) -> Self {
        Self { sql, values, tenant: Some(parameters), read_only, unchecked: false, types: None, unnamed }
            .with_types()
    }

    /// Creates a statement about a setting. It needs no tenant, and no type of its result is looked up.
    pub(super) fn of_setting(sql: Arc<str>, unnamed: Option<Arc<ResultTypes>>) -> Self {
        let types = unnamed.is_some().then(Arc::default);
        Self { sql, values: Vec::new(), tenant: None, read_only: true, unchecked: false, types, unnamed }
    }

    /// Creates an unchanged statement without a tenant. It does not stay prepared.
    pub(super) fn verbatim(statement: Statement) -> Self {
        let values = statement.values.map_or_else(Vec::new, |values| values.0);
        let (sql, unnamed) = (statement.sql.into(), Some(Arc::default()));
        Self { sql, values, tenant: None, read_only: false, unchecked: false, types: None, unnamed }
            .with_types()
    }

    /// The same statement, marked as unchecked.
    pub(super) const fn unchecked(mut self) -> Self {
        self.unchecked = true;
        self
    }

    fn with_types(mut self) -> Self {
        self.types = self.unnamed.as_ref().and_then(|types| types.of(&self.sql));
        self
    }

    /// The same statement without known result types.
    pub(super) fn forgetting_types(mut self) -> Self {
        if let Some(types) = &self.unnamed {
            types.forget(&self.sql);
        }
        self.types = None;
        self
    }

    /// Whether the statement stays prepared on the connection.
    pub(super) const fn has_name(&self) -> bool {
        self.unnamed.is_none()
    }

    pub(super) const fn knows_types(&self) -> bool {
        self.types.is_some()
    }

    /// The place to store the result types, unless they are known.
    pub(super) fn lesson(&self) -> Option<(Arc<ResultTypes>, Arc<str>)> {
        let unnamed = self.unnamed.as_ref().filter(|_| self.types.is_none())?;
        Some((Arc::clone(unnamed), Arc::clone(&self.sql)))
    }

    pub(super) fn query(self) -> Result<Query<'static, Postgres, PgArguments>, DbErr> {
        let keep_prepared = self.has_name();
        let mut arguments = TenantParameters::bind(self.tenant, self.values)?;
        if let Some(types) = &self.types {
            unnamed::bind(types, &mut arguments)?;
        }
        Ok(sea_orm::sqlx::query_with(AssertSqlSafe(self.sql), arguments).persistent(keep_prepared))
    }

    pub(super) async fn execute(self, connection: &mut PgConnection) -> Result<ExecResult, DbErr> {
        self.query()?.execute(connection).await.map(Into::into).map_err(exec_error)
    }

    pub(super) async fn query_one(self, connection: &mut PgConnection) -> Result<Option<QueryResult>, DbErr> {
        let lesson = self.lesson();
        let row = self.query()?.fetch_optional(connection).await.map_err(query_error)?;
        if let (Some((types, sql)), Some(row)) = (lesson, &row) {
            types.learn(&sql, row);
        }
        Ok(row.map(Into::into))
    }

    pub(super) async fn query_all(self, connection: &mut PgConnection) -> Result<Vec<QueryResult>, DbErr> {
        let mut lesson = self.lesson();
        let learn = |row| {
            if let Some((types, sql)) = lesson.take() {
                types.learn(&sql, &row);
            }
            row.into()
        };
        self.query()?.fetch(connection).map_ok(learn).map_err(query_error).try_collect().await
    }
}
