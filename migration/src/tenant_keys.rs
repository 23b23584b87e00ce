//! The keys with which a database verifies tenants: adding, listing and retiring them.
//!
//! Every function takes a connection of the owner of the tables.
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

use sea_orm_migration::sea_orm::{ConnectionTrait, DbBackend, DbErr, QueryResult, Statement, Value};
use serde::Serialize;
use watertight_schema::TenantKey;
use zeroize::Zeroizing;

use crate::error::migration_error;
use crate::one_at_a_time;
use crate::query::{self, column, one};
use crate::tenant_context::Mode;

/// A key with which the database verifies tenants.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct InstalledKey {
    /// Its ID.
    pub id: i16,
    /// The time at which it was added (RFC 3339, UTC).
    pub created_at: String,
}

/// Adds a key. Returns `false` when the database already has it.
///
/// ```no_run
/// # use watertight_migration::sea_orm_migration::sea_orm::DatabaseConnection;
/// use watertight_migration::{TenantKey, tenant_keys};
///
/// # async fn example(owner: &DatabaseConnection) -> Result<(), Box<dyn std::error::Error>> {
/// for key in TenantKey::from_env()? {
///     let is_new = tenant_keys::add(owner, &key).await?;
///     println!("key {}: {}", key.id(), if is_new { "added" } else { "already installed" });
/// }
/// # Ok(())
/// # }
/// ```
///
/// # Errors
///
/// [`TenantKeysError::IdTaken`] when another key has the ID; [`TenantKeysError::NotMigrated`].
pub async fn add(owner: &impl ConnectionTrait, key: &TenantKey) -> Result<bool, TenantKeysError> {
    require_migrated(owner).await?;
    let [inner, outer] = pads(key);
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

/// The keys of the database, the newest first.
///
/// # Errors
///
/// [`TenantKeysError::NotMigrated`].
pub async fn list(owner: &impl ConnectionTrait) -> Result<Vec<InstalledKey>, TenantKeysError> {
    require_migrated(owner).await?;
    let sql = "SELECT id, to_char(created_at AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"') \
               FROM watertight.tenant_keys ORDER BY tenant_keys.created_at DESC, id DESC";
    let rows = query::rows(owner, sql, []).await?;
    let key = |row: QueryResult| {
        let (id, created_at) = row.try_get_many_by_index()?;
        Ok(InstalledKey { id, created_at })
    };
    rows.into_iter().map(key).collect()
}

/// Removes a key: the database rejects tokens that it signed. Deploy every application with the new key before.
///
/// ```no_run
/// # use watertight_migration::{TenantKey, sea_orm_migration::sea_orm::DatabaseConnection};
/// use watertight_migration::tenant_keys::{self, TenantKeysError};
///
/// # async fn rotate(owner: &DatabaseConnection, new: &TenantKey, old: i16) -> Result<(), TenantKeysError> {
/// tenant_keys::add(owner, new).await?;
/// // Deploy the applications with the new key. Then:
/// tenant_keys::retire(owner, old).await?;
/// # Ok(())
/// # }
/// ```
///
/// # Errors
///
/// [`TenantKeysError::UnknownId`]; [`TenantKeysError::LastKey`] when tenants would see nothing without it;
/// [`TenantKeysError::NotMigrated`].
pub async fn retire(owner: &impl ConnectionTrait, id: i16) -> Result<(), TenantKeysError> {
    let signed = is_signed(owner).await?;
    // The lock keeps two concurrent calls from retiring the last two keys.
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

/// Makes the database accept the tenant that a session names, without a signature.
///
/// Row-level security then stops mistakes, but not an attacker who can run SQL: any SQL can name any tenant.
/// It is meant for a Citus cluster, whose workers cannot read the keys.
///
/// # Errors
///
/// [`TenantKeysError::NotMigrated`].
pub async fn waive(owner: &impl ConnectionTrait) -> Result<(), TenantKeysError> {
    require_migrated(owner).await?;
    set(owner, Mode::Unsigned).await
}

/// Makes the database verify the tenant that a session names: the default, and the opposite of [`waive`].
///
/// ```no_run
/// # use watertight_migration::sea_orm_migration::sea_orm::DatabaseConnection;
/// use watertight_migration::tenant_keys::{self, TenantKeysError};
///
/// # async fn example(owner: &DatabaseConnection) -> Result<(), TenantKeysError> {
/// if !tenant_keys::is_signed(owner).await? {
///     tenant_keys::require(owner).await?;
/// }
/// # Ok(())
/// # }
/// ```
///
/// # Errors
///
/// [`TenantKeysError::NoKey`] when it has no key; [`TenantKeysError::NotMigrated`].
pub async fn require(owner: &impl ConnectionTrait) -> Result<(), TenantKeysError> {
    if list(owner).await?.is_empty() {
        return Err(TenantKeysError::NoKey);
    }
    set(owner, Mode::Signed).await
}

/// Returns true if the database verifies the tenant that a session names.
///
/// # Errors
///
/// [`TenantKeysError::NotMigrated`].
pub async fn is_signed(db: &impl ConnectionTrait) -> Result<bool, TenantKeysError> {
    require_migrated(db).await?;
    let sql = "SELECT prosecdef FROM pg_catalog.pg_proc WHERE oid = pg_catalog.to_regprocedure('watertight.tenant()')";
    Ok(one(db, sql).await?)
}

/// The blocks with which HMAC-SHA256 (RFC 2104) begins its inner and outer hash.
fn pads(key: &TenantKey) -> [Zeroizing<Vec<u8>>; 2] {
    [0x36, 0x5c].map(|pad| {
        let key = key.secret().iter().copied().chain(std::iter::repeat(0)).take(64);
        Zeroizing::new(key.map(|byte| byte ^ pad).collect())
    })
}

async fn set(owner: &impl ConnectionTrait, mode: Mode) -> Result<(), TenantKeysError> {
    // One message is one transaction, so that concurrent calls do not replace the function at the same time.
    let key: String = one(
        owner,
        "SELECT pg_catalog.format_type(prorettype, NULL) FROM pg_catalog.pg_proc \
         WHERE oid = pg_catalog.to_regprocedure('watertight.tenant()')",
    )
    .await?;
    let statements = mode.statements(key.parse().map_err(migration_error)?).join(";\n");
    owner.execute_unprepared(&format!("{};\n{statements}", one_at_a_time::LOCK)).await?;
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

/// The keys of a database were not changed.
///
/// It turns into a [`DbErr`] with `?`, as a migration returns it.
///
/// ```
/// # use watertight_migration::sea_orm_migration::sea_orm::DatabaseConnection;
/// use watertight_migration::tenant_keys::{self, TenantKeysError};
///
/// /// Retires a key, also if another program has retired it.
/// async fn retire(owner: &DatabaseConnection, id: i16) -> Result<(), TenantKeysError> {
///     match tenant_keys::retire(owner, id).await {
///         Err(TenantKeysError::UnknownId { .. }) => Ok(()),
///         other => other,
///     }
/// }
///
/// let error = TenantKeysError::IdTaken { id: 1 };
/// assert!(error.to_string().starts_with("the database has another tenant key 1"));
/// ```
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TenantKeysError {
    /// The migration that signs tenants is not applied.
    #[error("the database has no function watertight.tenant(); run `watertight migrate` first")]
    NotMigrated,
    /// Another key has the ID.
    #[error(
        "the database has another tenant key {id}; create the new key with another ID (`watertight keys new \
         --id`)"
    )]
    IdTaken {
        /// The ID.
        id: i16,
    },
    /// No key has the ID.
    #[error("the database has no tenant key {id}; `watertight keys list` prints its keys")]
    UnknownId {
        /// The ID.
        id: i16,
    },
    /// The key is the only one.
    #[error(
        "tenant key {id} is the only one, so tenants would see no rows without it; add the next key first, or \
         run `watertight keys waive` to stop verifying tenants"
    )]
    LastKey {
        /// Its ID.
        id: i16,
    },
    /// The database has no key.
    #[error("the database has no tenant key, so tenants would see no rows; run `watertight keys add` first")]
    NoKey,
    /// The database reported an error.
    #[error(transparent)]
    Database(#[from] DbErr),
}

impl From<TenantKeysError> for DbErr {
    fn from(error: TenantKeysError) -> Self {
        match error {
            TenantKeysError::Database(error) => error,
            error => migration_error(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pads_are_those_of_rfc_2104() {
        let key: TenantKey = format!("1:{}", "01".repeat(32)).parse().unwrap();
        let [inner, outer] = pads(&key);
        assert_eq!(*inner, [[0x37; 32], [0x36; 32]].concat());
        assert_eq!(*outer, [[0x5d; 32], [0x5c; 32]].concat());
    }
}
