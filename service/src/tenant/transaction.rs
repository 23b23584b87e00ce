mod nested;
mod statements;

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;

use async_trait::async_trait;
use sea_orm::{
    AccessMode, ConnectionTrait, DbBackend, DbErr, ExecResult, IsolationLevel, QueryResult, Statement,
    StreamTrait, TransactionError, TransactionOptions, TransactionSession, TransactionTrait, Value,
};
use tokio::sync::MutexGuard;
use tracing::instrument;
use watertight_schema::TableSets;

use super::id::TenantId;
use super::pg_transaction::{PgTransaction, SharedPgTransaction};
use super::refusal::{Reason, Refusal, StatementKind};
use super::scope::TenantScope;
use super::statement::ScopedStatement;
use super::stream::TenantStream;
use super::unnamed::{Execute, QueryAll, QueryOne};

/// A transaction of one tenant, or a savepoint inside one.
///
/// Dropping it without [`commit`](Self::commit) rolls it back. Transactions nest: `begin` on a transaction
/// sets a savepoint. While the nested transaction is open, the outer one refuses statements, so that neither
/// ends the other by accident.
///
/// It has the methods of a `DatabaseTransaction` under the same names, so no trait of SeaORM needs to be in
/// scope.
///
/// ```no_run
/// use sea_orm::{ActiveModelTrait, Set};
/// use watertight::entity::public::clients;
///
/// # async fn example(tenant: watertight::TenantConnection, client: clients::Model) -> Result<(), sea_orm::DbErr> {
/// let transaction = tenant.begin().await?;
/// let mut client = clients::ActiveModel::from(client);
/// client.phone = Set(None);
/// client.update(&transaction).await?;
/// transaction.commit().await?;
/// # Ok(())
/// # }
/// ```
pub struct TenantTransaction {
    scope: TenantScope,
    session: Arc<SharedPgTransaction>,
    depth: usize,
    open: bool,
}

impl TenantTransaction {
    pub(super) fn new(scope: TenantScope, session: PgTransaction) -> Self {
        Self { scope, session: Arc::new(SharedPgTransaction::new(session)), depth: 1, open: true }
    }

    /// The tenant that the transaction belongs to.
    #[must_use]
    pub const fn tenant_id(&self) -> TenantId {
        self.scope.tenant
    }

    /// The table sets of the database.
    #[must_use]
    pub fn table_sets(&self) -> &TableSets {
        self.scope.shared.rewriter.registry().sets()
    }

    /// The version of the server, if it is known.
    pub(super) fn server_version(&self) -> Option<u32> {
        self.scope.server_version()
    }

    pub(super) const fn scope(&self) -> &TenantScope {
        &self.scope
    }

    /// Runs a statement of watertight itself and returns its first row; see [`TenantScope::own`].
    pub(super) async fn own_query(
        &self,
        sql: &str,
        values: Vec<Value>,
    ) -> Result<Option<QueryResult>, DbErr> {
        let scoped = self.scope.own(sql, values)?;
        let mut session = self.session.lock(self.depth).await?;
        let result = session.run(QueryOne, scoped).await;
        self.scope.shared.watch(session.born(), result)
    }

    /// Runs a statement that is not confined to the tenant.
    pub(super) async fn verbatim(&self, statement: ScopedStatement) -> Result<Vec<QueryResult>, DbErr> {
        self.session.lock(self.depth).await?.run(QueryAll, statement).await
    }

    /// Locks the connection until the guard is dropped.
    pub(super) async fn session(&self) -> Result<MutexGuard<'_, PgTransaction>, DbErr> {
        self.session.lock(self.depth).await
    }

    pub(super) async fn run<F, T, E>(self, callback: F) -> Result<T, TransactionError<E>>
    where
        F: for<'c> FnOnce(&'c Self) -> Pin<Box<dyn Future<Output = Result<T, E>> + Send + 'c>> + Send,
        T: Send,
        E: fmt::Display + fmt::Debug + Send,
    {
        let result = callback(&self).await;
        self.end(result).await
    }

    pub(super) async fn run_async<F, T, E>(self, callback: F) -> Result<T, TransactionError<E>>
    where
        F: for<'c> AsyncFnOnce(&'c Self) -> Result<T, E> + Send,
        T: Send,
        E: fmt::Display + fmt::Debug + Send,
    {
        let result = callback(&self).await;
        self.end(result).await
    }

    /// Commits if the callback returned `Ok`, and rolls back if it returned `Err`.
    async fn end<T, E>(self, result: Result<T, E>) -> Result<T, TransactionError<E>>
    where
        E: fmt::Display + fmt::Debug,
    {
        match result {
            Ok(value) => {
                self.commit().await?;
                Ok(value)
            }
            Err(error) => {
                self.rollback().await?;
                Err(TransactionError::Transaction(error))
            }
        }
    }
}

impl Drop for TenantTransaction {
    fn drop(&mut self) {
        if self.open {
            self.session.abandon(self.depth);
        }
    }
}

impl fmt::Debug for TenantTransaction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TenantTransaction")
            .field("tenant_id", &self.scope.tenant)
            .field("depth", &self.depth)
            .finish_non_exhaustive()
    }
}

#[async_trait]
impl TransactionSession for TenantTransaction {
    #[instrument(level = "debug", skip_all, fields(tenant_id = %self.tenant_id()))]
    async fn commit(mut self) -> Result<(), DbErr> {
        self.session.commit(self.depth).await?;
        self.open = false;
        Ok(())
    }

    #[instrument(level = "debug", skip_all, fields(tenant_id = %self.tenant_id()))]
    async fn rollback(mut self) -> Result<(), DbErr> {
        self.session.rollback(self.depth).await?;
        self.open = false;
        Ok(())
    }
}

#[async_trait]
impl ConnectionTrait for TenantTransaction {
    fn get_database_backend(&self) -> DbBackend {
        DbBackend::Postgres
    }

    #[instrument(level = "debug", skip_all, fields(tenant_id = %self.tenant_id()))]
    async fn execute_raw(&self, statement: Statement) -> Result<ExecResult, DbErr> {
        let scoped = self.scope.scope(statement, false).await?;
        let mut session = self.session.lock(self.depth).await?;
        let result = session.run(Execute, scoped).await;
        self.scope.shared.watch(session.born(), result)
    }

    /// Runs one statement. Despite the name it is prepared, so that the tenant can be bound as a parameter.
    async fn execute_unprepared(&self, sql: &str) -> Result<ExecResult, DbErr> {
        self.execute_raw(Statement::from_string(DbBackend::Postgres, sql)).await
    }

    #[instrument(level = "debug", skip_all, fields(tenant_id = %self.tenant_id()))]
    async fn query_one_raw(&self, statement: Statement) -> Result<Option<QueryResult>, DbErr> {
        let scoped = self.scope.scope(statement, false).await?;
        let mut session = self.session.lock(self.depth).await?;
        let result = session.run(QueryOne, scoped).await;
        self.scope.shared.watch(session.born(), result)
    }

    #[instrument(level = "debug", skip_all, fields(tenant_id = %self.tenant_id()))]
    async fn query_all_raw(&self, statement: Statement) -> Result<Vec<QueryResult>, DbErr> {
        let scoped = self.scope.scope(statement, false).await?;
        let mut session = self.session.lock(self.depth).await?;
        let result = session.run(QueryAll, scoped).await;
        self.scope.shared.watch(session.born(), result)
    }
}

impl StreamTrait for TenantTransaction {
    type Stream<'a> = TenantStream<'a>;

    fn get_database_backend(&self) -> DbBackend {
        DbBackend::Postgres
    }

    /// Streams the rows of a statement. Other statements of the transaction wait until the stream is dropped.
    fn stream_raw<'a>(
        &'a self,
        statement: Statement,
    ) -> Pin<Box<dyn Future<Output = Result<TenantStream<'a>, DbErr>> + 'a + Send>> {
        Box::pin(async move {
            let scoped = self.scope.scope(statement, false).await?;
            let session = self.session.lock(self.depth).await?;
            Ok(TenantStream::of_transaction(&self.scope.shared, session, scoped))
        })
    }
}

#[async_trait]
impl TransactionTrait for TenantTransaction {
    type Transaction = Self;

    #[instrument(level = "debug", skip_all, fields(tenant_id = %self.tenant_id()))]
    async fn begin(&self) -> Result<Self, DbErr> {
        let depth = self.session.nest(self.depth).await?;
        Ok(Self { scope: self.scope.clone(), session: Arc::clone(&self.session), depth, open: true })
    }

    /// Sets a savepoint. Isolation level and access mode belong to the whole transaction and are refused
    /// here.
    async fn begin_with_config(
        &self,
        isolation_level: Option<IsolationLevel>,
        access_mode: Option<AccessMode>,
    ) -> Result<Self, DbErr> {
        self.begin_with_options(TransactionOptions { isolation_level, access_mode, ..Default::default() })
            .await
    }

    async fn begin_with_options(&self, options: TransactionOptions) -> Result<Self, DbErr> {
        if options.isolation_level.is_some() || options.access_mode.is_some() {
            let reason =
                Reason::Unsupported("the isolation level or access mode of a nested transaction".into());
            return Err(Refusal::new(StatementKind::Transaction, reason).into());
        }
        self.begin().await
    }

    async fn transaction<F, T, E>(&self, callback: F) -> Result<T, TransactionError<E>>
    where
        F: for<'c> FnOnce(&'c Self) -> Pin<Box<dyn Future<Output = Result<T, E>> + Send + 'c>> + Send,
        T: Send,
        E: fmt::Display + fmt::Debug + Send,
    {
        self.begin().await?.run(callback).await
    }

    async fn transaction_with_config<F, T, E>(
        &self,
        callback: F,
        isolation_level: Option<IsolationLevel>,
        access_mode: Option<AccessMode>,
    ) -> Result<T, TransactionError<E>>
    where
        F: for<'c> FnOnce(&'c Self) -> Pin<Box<dyn Future<Output = Result<T, E>> + Send + 'c>> + Send,
        T: Send,
        E: fmt::Display + fmt::Debug + Send,
    {
        self.begin_with_config(isolation_level, access_mode).await?.run(callback).await
    }
}
