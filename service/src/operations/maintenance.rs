#![doc = include_str!("../../docs/links.md")]
#![doc = include_str!("../../docs/maintenance.md")]

mod across;
mod erase;
mod export;
mod format;
mod import;
mod insertion;
#[cfg(any(feature = "auth", feature = "booking"))]
mod purge;
mod reactions;
mod references;
mod rehearsal;
mod rows;
mod sequences;
mod stats;
mod structure;
mod tables;

use std::fmt;
use std::sync::Arc;

use sea_orm::{AccessMode, FromQueryResult, IsolationLevel};

pub use self::erase::{ErasedTable, Erasure};
pub use self::export::Export;
pub use self::import::Import;
#[cfg(any(feature = "auth", feature = "booking"))]
pub use self::purge::{Purge, Purged};
pub use self::rehearsal::Rehearsal;
pub use self::stats::{TableStats, TenantStats};
use self::tables::{Tables, TenantTable};
use crate::operations::MaintenanceError;
use crate::tenant::{Inspection, Shared};
use crate::tenant::{TenantConnection, TenantId, TenantTransaction};

/// The progress of a long operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Progress<'a> {
    /// The table that is being worked on, as `schema.name`.
    pub table: &'a str,
    /// The number of processed rows, over all tables.
    pub done: u64,
    /// The number of all rows, over all tables; 0 if it is unknown.
    pub total: u64,
}

/// The settings that decide how values are written as text and read from it.
const SETTINGS: [&str; 10] = [
    "TimeZone = 'UTC'",
    "DateStyle = 'ISO, YMD'",
    "IntervalStyle = 'postgres'",
    "bytea_output = 'hex'",
    "extra_float_digits = 1",
    "lc_monetary = 'C'",
    "array_nulls = on",
    "xmloption = 'content'",
    "quote_all_identifiers = off",
    "row_security = on",
];

#[derive(FromQueryResult)]
struct Tenant {
    id: TenantId,
}

/// Administrative operations on whole tenants: export, import, erasure, purge and statistics.
///
/// [`Builder::maintenance`](crate::Builder::maintenance) creates it on a connection of the tables' owner, or
/// of a role that is a member of the owner and has `BYPASSRLS`. The latter can also list the tenants. Every
/// statement filters by its tenant, even if the role bypasses row-level security.
#[derive(Clone)]
pub struct Maintenance {
    /// Runs watertight's own statements without rewriting.
    plain: Arc<Shared>,
    /// Runs the operations of the domains with rewriting, as in the application.
    scoped: Arc<Shared>,
}

impl Maintenance {
    pub(crate) const fn new(plain: Arc<Shared>, scoped: Arc<Shared>) -> Self {
        Self { plain, scoped }
    }

    /// The tenants that have rows, in the order of their keys.
    ///
    /// ```no_run
    /// # use watertight::{MaintenanceError, maintenance::Maintenance};
    /// # async fn example(maintenance: Maintenance) -> Result<(), MaintenanceError> {
    /// for tenant in maintenance.tenants().await? {
    ///     println!("{tenant}: {} bytes", maintenance.stats(tenant).await?.bytes());
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`MaintenanceError::RowsHidden`] for a role without `BYPASSRLS`, or [`MaintenanceError::Database`].
    pub async fn tenants(&self) -> Result<Vec<TenantId>, MaintenanceError> {
        let tables = self.tables().await?;
        tables.require_sight()?;
        let tenant_type = self.scoped.rewriter.registry().tenant_type();
        // Rows for everyone have the reserved key, which no tenant has.
        let sql = tables.iter().map(|TenantTable { tenant, source, .. }| {
            format!("SELECT t.{tenant} AS id FROM {source} t WHERE t.{tenant} <> {}", tenant_type.reserved())
        });
        let sql = format!("{} ORDER BY 1", sql.collect::<Vec<_>>().join(" UNION "));
        let rows: Vec<Tenant> = Inspection::begin(&self.plain.pool).await?.ask(&sql, []).await?;
        Ok(rows.into_iter().map(|row| row.id).collect())
    }

    /// The tenant tables, each after the tables that it refers to.
    async fn tables(&self) -> Result<Tables, MaintenanceError> {
        Tables::read(&mut Inspection::begin(&self.plain.pool).await?, self.scoped.rewriter.registry()).await
    }

    #[cfg(any(feature = "auth", feature = "booking"))]
    fn scoped(&self, tenant: TenantId) -> TenantConnection {
        TenantConnection::new(Arc::clone(&self.scoped), tenant)
    }

    /// Begins a transaction with fixed settings, so that values have the same text form on every server.
    async fn begin(&self, tenant: TenantId, mode: AccessMode) -> Result<TenantTransaction, MaintenanceError> {
        let connection = TenantConnection::new(Arc::clone(&self.plain), tenant);
        let transaction =
            connection.begin_with_config(Some(IsolationLevel::RepeatableRead), Some(mode)).await?;
        for setting in SETTINGS {
            transaction.execute_unprepared(&format!("SET LOCAL {setting}")).await?;
        }
        Ok(transaction)
    }
}

impl fmt::Debug for Maintenance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Maintenance")
    }
}
