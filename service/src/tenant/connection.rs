use std::fmt;
use std::pin::Pin;
use std::sync::Arc;

use async_trait::async_trait;
use futures_util::TryStreamExt;
use sea_orm::sqlx::pool::PoolConnection;
use sea_orm::sqlx::postgres::PgArguments;
use sea_orm::sqlx::query::Query;
use sea_orm::sqlx::{AssertSqlSafe, PgConnection, PgPool, Postgres};
use sea_orm::{
    AccessMode, ConnectionTrait, DbBackend, DbErr, ExecResult, IsolationLevel, QueryResult, Statement,
    StreamTrait, TransactionError, TransactionOptions, TransactionTrait, Value,
};
use tracing::{instrument, trace, warn};

use super::driver::{acquire_error, exec_error, query_error};
use super::id::TenantId;
use super::parameter::{TenantParameters, marker};
use super::refusal::{Reason, Refusal, StatementKind};
use super::rewrite::{Plan, Rewriter};
use super::session::Session;
use super::signing::TenantSigner;
use super::stream::TenantStream;
use super::transaction::TenantTransaction;
use super::unnamed::{self, Execute, Names, QueryAll, QueryOne, ResultTypes, Run};
use crate::watertight::Layers;

/// A connection that belongs to one tenant: what a SeaORM application uses in place of a `DatabaseConnection`.
///
/// Every statement that passes through it, built or raw, sees and changes rows of this tenant alone; one that cannot
/// be proved to is refused with a [`Refusal`]. It is cheap to make and to clone: a handle on the pool and the
/// tenant's identity.
///
/// Isolation takes no round trip of its own: the token that row-level security verifies travels with the values of each
/// statement. Outside a transaction each statement commits on its own. Dropping the future does not cancel a statement
/// that was already sent; use a transaction for work that must not be half done.
///
/// A transaction is opened for each statement, one round trip more for reading and two for writing, behind a
/// [pooler](crate::Builder::transaction_pooler), on a [replica](crate::Builder::read_only) and on a
/// [cluster](crate::guide::growing#one-database-on-many-machines-citus).
///
/// ```no_run
/// use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};
/// use watertight::entity::auth::users;
/// use watertight::{TenantId, Watertight};
///
/// # async fn example(tenant_id: TenantId) -> Result<(), Box<dyn std::error::Error>> {
/// let water = Watertight::connect("postgres://app@localhost/clinic").await?;
/// let tenant = water.tenant(tenant_id);
/// let admins = users::Entity::find().filter(users::Column::Role.eq("admin")).all(&tenant).await?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct TenantConnection {
    tenancy: Tenancy,
}

impl TenantConnection {
    pub(crate) fn new(ground: Arc<Ground>, tenant: TenantId) -> Self {
        Self { tenancy: Tenancy { ground, tenant } }
    }

    /// The tenant that the connection belongs to.
    #[must_use]
    pub const fn tenant_id(&self) -> TenantId {
        self.tenancy.tenant
    }

    /// Authentication of the tenant: every operation, with the application's settings.
    #[cfg(feature = "auth")]
    #[must_use]
    pub fn auth(&self) -> crate::auth::Auth<'_, Self> {
        crate::auth::Auth::new(self, &self.tenancy.ground.auth)
    }

    async fn lease(&self, scoped: &Scoped) -> Result<Lease, DbErr> {
        let ground = &self.tenancy.ground;
        // A pooler gives the second message of a statement to another server, unless a transaction is open; a cluster
        // tells its machines of a transaction's settings, and not of those that a value makes; and a transaction can be
        // told to be read only.
        let needs_transaction = ground.transaction_pooler
            || ground.distributed
            || (ground.read_only && ground.layers.row_security());
        if needs_transaction {
            self.transaction_lease(scoped).await
        } else {
            ground.connection().await.map(Lease::Plain)
        }
    }

    async fn run<R: Run>(&self, how: R, statement: Statement) -> Result<R::Output, DbErr> {
        let scoped = self.tenancy.scope(statement, true).await?;
        let mut lease = self.lease(&scoped).await?;
        let again = (!scoped.has_name()).then(|| scoped.clone());
        let result = match (how.run(scoped, lease.connection()).await, again) {
            (Err(error), Some(again)) if unnamed::is_lookup_failure(&error) => {
                // Nothing has run. Another connection may not know the type either, hence the savepoint this time.
                drop(lease);
                let again = again.forgetting_types();
                lease = self.lease(&again).await?;
                self.tenancy.ground.watch(unnamed::run(how, again, lease.connection()).await)?
            }
            (result, _) => self.tenancy.ground.watch(result)?,
        };
        lease.end().await?;
        Ok(result)
    }

    async fn transaction_lease(&self, scoped: &Scoped) -> Result<Lease, DbErr> {
        let session = self.tenancy.begin(TransactionOptions::default()).await?;
        Ok(Lease::Transaction { session, read_only: scoped.read_only })
    }
}

impl fmt::Debug for TenantConnection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TenantConnection").field("tenant_id", &self.tenancy.tenant).finish_non_exhaustive()
    }
}

/// What all connections of an application share.
#[expect(clippy::struct_excessive_bools, reason = "facts of the database, each its own")]
pub(crate) struct Ground {
    pub(crate) pool: PgPool,
    pub(crate) rewriter: Rewriter,
    pub(crate) layers: Layers,
    pub(crate) signer: TenantSigner,
    /// Whether statements are any SQL at all: such a statement can leave behind on its connection what acts on the next
    /// tenant's statements, so no other gets the connection.
    pub(crate) hostile_sql: bool,
    pub(crate) transaction_pooler: bool,
    /// What is known of the results of statements, for those that are not kept prepared.
    pub(crate) result_types: Arc<ResultTypes>,
    pub(crate) read_only: bool,
    /// Whether tenant tables are spread over the machines of a Citus cluster.
    pub(crate) distributed: bool,
    pub(crate) names: super::names::Names,
    #[cfg(feature = "auth")]
    pub(crate) auth: crate::auth::AuthConfig,
}

impl Ground {
    async fn connection(&self) -> Result<PoolConnection<Postgres>, DbErr> {
        let mut connection = self.pool.acquire().await.map_err(acquire_error)?;
        if self.hostile_sql {
            connection.close_on_drop();
        }
        Ok(connection)
    }
}

/// One tenant on the shared ground: what connections and transactions have in common.
#[derive(Clone)]
pub(super) struct Tenancy {
    pub(super) ground: Arc<Ground>,
    pub(super) tenant: TenantId,
}

impl Tenancy {
    /// Scopes a statement to the tenant. Names that have changed are read again, for which a transaction must not wait:
    /// see [`Ground::read_names_after`].
    pub(super) async fn scope(&self, statement: Statement, may_wait: bool) -> Result<Scoped, DbErr> {
        let Ground { rewriter, layers, transaction_pooler, result_types, .. } = &*self.ground;
        let unnamed = transaction_pooler.then(|| Arc::clone(result_types));
        let values = statement.values.map_or_else(Vec::new, |values| values.0);
        let parameters = self.parameters()?;
        if !layers.rewriting() {
            let sql = format!("{}{}", statement.sql, marker(values.len(), parameters.token.is_some())).into();
            let scoped =
                Scoped { sql, values, tenant: Some(parameters), read_only: false, types: None, unnamed };
            return Ok(scoped.with_types());
        }
        self.ground.read_stale_names(may_wait).await;
        let mut plan = rewriter.plan(&statement.sql, values.len());
        if let Err(refusal) = &plan
            && self.ground.read_names_after(refusal, may_wait).await
        {
            plan = rewriter.plan(&statement.sql, values.len());
        }
        let plan = plan
            .and_then(|plan| self.allow(plan))
            .and_then(|plan| plan.check(self.tenant, &values).map(|()| plan))
            .inspect_err(|refusal| {
                warn!(tenant_id = %self.tenant, statement = refusal.statement.name(), "refused");
            })?;
        trace!(statement = plan.kind.name(), "scoped");
        let (sql, read_only) = (Arc::clone(&plan.sql), plan.read_only);
        Ok(Scoped { sql, values, tenant: Some(parameters), read_only, types: None, unnamed }.with_types())
    }

    /// Bound to every statement, to those that name no tenant table, too: what the statement calls may.
    fn parameters(&self) -> Result<TenantParameters, DbErr> {
        // On a cluster the transaction makes the setting.
        let by_value = self.ground.layers.row_security() && !self.ground.distributed;
        let token = by_value.then(|| self.ground.signer.token(self.tenant)).transpose()?;
        Ok(TenantParameters { tenant: self.tenant, token })
    }

    /// Said here and not by the server, whose error would come after the way there.
    fn allow(&self, plan: Arc<Plan>) -> Result<Arc<Plan>, Refusal> {
        let writes = matches!(
            plan.kind,
            StatementKind::Insert | StatementKind::Update | StatementKind::Delete | StatementKind::Merge
        );
        if self.ground.read_only && writes {
            return Err(Refusal::new(plan.kind, Reason::ReadOnly));
        }
        Ok(plan)
    }

    pub(super) async fn begin(&self, mut options: TransactionOptions) -> Result<Session, DbErr> {
        if self.ground.read_only {
            options.access_mode = Some(AccessMode::ReadOnly);
        }
        let on_cluster =
            (self.ground.distributed && self.ground.layers.row_security()).then_some(self.tenant);
        Session::begin(self.ground.connection().await?, on_cluster, options).await
    }
}

/// A statement that is ready to be sent.
#[derive(Clone)]
pub(super) struct Scoped {
    sql: Arc<str>,
    values: Vec<Value>,
    tenant: Option<TenantParameters>,
    pub(super) read_only: bool,
    /// The types of the result, to be looked up before the statement is parsed.
    types: Option<Names>,
    /// Set where the statement does not stay prepared on the connection. Behind a pooler that gives out server
    /// connections by the transaction the next one would find the statements of others.
    unnamed: Option<Arc<ResultTypes>>,
}

impl Scoped {
    /// A statement of no tenant, as it is. It does not stay prepared.
    pub(super) fn verbatim(statement: Statement) -> Self {
        let values = statement.values.map_or_else(Vec::new, |values| values.0);
        let (sql, unnamed) = (statement.sql.into(), Some(Arc::default()));
        Self { sql, values, tenant: None, read_only: false, types: None, unnamed }.with_types()
    }

    fn with_types(mut self) -> Self {
        self.types = self.unnamed.as_ref().and_then(|types| types.of(&self.sql));
        self
    }

    /// The same as a statement of which nothing is known.
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

    /// Where the types of the result are to be noted.
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

/// A connection from the pool for one statement.
pub(super) enum Lease {
    /// The statement has all that keeps it within its tenant, and is its own transaction.
    Plain(PoolConnection<Postgres>),
    /// A transaction that was opened for the statement.
    Transaction { session: Session, read_only: bool },
}

impl Lease {
    pub(super) fn connection(&mut self) -> &mut PgConnection {
        match self {
            Self::Plain(connection) => connection,
            Self::Transaction { session, .. } => session.connection(),
        }
    }

    /// Ends the lease. What has changed nothing is rolled back behind the caller, which saves a round trip.
    pub(super) async fn end(self) -> Result<(), DbErr> {
        match self {
            Self::Transaction { mut session, read_only: false } => session.commit().await,
            _ => Ok(()),
        }
    }
}

#[async_trait]
impl ConnectionTrait for TenantConnection {
    fn get_database_backend(&self) -> DbBackend {
        DbBackend::Postgres
    }

    #[instrument(level = "debug", skip_all, fields(tenant_id = %self.tenant_id()))]
    async fn execute_raw(&self, statement: Statement) -> Result<ExecResult, DbErr> {
        self.run(Execute, statement).await
    }

    /// Runs one statement. Despite its name the statement is prepared, so that the tenant can be bound as a parameter.
    async fn execute_unprepared(&self, sql: &str) -> Result<ExecResult, DbErr> {
        self.execute_raw(Statement::from_string(DbBackend::Postgres, sql)).await
    }

    #[instrument(level = "debug", skip_all, fields(tenant_id = %self.tenant_id()))]
    async fn query_one_raw(&self, statement: Statement) -> Result<Option<QueryResult>, DbErr> {
        self.run(QueryOne, statement).await
    }

    #[instrument(level = "debug", skip_all, fields(tenant_id = %self.tenant_id()))]
    async fn query_all_raw(&self, statement: Statement) -> Result<Vec<QueryResult>, DbErr> {
        self.run(QueryAll, statement).await
    }
}

impl StreamTrait for TenantConnection {
    type Stream<'a> = TenantStream<'a>;

    fn get_database_backend(&self) -> DbBackend {
        DbBackend::Postgres
    }

    /// Streams the rows of a statement. What it changes is committed when the stream has been read to its end,
    /// and rolled back when it is dropped before.
    fn stream_raw<'a>(
        &'a self,
        statement: Statement,
    ) -> Pin<Box<dyn Future<Output = Result<TenantStream<'a>, DbErr>> + 'a + Send>> {
        Box::pin(async move {
            let scoped = self.tenancy.scope(statement, true).await?;
            // By itself a statement is carried out to its end, however few of its rows are read.
            let lease = if scoped.read_only {
                self.lease(&scoped).await?
            } else {
                self.transaction_lease(&scoped).await?
            };
            Ok(TenantStream::of_lease(lease, scoped))
        })
    }
}

#[async_trait]
impl TransactionTrait for TenantConnection {
    type Transaction = TenantTransaction;

    async fn begin(&self) -> Result<TenantTransaction, DbErr> {
        self.begin_with_options(TransactionOptions::default()).await
    }

    async fn begin_with_config(
        &self,
        isolation_level: Option<IsolationLevel>,
        access_mode: Option<AccessMode>,
    ) -> Result<TenantTransaction, DbErr> {
        self.begin_with_options(TransactionOptions { isolation_level, access_mode, ..Default::default() })
            .await
    }

    #[instrument(level = "debug", skip_all, fields(tenant_id = %self.tenant_id()))]
    async fn begin_with_options(&self, options: TransactionOptions) -> Result<TenantTransaction, DbErr> {
        let session = self.tenancy.begin(options).await?;
        Ok(TenantTransaction::new(self.tenancy.clone(), session))
    }

    async fn transaction<F, T, E>(&self, callback: F) -> Result<T, TransactionError<E>>
    where
        F: for<'c> FnOnce(&'c TenantTransaction) -> Pin<Box<dyn Future<Output = Result<T, E>> + Send + 'c>>
            + Send,
        T: Send,
        E: fmt::Display + fmt::Debug + Send,
    {
        self.transaction_with_config(callback, None, None).await
    }

    async fn transaction_with_config<F, T, E>(
        &self,
        callback: F,
        isolation_level: Option<IsolationLevel>,
        access_mode: Option<AccessMode>,
    ) -> Result<T, TransactionError<E>>
    where
        F: for<'c> FnOnce(&'c TenantTransaction) -> Pin<Box<dyn Future<Output = Result<T, E>> + Send + 'c>>
            + Send,
        T: Send,
        E: fmt::Display + fmt::Debug + Send,
    {
        let transaction = self.begin_with_config(isolation_level, access_mode).await?;
        transaction.run(callback).await
    }
}
