//! Every row of a tenant, deleted.

use sea_orm::AccessMode;
use serde::Serialize;

use super::stats::count_rows;
use super::{Maintenance, Progress};
use crate::operations::MaintenanceError;
use crate::tenant::TenantId;
use crate::tenant::sql::statement;

/// What became of a table's rows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct ErasedTable {
    /// The table, as `schema.name`.
    pub table: String,
    /// How many there were.
    pub erased: u64,
    /// How many were found afterwards: none.
    pub remaining: u64,
}

/// The proof that a tenant is erased.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Erasure {
    /// Whose rows.
    pub tenant: TenantId,
    /// Every table that can hold rows of tenants.
    pub tables: Vec<ErasedTable>,
}

impl Erasure {
    /// How many rows were deleted in all.
    #[must_use]
    pub fn erased(&self) -> u64 {
        self.tables.iter().map(|table| table.erased).sum()
    }
}

impl Maintenance {
    /// Deletes every row of the tenant, in every table that has the tenant's column, in one transaction; then looks
    /// once more, and gives what it counted as the proof.
    ///
    /// Let the application turn the tenant away before: what it writes meanwhile is found, and reported as an error.
    /// Backups and exports of the database are not touched.
    ///
    /// # Errors
    /// [`MaintenanceError::NotPermitted`] before anything is deleted; [`MaintenanceError::NotErased`] when rows are found afterwards;
    /// [`MaintenanceError::TableCycle`], and what the database reports.
    pub async fn erase(
        &self,
        tenant: TenantId,
        mut progress: impl FnMut(Progress<'_>) + Send,
    ) -> Result<Erasure, MaintenanceError> {
        let tables = self.tables().await?;
        tables.require_write("delete from")?;
        let transaction = self.begin(tenant, AccessMode::ReadWrite).await?;
        let before = count_rows(&transaction, &tables).await?;
        let total = before.values().sum();
        let mut done = 0;
        for table in tables.iter().rev() {
            let sql = format!("DELETE FROM {} WHERE tenant_id = $1", table.quoted);
            transaction.execute_raw(statement(sql, [tenant.into()])).await?;
            done += before.get(&table.name).copied().unwrap_or_default();
            progress(Progress { table: &table.name, done, total });
        }
        transaction.commit().await?;

        let after = count_rows(&self.begin(tenant, AccessMode::ReadOnly).await?, &tables).await?;
        let left: Vec<String> =
            after.iter().filter(|(_, rows)| **rows > 0).map(|(table, _)| table.clone()).collect();
        if !left.is_empty() {
            return Err(MaintenanceError::NotErased { tables: left });
        }
        let tables = before.into_iter().map(|(table, erased)| {
            let remaining = after.get(&table).copied().unwrap_or_default();
            ErasedTable { table, erased, remaining }
        });
        Ok(Erasure { tenant, tables: tables.collect() })
    }
}
