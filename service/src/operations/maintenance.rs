#![doc = include_str!("../../docs/maintenance.md")]

mod erase;
mod export;
mod format;
mod import;
#[cfg(any(feature = "auth", feature = "booking"))]
mod purge;
mod stats;
mod tables;

use std::fmt;
use std::sync::Arc;

use sea_orm::{AccessMode, FromQueryResult, IsolationLevel};
use uuid::Uuid;

pub use self::erase::{ErasedTable, Erasure};
pub use self::export::Export;
pub use self::import::Import;
#[cfg(any(feature = "auth", feature = "booking"))]
pub use self::purge::{Purge, Purged};
pub use self::stats::{TableStats, TenantStats};
use self::tables::Tables;
use crate::operations::MaintenanceError;
use crate::tenant::{Inspection, Shared, TenantIdError};
use crate::tenant::{TenantConnection, TenantId, TenantTransaction};
use crate::vocabulary::MalformedRow;

/// How far a long operation is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Progress<'a> {
    /// The table that is being worked on, as `schema.name`.
    pub table: &'a str,
    /// How many rows are done, of all tables.
    pub done: u64,
    /// How many rows there are, of all tables; 0 where nobody knows.
    pub total: u64,
}

/// What is done to whole tenants by those who run the database, and not by the application.
///
/// Made by [`Builder::maintenance`](crate::Builder::maintenance) on a connection of the tables' owner, or of a role that
/// is a member of it and `BYPASSRLS`, which can list the tenants too. Every statement names its tenant, whatever
/// row-level security does for the role.
#[derive(Clone)]
pub struct Maintenance {
    /// Statements of our own run as they are.
    plain: Arc<Shared>,
    /// The storage operations run as they do in the application.
    #[cfg(any(feature = "auth", feature = "booking"))]
    scoped: Arc<Shared>,
}

impl Maintenance {
    #[cfg(any(feature = "auth", feature = "booking"))]
    pub(crate) const fn new(plain: Arc<Shared>, scoped: Arc<Shared>) -> Self {
        Self { plain, scoped }
    }

    #[cfg(not(any(feature = "auth", feature = "booking")))]
    pub(crate) fn new(plain: Arc<Shared>, _: Arc<Shared>) -> Self {
        Self { plain }
    }

    /// The tenants that have rows, in the order of their UUIDs.
    ///
    /// # Errors
    /// [`MaintenanceError::RowsHidden`] for a role that is not `BYPASSRLS`; what the database reports.
    pub async fn tenants(&self) -> Result<Vec<TenantId>, MaintenanceError> {
        #[derive(FromQueryResult)]
        struct Tenant {
            tenant_id: Uuid,
        }
        let tables = self.tables().await?;
        tables.require_sight()?;
        let sql = tables.iter().map(|table| format!("SELECT tenant_id FROM {}", table.quoted));
        let sql = format!("{} ORDER BY 1", sql.collect::<Vec<_>>().join(" UNION "));
        let rows: Vec<Tenant> = Inspection::begin(&self.plain.pool).await?.ask(&sql, []).await?;
        let malformed =
            |error: TenantIdError| MalformedRow { column: "tenant_id", reason: error.to_string() };
        rows.into_iter().map(|row| Ok(TenantId::new(row.tenant_id).map_err(malformed)?)).collect()
    }

    /// The tenant's tables, each after those that it refers to.
    async fn tables(&self) -> Result<Tables, MaintenanceError> {
        Tables::read(&mut Inspection::begin(&self.plain.pool).await?, self.plain.rewriter.registry()).await
    }

    #[cfg(any(feature = "auth", feature = "booking"))]
    fn scoped(&self, tenant: TenantId) -> TenantConnection {
        TenantConnection::new(Arc::clone(&self.scoped), tenant)
    }

    /// A transaction in which rows read and print the same wherever it runs.
    async fn begin(&self, tenant: TenantId, mode: AccessMode) -> Result<TenantTransaction, MaintenanceError> {
        let connection = TenantConnection::new(Arc::clone(&self.plain), tenant);
        let transaction =
            connection.begin_with_config(Some(IsolationLevel::RepeatableRead), Some(mode)).await?;
        for setting in ["TimeZone = 'UTC'", "IntervalStyle = 'postgres'", "bytea_output = 'hex'"] {
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
