#[cfg(feature = "auth")]
mod auth;
mod domains;
mod each_tenant;
pub mod routing;

use std::fmt;
use std::sync::Arc;

use sea_orm::{ConnectOptions, DatabaseConnection, EntityTrait};

pub use self::domains::Tenant;
pub use self::each_tenant::EachTenant;
use crate::builder::Builder;
use crate::error::Error;
use crate::operations::ConnectError;
use crate::operations::inspection::first_connection;
use crate::tenant::{
    Job, JobError, NotificationError, Outbox, OutboxError, ReportOnly, ReportedRefusals, RewriteMetrics,
    Rewriter, Shared, TenantConnection, TenantId, TenantJob, TenantListener, Unscoped,
};

/// A database shared by many tenants, with a connection for each of them.
///
/// ```no_run
/// # async fn example() -> Result<(), watertight::Error> {
/// let water = watertight::Watertight::connect_from_env().await?;
/// let clinic = water.tenant("7b0e8d3c-5a53-4f6e-9b0e-0f8a1f0f2a11".parse()?);
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Watertight {
    shared: Arc<Shared>,
    connection: DatabaseConnection,
    owns_connection: bool,
}

impl Watertight {
    pub(crate) const fn new(
        shared: Arc<Shared>,
        connection: DatabaseConnection,
        owns_connection: bool,
    ) -> Self {
        Self { shared, connection, owns_connection }
    }

    /// Connects with the defaults; see [`Builder::connect`].
    ///
    /// ```no_run
    /// # async fn example() -> Result<(), watertight::Error> {
    /// use watertight::Watertight;
    ///
    /// let water = Watertight::connect("postgres://app@localhost/clinic").await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As [`Builder::connect`].
    pub async fn connect(options: impl Into<ConnectOptions> + Send) -> Result<Self, Error> {
        Self::builder().connect(options).await
    }

    /// Connects with the defaults to the database in [`DATABASE_URL`](crate::DATABASE_URL); see
    /// [`Builder::connect`].
    ///
    /// ```no_run
    /// # async fn example() -> Result<(), watertight::Error> {
    /// use watertight::{ConnectError, Error, Watertight};
    ///
    /// let local = "postgres://app@localhost/clinic";
    /// let water = match Watertight::connect_from_env().await {
    ///     // On a developer's machine the variable may be missing.
    ///     Err(Error::Connect(ConnectError::EmptyUrl)) => Watertight::connect(local).await,
    ///     connected => connected,
    /// }?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As [`Builder::connect`]; [`ConnectError::EmptyUrl`](crate::ConnectError::EmptyUrl) if the variable is
    /// not set.
    pub async fn connect_from_env() -> Result<Self, Error> {
        Self::builder().connect_from_env().await
    }

    /// Opens a pool after a first connection has succeeded.
    ///
    /// The pool is for the [doctor](Builder::doctor), for [maintenance](Builder::maintenance) or for
    /// [`Builder::with_connection`]. Unlike `Database::connect`, which retries until its time limit and then reports the time limit, it reports the error
    /// of the first connection at once, with the host, the port and the name of the database.
    ///
    /// ```no_run
    /// # async fn example() -> Result<(), watertight::Error> {
    /// use watertight::Watertight;
    ///
    /// let owner = Watertight::open_pool("postgres://watertight_owner@localhost/clinic").await?;
    /// let maintenance = Watertight::builder().maintenance(&owner).await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`ConnectError::EmptyUrl`], [`ConnectError::MalformedUrl`] and [`ConnectError::Unreachable`].
    pub async fn open_pool(
        options: impl Into<ConnectOptions> + Send,
    ) -> Result<DatabaseConnection, ConnectError> {
        first_connection::open(options.into()).await
    }

    /// Creates a builder. Watertight's own tables need no registration.
    #[must_use]
    pub fn builder() -> Builder {
        Builder::default()
    }

    /// The connection of one tenant. This is cheap: it clones a handle and does not access the database.
    ///
    /// ```no_run
    /// # async fn example(water: watertight::Watertight) -> Result<(), Box<dyn std::error::Error>> {
    /// use sea_orm::{EntityTrait, PaginatorTrait};
    /// use watertight::entity::public::clients;
    ///
    /// let clinic = water.tenant("7b0e8d3c-5a53-4f6e-9b0e-0f8a1f0f2a11".parse()?);
    /// println!("{} clients", clients::Entity::find().count(&clinic).await?);
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn tenant(&self, tenant: TenantId) -> TenantConnection {
        TenantConnection::new(Arc::clone(&self.shared), tenant)
    }

    /// The messages of an outbox table, for a worker; see [`Outbox`].
    ///
    /// ```no_run
    /// # fn example<E: sea_orm::EntityTrait>(worker: &watertight::Watertight, entity: E) -> Result<(), watertight::Error> {
    /// let outbox = worker.outbox(entity)?.max_attempts(5);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`OutboxError::NotRegistered`] and [`OutboxError::Cluster`].
    pub fn outbox<E: EntityTrait>(&self, entity: E) -> Result<Outbox<E>, OutboxError> {
        Outbox::new(Arc::clone(&self.shared), &entity)
    }

    /// Verifies the signature of a [`TenantJob`], and returns its data with the connection of its tenant.
    ///
    /// ```no_run
    /// # async fn example<T: watertight::Job>(water: watertight::Watertight, message: &str) -> anyhow::Result<()> {
    /// let job: watertight::TenantJob<T> = serde_json::from_str(message)?;
    /// let (tenant, data) = water.open_job(&job)?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`JobError::Forged`] for a wrong signature, [`JobError::UnknownKey`], [`JobError::OtherKind`],
    /// [`JobError::Data`], and [`JobError::NoTenantKey`] without a tenant key.
    pub fn open_job<T: Job>(&self, job: &TenantJob<T>) -> Result<(TenantConnection, T), JobError> {
        job.open_on(&self.shared)
    }

    /// Creates a listener for the notifications of tenants, with a connection outside the pool.
    ///
    /// ```no_run
    /// # async fn example(water: watertight::Watertight, clinic: watertight::TenantId) -> Result<(), watertight::Error> {
    /// let mut listener = water.listener().await?;
    /// listener.listen(&water.tenant(clinic), "orders").await?;
    /// println!("{:?}", listener.recv().await?);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`NotificationError::TransactionPooler`] behind a transaction pooler, [`NotificationError::Replica`] and
    /// [`NotificationError::Database`].
    pub async fn listener(&self) -> Result<TenantListener, NotificationError> {
        TenantListener::connect(Arc::clone(&self.shared)).await
    }

    /// A connection without a tenant that refuses statements for tenant tables.
    ///
    /// Use it for shared tables, unregistered tables and changes of the schema.
    ///
    /// ```no_run
    /// # async fn example(water: watertight::Watertight) -> Result<(), sea_orm::DbErr> {
    /// use sea_orm::ConnectionTrait;
    ///
    /// let load = "INSERT INTO postcodes (code, city) VALUES ('14850', 'Ithaca')";
    /// water.unscoped().execute_unprepared(load).await?;
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn unscoped(&self) -> Unscoped {
        Unscoped::new(self.connection.clone(), Arc::clone(&self.shared))
    }

    /// The pool's own connection without a tenant: its statements are neither checked nor rewritten.
    ///
    /// Prefer [`unscoped`](Self::unscoped). This connection is for calls that need a `DatabaseConnection`, such as
    /// `Migrator::up`, or the pool of sqlx. Row-level security still applies. Without a tenant it shows no row of a
    /// tenant table, so a read of one returns nothing without an error. Every function that can bypass isolation has
    /// `dangerous` in its name.
    ///
    /// ```no_run
    /// # async fn example(water: watertight::Watertight) {
    /// let pool = water.dangerous_unscoped().get_postgres_connection_pool();
    /// println!("{} connections are open", pool.size());
    /// # }
    /// ```
    #[must_use]
    pub const fn dangerous_unscoped(&self) -> &DatabaseConnection {
        &self.connection
    }

    /// The numbers of cache hits, misses and refusals of the rewriter.
    ///
    /// ```no_run
    /// # fn example(water: &watertight::Watertight) {
    /// let metrics = water.rewrite_metrics();
    /// println!("{} statements were parsed, {} refused", metrics.misses, metrics.refusals);
    /// # }
    /// ```
    #[must_use]
    pub fn rewrite_metrics(&self) -> RewriteMetrics {
        self.shared.rewriter.metrics()
    }

    /// The refusals that [report-only mode](Builder::dangerous_report_only) did not carry out.
    ///
    /// Without the mode there are none.
    ///
    /// ```no_run
    /// # fn example(water: &watertight::Watertight) {
    /// let unproved = water.refused_in_report_only().total();
    /// println!("{unproved} statements would be refused");
    /// # }
    /// ```
    #[must_use]
    pub fn refused_in_report_only(&self) -> ReportedRefusals {
        self.shared.report_only.as_ref().map_or_else(ReportedRefusals::default, ReportOnly::refusals)
    }

    /// The rewriter of this database, which shows the statements that are sent.
    ///
    /// It uses the columns and the version of the database.
    ///
    /// ```no_run
    /// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
    /// let water = watertight::Watertight::connect("postgres://app@localhost/clinic").await?;
    /// println!("{}", water.rewriter().rewrite("SELECT email FROM auth.users", 0)?);
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn rewriter(&self) -> &Rewriter {
        &self.shared.rewriter
    }

    /// Closes the pool. Every handle and every connection of a tenant fails afterwards.
    ///
    /// A connection from [`Builder::with_connection`] stays open: the application created it and closes it.
    ///
    /// ```no_run
    /// # async fn example(served: impl Future<Output = ()>) -> Result<(), watertight::Error> {
    /// let water = watertight::Watertight::connect_from_env().await?;
    /// served.await;
    /// water.close().await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`Error::Database`].
    pub async fn close(self) -> Result<(), Error> {
        if self.owns_connection {
            self.connection.close().await?;
        }
        Ok(())
    }
}

impl fmt::Debug for Watertight {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Watertight").field("layers", &self.shared.layers).finish_non_exhaustive()
    }
}
