//! A read-only connection across all tenants.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;

use async_trait::async_trait;
use sea_orm::{
    AccessMode, ConnectionTrait, DbBackend, DbErr, ExecResult, QueryResult, Statement, StreamTrait,
    TransactionOptions,
};
use tracing::instrument;

use super::pg_transaction::PgTransaction;
use super::shared::Shared;
use super::statement::ScopedStatement;
use super::stream::TenantStream;
use super::unnamed::{Execute, QueryAll, QueryOne, Run};

/// A read-only connection that sees the rows of all tenants, for reports of the operator.
///
/// [`Maintenance::dangerous_across_tenants`](crate::maintenance::Maintenance::dangerous_across_tenants) creates it, and
/// first writes the reason to the table `watertight.cross_tenant_access`. Nothing isolates its statements, so group or
/// filter by `tenant_id` in each of them.
///
/// Only one `SELECT` at a time is sent; everything else is refused
/// ([`Reason::SelectOnly`](crate::Reason::SelectOnly)). Each statement runs in a transaction that is `READ ONLY` on the
/// server and is rolled back, so functions cannot change rows either.
///
/// ```no_run
/// use sea_orm::{ColumnTrait, EntityTrait, QuerySelect};
/// use watertight::entity::public::bookings;
/// use watertight::maintenance::Maintenance;
///
/// # async fn example(maintenance: Maintenance) -> Result<(), Box<dyn std::error::Error>> {
/// let all = maintenance.dangerous_across_tenants("invoices for November").await?;
/// let counts: Vec<(uuid::Uuid, i64)> = bookings::Entity::find()
///     .select_only()
///     .column(bookings::Column::TenantId)
///     .column_as(bookings::Column::Id.count(), "bookings")
///     .group_by(bookings::Column::TenantId)
///     .into_tuple()
///     .all(&all)
///     .await?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct AcrossTenants {
    shared: Arc<Shared>,
    access_id: i64,
    reason: Arc<str>,
}

impl AcrossTenants {
    pub(crate) fn new(shared: Arc<Shared>, access_id: i64, reason: &str) -> Self {
        Self { shared, access_id, reason: reason.into() }
    }

    /// The id of the row in `watertight.cross_tenant_access`.
    #[must_use]
    pub const fn access_id(&self) -> i64 {
        self.access_id
    }

    /// The reason in `watertight.cross_tenant_access`.
    #[must_use]
    pub fn reason(&self) -> &str {
        &self.reason
    }

    async fn begin(&self, mut statement: Statement) -> Result<(PgTransaction, ScopedStatement), DbErr> {
        statement.sql = self.shared.rewriter.check_across(&statement.sql)?.to_string();
        let options =
            TransactionOptions { access_mode: Some(AccessMode::ReadOnly), ..TransactionOptions::default() };
        let session = PgTransaction::begin(self.shared.connection().await?, None, options).await?;
        Ok((session, ScopedStatement::verbatim(statement)))
    }

    /// Runs a statement. Its transaction is rolled back in the background, which saves a round trip.
    async fn run<R: Run>(&self, how: R, statement: Statement) -> Result<R::Output, DbErr> {
        let (mut session, scoped) = self.begin(statement).await?;
        let result = session.run(how, scoped).await;
        self.shared.watch(session.born(), result)
    }
}

/// Writes an access to the trail, and returns its id.
pub(crate) async fn record_access(shared: &Shared, reason: &str) -> Result<i64, DbErr> {
    let values = [reason.into()];
    let sql = "SELECT watertight.record_access($1) AS id";
    let statement = Statement::from_sql_and_values(DbBackend::Postgres, sql, values);
    let options = TransactionOptions::default();
    let mut session = PgTransaction::begin(shared.connection().await?, None, options).await?;
    let row = session.run(QueryOne, ScopedStatement::verbatim(statement)).await?;
    let row = row.ok_or_else(|| DbErr::RecordNotFound("the id of the access".to_owned()))?;
    session.commit().await?;
    row.try_get("", "id")
}

impl fmt::Debug for AcrossTenants {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AcrossTenants")
            .field("access_id", &self.access_id)
            .field("reason", &self.reason)
            .finish_non_exhaustive()
    }
}

#[async_trait]
impl ConnectionTrait for AcrossTenants {
    fn get_database_backend(&self) -> DbBackend {
        DbBackend::Postgres
    }

    #[instrument(level = "debug", skip_all, fields(access_id = self.access_id))]
    async fn execute_raw(&self, statement: Statement) -> Result<ExecResult, DbErr> {
        self.run(Execute, statement).await
    }

    async fn execute_unprepared(&self, sql: &str) -> Result<ExecResult, DbErr> {
        self.execute_raw(Statement::from_string(DbBackend::Postgres, sql)).await
    }

    #[instrument(level = "debug", skip_all, fields(access_id = self.access_id))]
    async fn query_one_raw(&self, statement: Statement) -> Result<Option<QueryResult>, DbErr> {
        self.run(QueryOne, statement).await
    }

    #[instrument(level = "debug", skip_all, fields(access_id = self.access_id))]
    async fn query_all_raw(&self, statement: Statement) -> Result<Vec<QueryResult>, DbErr> {
        self.run(QueryAll, statement).await
    }
}

impl StreamTrait for AcrossTenants {
    type Stream<'a> = TenantStream<'a>;

    fn get_database_backend(&self) -> DbBackend {
        DbBackend::Postgres
    }

    fn stream_raw<'a>(
        &'a self,
        statement: Statement,
    ) -> Pin<Box<dyn Future<Output = Result<TenantStream<'a>, DbErr>> + 'a + Send>> {
        Box::pin(async move {
            let (session, scoped) = self.begin(statement).await?;
            Ok(TenantStream::of_session(&self.shared, session, scoped))
        })
    }
}
