//! Erasure of a tenant: deletion of all its rows.

use sea_orm::AccessMode;
use serde::Serialize;

use super::stats::count_rows;
use super::{Maintenance, Progress};
use crate::operations::MaintenanceError;
use crate::tenant::TenantId;
use crate::tenant::sql::statement;

/// The result of an erasure for one table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct ErasedTable {
    /// The table, as `schema.name`.
    pub table: String,
    /// The number of deleted rows.
    pub erased: u64,
    /// The number of rows found after the deletion, which is zero.
    pub remaining: u64,
}

/// The proof that a tenant is erased.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Erasure {
    /// The tenant.
    pub tenant: TenantId,
    /// Every table with a tenant column.
    pub tables: Vec<ErasedTable>,
}

impl Erasure {
    /// The number of deleted rows in all tables.
    #[must_use]
    pub fn erased(&self) -> u64 {
        self.tables.iter().map(|table| table.erased).sum()
    }
}

impl Maintenance {
    /// Deletes all rows of a tenant in one transaction, and returns the counts as proof.
    ///
    /// It covers every table with a tenant column, and counts the remaining rows after the deletion. Reject
    /// requests of the tenant in the application first: rows that are written during the erasure are reported
    /// as an error. Backups and exports of the database are not changed.
    ///
    /// ```no_run
    /// # use watertight::{MaintenanceError, TenantId, maintenance::Maintenance};
    /// # async fn example(maintenance: Maintenance, clinic: TenantId) -> Result<(), MaintenanceError> {
    /// let proof = maintenance.erase(clinic, |step| println!("{} of {}", step.done, step.total)).await?;
    /// assert!(proof.tables.iter().all(|table| table.remaining == 0));
    /// println!("{} rows erased", proof.erased());
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`MaintenanceError::NotPermitted`] before the first deletion, [`MaintenanceError::NotErased`] for rows
    /// that are found after it, [`MaintenanceError::TableCycle`] or [`MaintenanceError::Database`].
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
