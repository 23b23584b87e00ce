mod statements;
mod transactions;

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;

use async_trait::async_trait;
use sea_orm::sqlx::Connection;
use sea_orm::{
    AccessMode, ConnectionTrait, DbBackend, DbErr, ExecResult, IsolationLevel, QueryResult, Statement,
    StreamTrait, TransactionError, TransactionOptions, TransactionTrait,
};
use tracing::instrument;
use watertight_schema::TableSets;

use super::driver::{connection_error, exec_error, is_outdated};
use super::id::TenantId;
use super::lease::Lease;
use super::scope::TenantScope;
use super::shared::Shared;
use super::statement::ScopedStatement;
use super::stream::TenantStream;
use super::transaction::TenantTransaction;
use super::unnamed::{self, Execute, QueryAll, QueryOne, Run};

/// A connection scoped to one tenant, which replaces SeaORM's `DatabaseConnection`.
///
/// Every statement, built or raw, sees and changes only rows of this tenant. A statement that cannot be
/// proved to stay within the tenant is refused with a [`Refusal`](crate::Refusal). The connection is cheap to
/// create and to clone: it consists of a handle to the pool and the tenant's ID.
///
/// It has the methods of a `DatabaseConnection` under the same names, so calls of `begin`,
/// `transaction_async`, `query_one_raw` or `ping` need no trait of SeaORM in scope.
///
/// Isolation needs no additional round trip: the token that row-level security verifies is bound together
/// with the values of each statement. Outside a transaction each statement commits on its own. Dropping the
/// future does not cancel a statement that was already sent; use a transaction for changes that belong
/// together.
///
/// In three cases a transaction is opened for each statement: behind a [transaction
/// pooler](crate::Builder::transaction_pooler), on a [replica](crate::Builder::read_only), and on a
/// [cluster](crate::guide::growing#one-database-on-many-machines-citus). It costs one additional round trip
/// for a read and two for a write.
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
    scope: TenantScope,
}

impl TenantConnection {
    pub(crate) fn new(shared: Arc<Shared>, tenant: TenantId) -> Self {
        // An ID that is of another type is refused with the first statement.
        let tenant = tenant.converted(shared.rewriter.registry().tenant_type()).unwrap_or(tenant);
        Self { scope: TenantScope { shared, tenant, fixed: false } }
    }

    /// The tenant that the connection belongs to.
    #[must_use]
    pub const fn tenant_id(&self) -> TenantId {
        self.scope.tenant
    }

    /// The table sets of the database.
    #[must_use]
    pub fn table_sets(&self) -> &TableSets {
        self.scope.shared.rewriter.registry().sets()
    }

    pub(super) const fn scope(&self) -> &TenantScope {
        &self.scope
    }

    /// Checks that the server responds, with one round trip on a connection of the pool.
    ///
    /// ```no_run
    /// # async fn example(tenant: watertight::TenantConnection) -> Result<(), sea_orm::DbErr> {
    /// tenant.ping().await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// The error of the pool or the connection, if the server cannot be reached.
    #[instrument(level = "debug", skip_all, fields(tenant_id = %self.tenant_id()))]
    pub async fn ping(&self) -> Result<(), DbErr> {
        let mut connection = self.scope.shared.connection().await?;
        let answer = connection.answer();
        answer.of(connection.ping()).await.and_then(|pinged| pinged).map_err(connection_error)
    }

    async fn lease(&self, scoped: &ScopedStatement) -> Result<Lease, DbErr> {
        let shared = &self.scope.shared;
        // Without a transaction, a pooler can send the second message of a statement to another server. A
        // cluster propagates the settings of a transaction, but not a setting made by a bound value. Only a
        // transaction can be read only.
        let needs_transaction = shared.transaction_pooler
            || shared.distributed
            || (shared.read_only && shared.layers.row_security());
        if needs_transaction {
            self.transaction_lease(scoped).await
        } else {
            let mut connection = shared.connection().await?;
            if scoped.unchecked {
                connection.close_on_drop();
            }
            Ok(Lease::Plain(connection))
        }
    }

    async fn run<R: Run>(&self, how: R, statement: Statement) -> Result<R::Output, DbErr> {
        let scoped = self.scope.scope(statement, true).await?;
        let shared = &self.scope.shared;
        let mut lease = self.lease(&scoped).await?;
        let again = scoped.clone();
        let mut result = shared.watch(lease.born(), ask(how, scoped, &mut lease).await);
        if again.has_name() {
            // The statement has not run, and connections of that age are closed. Each repetition closes one more.
            let mut outdated = shared.pool.options().get_max_connections();
            while outdated > 0 && result.as_ref().is_err_and(is_outdated) {
                outdated -= 1;
                drop(lease);
                lease = self.lease(&again).await?;
                result = shared.watch(lease.born(), ask(how, again.clone(), &mut lease).await);
            }
        } else if result.as_ref().is_err_and(unnamed::is_lookup_failure) {
            // The statement has not run. The next connection may not know the type either, so a savepoint is set.
            drop(lease);
            let again = again.forgetting_types();
            lease = self.lease(&again).await?;
            let answer = lease.answer();
            let read_only = again.read_only;
            let run = answer.of(unnamed::run(how, again, lease.connection())).await.map_err(exec_error);
            result = shared.watch(lease.born(), lease.note(run.and_then(|run| run), read_only));
        }
        let result = result?;
        lease.end().await?;
        Ok(result)
    }

    /// Without a transaction a statement runs to its end, even if only some of the rows of its stream are read.
    pub(super) async fn lease_of_stream(&self, scoped: &ScopedStatement) -> Result<Lease, DbErr> {
        if scoped.read_only { self.lease(scoped).await } else { self.transaction_lease(scoped).await }
    }

    async fn transaction_lease(&self, scoped: &ScopedStatement) -> Result<Lease, DbErr> {
        let mut session = self.scope.begin(TransactionOptions::default()).await?;
        session.close_after(scoped);
        Ok(Lease::Transaction { session, read_only: scoped.read_only })
    }
}

/// Runs a statement and waits for its answer.
async fn ask<R: Run>(how: R, scoped: ScopedStatement, lease: &mut Lease) -> Result<R::Output, DbErr> {
    let (answer, read_only) = (lease.answer(), scoped.read_only);
    let run = answer.of(how.run(scoped, lease.connection())).await.map_err(exec_error);
    lease.note(run.and_then(|run| run), read_only)
}

impl fmt::Debug for TenantConnection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TenantConnection").field("tenant_id", &self.scope.tenant).finish_non_exhaustive()
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

    /// Runs one statement. Despite the name it is prepared, so that the tenant can be bound as a parameter.
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

    /// Streams the rows of a statement. Its changes are committed at the end of the stream, and rolled back
    /// if the stream is dropped earlier.
    fn stream_raw<'a>(
        &'a self,
        statement: Statement,
    ) -> Pin<Box<dyn Future<Output = Result<TenantStream<'a>, DbErr>> + 'a + Send>> {
        Box::pin(async move {
            let scoped = self.scope.scope(statement, true).await?;
            let lease = self.lease_of_stream(&scoped).await?;
            Ok(TenantStream::of_lease(self, lease, scoped))
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
        let session = self.scope.begin(options).await?;
        Ok(TenantTransaction::new(self.scope.clone(), session))
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
