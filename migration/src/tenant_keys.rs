//! The keys that a database verifies tenants with: added, listed, retired, and done without.
//!
//! All of it is for the owner of the tables, whose connection it takes.
//!
//! ```no_run
//! use watertight_migration::{TenantKey, sea_orm_migration::sea_orm::Database, tenant_keys};
//!
//! # async fn run() -> Result<(), Box<dyn std::error::Error>> {
//! let owner = Database::connect("postgres://owner@localhost/clinic").await?;
//! for key in TenantKey::from_env()? {
//!     tenant_keys::add(&owner, &key).await?;
//! }
//! for key in tenant_keys::list(&owner).await? {
//!     println!("{} since {}", key.id, key.created_at);
//! }
//! # Ok(())
//! # }
//! ```

use std::{error::Error, fmt};

use sea_orm_migration::sea_orm::{ConnectionTrait, DbBackend, DbErr, Statement, Value};
use serde::Serialize;

use crate::{
    TenantKey,
    sql::{column, one, query},
    tenant_context::Mode,
};

/// A key that the database verifies tenants with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct InstalledKey {
    /// Its number.
    pub id: i16,
    /// The time of its addition (RFC 3339, UTC).
    pub created_at: String,
}

/// Adds a key. Returns `false` where the database has it already.
///
/// # Errors
///
/// [`TenantKeysError::IdTaken`] when another key has the number, [`TenantKeysError::NotMigrated`]; what the database
/// reports.
pub async fn add(owner: &impl ConnectionTrait, key: &TenantKey) -> Result<bool, TenantKeysError> {
    require_migrated(owner).await?;
    let [inner, outer] = key.pads();
    let values = || -> [Value; 3] { [key.id().into(), inner.to_vec().into(), outer.to_vec().into()] };
    let sql =
        "INSERT INTO watertight.tenant_keys (id, ipad, opad) VALUES ($1, $2, $3) ON CONFLICT (id) DO NOTHING";
    if execute(owner, sql, values()).await? == 1 {
        return Ok(true);
    }
    let same = "SELECT id::text FROM watertight.tenant_keys WHERE id = $1 AND ipad = $2 AND opad = $3";
    if column(owner, same, values()).await?.is_empty() {
        return Err(TenantKeysError::IdTaken { id: key.id() });
    }
    Ok(false)
}

/// The keys that the database has, the newest first.
///
/// # Errors
///
/// [`TenantKeysError::NotMigrated`]; what the database reports.
pub async fn list(owner: &impl ConnectionTrait) -> Result<Vec<InstalledKey>, TenantKeysError> {
    require_migrated(owner).await?;
    let sql = "SELECT id, to_char(created_at AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"') \
               FROM watertight.tenant_keys ORDER BY tenant_keys.created_at DESC, id DESC";
    let rows = query(owner, sql, []).await?;
    let key = |row: sea_orm_migration::sea_orm::QueryResult| {
        let (id, created_at) = row.try_get_many_by_index()?;
        Ok(InstalledKey { id, created_at })
    };
    rows.into_iter().map(key).collect()
}

/// Removes a key: tokens that it signed are worth nothing from then on. Deploy every application with the new key
/// before.
///
/// # Errors
///
/// [`TenantKeysError::UnknownId`]; [`TenantKeysError::LastKey`] when tenants would see nothing any more;
/// [`TenantKeysError::NotMigrated`]; what the database reports.
pub async fn retire(owner: &impl ConnectionTrait, id: i16) -> Result<(), TenantKeysError> {
    let signed = is_signed(owner).await?;
    // Two at once must not each leave the other's key as the last one.
    let sql = "WITH held AS MATERIALIZED (SELECT k.id FROM watertight.tenant_keys AS k ORDER BY k.id FOR UPDATE) \
               DELETE FROM watertight.tenant_keys AS k WHERE k.id = $1 AND (NOT $2 OR (SELECT count(*) FROM held) > 1)";
    if execute(owner, sql, [id.into(), signed.into()]).await? == 1 {
        return Ok(());
    }
    if list(owner).await?.iter().any(|key| key.id == id) {
        Err(TenantKeysError::LastKey { id })
    } else {
        Err(TenantKeysError::UnknownId { id })
    }
}

/// Makes the database believe the tenant that a session names, without a signature. Row-level security then holds
/// against mistakes, and not against an attacker who runs SQL of their own: any SQL can name any tenant.
///
/// For a Citus cluster, whose workers cannot read the keys.
///
/// # Errors
///
/// [`TenantKeysError::NotMigrated`]; what the database reports.
pub async fn waive(owner: &impl ConnectionTrait) -> Result<(), TenantKeysError> {
    require_migrated(owner).await?;
    set(owner, Mode::Unsigned).await
}

/// Makes the database verify the tenant that a session names: the default, and the opposite of [`waive`].
///
/// # Errors
///
/// [`TenantKeysError::NoKey`] when it has no key to verify with; [`TenantKeysError::NotMigrated`]; what the database
/// reports.
pub async fn require(owner: &impl ConnectionTrait) -> Result<(), TenantKeysError> {
    if list(owner).await?.is_empty() {
        return Err(TenantKeysError::NoKey);
    }
    set(owner, Mode::Signed).await
}

/// Whether the database verifies the tenant that a session names.
///
/// # Errors
///
/// [`TenantKeysError::NotMigrated`]; what the database reports.
pub async fn is_signed(db: &impl ConnectionTrait) -> Result<bool, TenantKeysError> {
    require_migrated(db).await?;
    let sql = "SELECT prosecdef FROM pg_catalog.pg_proc WHERE oid = pg_catalog.to_regprocedure('watertight.tenant()')";
    Ok(one(db, sql).await?)
}

async fn set(owner: &impl ConnectionTrait, mode: Mode) -> Result<(), TenantKeysError> {
    for sql in mode.statements() {
        owner.execute_unprepared(&sql).await?;
    }
    Ok(())
}

async fn require_migrated(db: &impl ConnectionTrait) -> Result<(), TenantKeysError> {
    let sql = "SELECT pg_catalog.to_regprocedure('watertight.tenant()') IS NOT NULL";
    if one(db, sql).await? { Ok(()) } else { Err(TenantKeysError::NotMigrated) }
}

async fn execute(
    db: &impl ConnectionTrait,
    sql: &str,
    values: impl IntoIterator<Item = Value>,
) -> Result<u64, DbErr> {
    let done = db.execute_raw(Statement::from_sql_and_values(DbBackend::Postgres, sql, values)).await?;
    Ok(done.rows_affected())
}

/// Why the keys of a database were not changed.
///
/// It turns into a [`DbErr`] with `?`, as a migration returns it.
#[derive(Debug)]
#[non_exhaustive]
pub enum TenantKeysError {
    /// The database has not the migration that signs tenants.
    NotMigrated,
    /// Another key has the number.
    IdTaken {
        /// The number.
        id: i16,
    },
    /// No key has the number.
    UnknownId {
        /// The number.
        id: i16,
    },
    /// It is the only key.
    LastKey {
        /// Its number.
        id: i16,
    },
    /// The database has no key.
    NoKey,
    /// The database reported an error.
    Database(DbErr),
}

impl fmt::Display for TenantKeysError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotMigrated => {
                write!(f, "the database has no function watertight.tenant(); run `watertight migrate` first")
            }
            Self::IdTaken { id } => write!(
                f,
                "the database has another tenant key {id}; give the new one an ID of its own, as `watertight keys new \
                 --id` does"
            ),
            Self::UnknownId { id } => {
                write!(f, "the database has no tenant key {id}; `watertight keys list` prints those it has")
            }
            Self::LastKey { id } => write!(
                f,
                "tenant key {id} is the only one, and tenants would see nothing without it; add the next one first, or \
                 run `watertight keys waive` to do without"
            ),
            Self::NoKey => {
                write!(
                    f,
                    "the database has no tenant key, and tenants would see nothing; run `watertight keys add` first"
                )
            }
            Self::Database(error) => error.fmt(f),
        }
    }
}

impl Error for TenantKeysError {}

impl From<DbErr> for TenantKeysError {
    fn from(error: DbErr) -> Self {
        Self::Database(error)
    }
}

impl From<TenantKeysError> for DbErr {
    fn from(error: TenantKeysError) -> Self {
        match error {
            TenantKeysError::Database(error) => error,
            error => Self::Migration(error.to_string()),
        }
    }
}
