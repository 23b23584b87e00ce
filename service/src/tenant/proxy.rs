//! A `DatabaseConnection` of one tenant, for libraries that take the concrete type.

mod driver;
mod error;
mod options;
mod row;
mod strand;
mod transactions;
mod value;

use std::fmt;
use std::ops::Deref;
use std::sync::Arc;

use sea_orm::{DatabaseConnection, DatabaseConnectionType, DbBackend, DbErr, ProxyDatabaseConnection};
use tracing::error;

use self::driver::Driver;
pub use self::error::TenantDatabaseError;
pub use self::options::{DatabaseOptions, Timestamps};
use self::transactions::Transactions;
use super::connection::TenantConnection;
use super::id::TenantId;

/// A [`DatabaseConnection`] of one tenant for one unit of work, such as a request.
///
/// It is for libraries that take a `DatabaseConnection` by type: seaography, loco, SeaORM's RBAC. Your own code uses the
/// [`TenantConnection`], which has no limits. Every statement runs through the `TenantConnection`, so it is rewritten, checked
/// by row-level security, and refused in the same way: [`Refusal::of`](crate::Refusal::of) finds the refusal in the error.
///
/// A clone of the connection stops working when the `TenantDatabase` is dropped or [finished](Self::finish). A library that
/// stores one beyond the request gets [`TenantDatabaseError::Ended`].
///
/// ```no_run
/// use sea_orm::{DatabaseConnection, DbErr, EntityTrait};
/// use watertight::TenantConnection;
/// use watertight::entity::public::services;
///
/// /// A function of a library.
/// async fn report(db: &DatabaseConnection) -> Result<usize, DbErr> {
///     Ok(services::Entity::find().all(db).await?.len())
/// }
///
/// # async fn example(tenant: TenantConnection) -> Result<(), DbErr> {
/// let database = tenant.database_connection();
/// let services = report(&database).await?;
/// database.finish()?;
/// # Ok(())
/// # }
/// ```
///
/// # Transactions
///
/// SeaORM tells the driver that a transaction begins, commits or rolls back, but not which one, and a commit has no result. A
/// `TenantDatabase` therefore has one transaction at a time:
///
/// - The transaction belongs to the task that began it. Until it ends, statements of every other task are refused with
///   [`TenantDatabaseError::OtherTask`].
/// - A nested transaction is a savepoint. A second transaction on the connection itself is refused with
///   [`TenantDatabaseError::SecondTransaction`], and so are all later statements of both.
/// - A statement of the same task on the connection itself, instead of on the transaction, joins the open transaction. If it
///   overlaps another statement, the transaction fails with [`TenantDatabaseError::Concurrent`].
/// - A transaction begins on the server with its first statement, which returns the error of a failed begin.
/// - A transaction that is dropped is rolled back.
/// - SeaORM reports success for a commit that failed. Every later statement is then refused with
///   [`TenantDatabaseError::CommitFailed`], and [`finish`](Self::finish) returns the error. Call `finish` before you report
///   success to a client.
/// - SeaORM drops the isolation level and access mode of `begin_with_config`. Set them with
///   [`DatabaseOptions::transaction`].
///
/// # Rows
///
/// The driver's rows do not know the Rust type of a field, so each type of PostgreSQL has one type of Rust:
/// [`DatabaseOptions`] lists them. A column of another type is refused with [`TenantDatabaseError::ColumnType`]. Two columns
/// with one name are refused with [`TenantDatabaseError::DuplicateColumn`].
///
/// <div class="warning">
///
/// SeaORM reads a field with another type as `None` if the field is an `Option`, and reports an error otherwise.
/// [`DatabaseOptions::check`] finds such fields of an entity. Call it in a test for each entity that a library reads.
///
/// </div>
///
/// Results by position, as of `into_tuple`, are exact. For this a row has additional keys, which begin with a zero character,
/// unless its columns are sorted by name. They appear in `into_json` and `column_names`.
///
/// `stream` is not supported by SeaORM for such a connection.
#[must_use = "the connection stops working when this value is dropped"]
pub struct TenantDatabase {
    connection: DatabaseConnection,
    tenant: TenantId,
    transactions: Arc<Transactions>,
    is_finished: bool,
}

impl TenantDatabase {
    fn new(tenant: &TenantConnection, options: DatabaseOptions) -> Self {
        let transactions = Arc::new(Transactions::new(tenant.clone(), options.transaction));
        let driver = Driver::new(tenant.clone(), Arc::clone(&transactions), options);
        let proxy = Arc::new(ProxyDatabaseConnection::new(DbBackend::Postgres, Arc::new(Box::new(driver))));
        transactions.watch(&proxy);
        let connection = DatabaseConnectionType::ProxyDatabaseConnection(proxy).into();
        Self { connection, tenant: tenant.tenant_id(), transactions, is_finished: false }
    }

    /// The tenant that the connection belongs to.
    #[must_use]
    pub const fn tenant_id(&self) -> TenantId {
        self.tenant
    }

    /// The connection. Clones of it work until this value is dropped.
    ///
    /// ```no_run
    /// use sea_orm::DatabaseConnection;
    ///
    /// struct AppContext {
    ///     db: DatabaseConnection,
    /// }
    ///
    /// # fn example(tenant: watertight::TenantConnection) -> Result<(), sea_orm::DbErr> {
    /// let database = tenant.database_connection();
    /// let context = AppContext { db: database.connection().clone() };
    /// # drop(context);
    /// database.finish()?;
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub const fn connection(&self) -> &DatabaseConnection {
        &self.connection
    }

    /// Ends the unit of work, and reports whether everything that was committed is in the database.
    ///
    /// # Errors
    /// - The error of a commit, which SeaORM could not report. [`is_outcome_unknown`](crate::is_outcome_unknown) tells whether
    ///   the changes can be in the database.
    /// - [`TenantDatabaseError::Open`] if a transaction is still open. It is rolled back.
    /// - [`TenantDatabaseError::OtherTask`], [`TenantDatabaseError::SecondTransaction`] or
    ///   [`TenantDatabaseError::Concurrent`] if a commit was ignored for this reason.
    pub fn finish(mut self) -> Result<(), DbErr> {
        self.is_finished = true;
        self.transactions.end()
    }
}

impl Drop for TenantDatabase {
    fn drop(&mut self) {
        if !self.is_finished
            && let Err(error) = self.transactions.end()
        {
            error!(tenant_id = %self.tenant, %error, "a failure of a `TenantDatabase` was not asked for");
        }
    }
}

impl Deref for TenantDatabase {
    type Target = DatabaseConnection;

    fn deref(&self) -> &DatabaseConnection {
        &self.connection
    }
}

impl AsRef<DatabaseConnection> for TenantDatabase {
    fn as_ref(&self) -> &DatabaseConnection {
        &self.connection
    }
}

impl fmt::Debug for TenantDatabase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TenantDatabase").field("tenant_id", &self.tenant).finish_non_exhaustive()
    }
}

/// Libraries that take a `DatabaseConnection`.
impl TenantConnection {
    /// A [`DatabaseConnection`] of this tenant for one unit of work.
    ///
    /// It costs no round trip. Make one for each request: see [`TenantDatabase`].
    ///
    /// ```no_run
    /// use sea_orm::{EntityTrait, TransactionTrait};
    /// use watertight::entity::public::services;
    ///
    /// # async fn example(tenant: watertight::TenantConnection) -> Result<(), sea_orm::DbErr> {
    /// let database = tenant.database_connection();
    /// let transaction = database.begin().await?;
    /// services::Entity::delete_many().exec(&transaction).await?;
    /// transaction.commit().await?;
    /// // SeaORM reports no error of the commit above. This does:
    /// database.finish()?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn database_connection(&self) -> TenantDatabase {
        self.database_connection_with(DatabaseOptions::new())
    }

    /// A [`DatabaseConnection`] of this tenant with options.
    ///
    /// ```no_run
    /// use watertight::{DatabaseOptions, Timestamps};
    ///
    /// # fn example(tenant: watertight::TenantConnection) -> Result<(), sea_orm::DbErr> {
    /// let options = DatabaseOptions::new().timestamps(Timestamps::ChronoUtc);
    /// let database = tenant.database_connection_with(options);
    /// database.finish()?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn database_connection_with(&self, options: DatabaseOptions) -> TenantDatabase {
        TenantDatabase::new(self, options)
    }
}
