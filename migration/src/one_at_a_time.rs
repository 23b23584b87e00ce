//! A lock that lets one change of a database's schema run at a time.
//!
//! It is an advisory lock of a transaction, which also holds behind a transaction pooler.

use sea_orm_migration::{
    SchemaManagerConnection,
    prelude::*,
    sea_orm::{
        ConnectionTrait, DatabaseConnection, DatabaseConnectionType, DatabaseTransaction, DbBackend, Schema,
        TransactionTrait,
    },
    seaql_migrations,
};

use crate::query;

/// Waits for the lock until the transaction of the statement is alone with it.
pub(crate) const LOCK: &str = "SELECT pg_catalog.pg_advisory_xact_lock(7751266205124)";

/// The lock of the migration table's creation. It is another one, because a migrator holds the first on another connection.
const INSTALL_LOCK: &str = "PERFORM pg_catalog.pg_advisory_xact_lock(7751266205125)";

/// The lock of conversions. A migrator that waits for the first lock has a snapshot, for whose end `CREATE INDEX
/// CONCURRENTLY` of a conversion would wait.
const TRY_CONVERSION: &str = "SELECT pg_catalog.pg_try_advisory_xact_lock(7751266205126)";

/// The time between two attempts to take the lock of conversions.
const PAUSE: std::time::Duration = std::time::Duration::from_millis(200);

/// The lock, held by a transaction of its own.
pub(crate) struct Lock(Option<DatabaseTransaction>);

impl Lock {
    /// Waits for the lock. Migrations in a transaction of the caller hold it until that ends.
    ///
    /// A pool of one connection has none to hold the lock with: then the migrations run without it.
    pub(crate) async fn take(db: &SchemaManagerConnection<'_>) -> Result<Self, DbErr> {
        match db {
            SchemaManagerConnection::Connection(pool) if has_two_connections(pool) => {
                let holder = pool.begin().await?;
                holder.execute_unprepared(LOCK).await?;
                Ok(Self(Some(holder)))
            }
            SchemaManagerConnection::Connection(_) => Ok(Self(None)),
            SchemaManagerConnection::Transaction(transaction) => {
                transaction.execute_unprepared(LOCK).await?;
                Ok(Self(None))
            }
            SchemaManagerConnection::OwnedTransaction(transaction) => {
                transaction.execute_unprepared(LOCK).await?;
                Ok(Self(None))
            }
        }
    }

    /// Waits for the lock of conversions, without a snapshot while it waits.
    ///
    /// A pool of one connection has none to hold the lock with: then the conversion runs without it.
    pub(crate) async fn of_conversions(pool: &DatabaseConnection) -> Result<Self, DbErr> {
        if !has_two_connections(pool) {
            return Ok(Self(None));
        }
        loop {
            let holder = pool.begin().await?;
            if query::one(&holder, TRY_CONVERSION).await? {
                return Ok(Self(Some(holder)));
            }
            holder.rollback().await?;
            tokio::time::sleep(PAUSE).await;
        }
    }

    /// Releases the lock. A lost connection has released it already.
    pub(crate) async fn release(self) {
        if let Some(holder) = self.0 {
            holder.rollback().await.ok();
        }
    }
}

fn has_two_connections(db: &DatabaseConnection) -> bool {
    matches!(db.inner, DatabaseConnectionType::SqlxPostgresPoolConnection(_))
        && db.get_postgres_connection_pool().options().get_max_connections() > 1
}

/// Creates the migration table if there is none. Of concurrent calls one creates it.
pub(crate) async fn install(db: &impl ConnectionTrait, table: DynIden) -> Result<(), DbErr> {
    let mut create = Schema::new(DbBackend::Postgres).create_table_from_entity(seaql_migrations::Entity);
    let create = create.table(table).if_not_exists().to_string(PostgresQueryBuilder);
    let locked = format!("DO $watertight$ BEGIN {INSTALL_LOCK}; {create}; END $watertight$");
    db.execute_unprepared(&locked).await.map(drop)
}
