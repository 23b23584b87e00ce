//! Erasure of a tenant: deletion of all its rows.

use sea_orm::AccessMode;
use serde::Serialize;

use super::insertion::delete_rows;
use super::reactions::{Disabled, Reactions};
use super::rehearsal::rehearse;
use super::stats::count_rows;
use super::{Maintenance, Progress};
use crate::operations::MaintenanceError;
use crate::tenant::TenantId;

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
    /// Before the deletion it [rehearses](Self::rehearse) the restoration, so that an export of the rows can be
    /// imported. On a Citus cluster it does not. Triggers and rules for deleted rows are disabled until the
    /// commit, so that they keep and write no row. Other writers of a table with such triggers wait for the
    /// commit, and so do readers of a table with such rules.
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
    /// [`MaintenanceError::NotPermitted`], [`MaintenanceError::PolicyHidesRows`] or
    /// [`MaintenanceError::NotRestorable`] before the first deletion, [`MaintenanceError::NotErased`] for rows
    /// that are found after it, or [`MaintenanceError::Database`].
    pub async fn erase(
        &self,
        tenant: TenantId,
        progress: impl FnMut(Progress<'_>) + Send,
    ) -> Result<Erasure, MaintenanceError> {
        // On a cluster a temporary table is on one machine, and the rows are on others.
        self.erase_after(tenant, !self.plain.distributed, progress).await
    }

    /// Deletes all rows of a tenant as [`erase`](Self::erase) does, without a rehearsal.
    ///
    /// Use it if the rows are not needed again, and cannot be restored or are too many for a rehearsal.
    ///
    /// ```no_run
    /// # async fn example(maintenance: watertight::maintenance::Maintenance, clinic: watertight::TenantId)
    /// # -> Result<(), watertight::MaintenanceError> {
    /// let proof = maintenance.erase_without_rehearsal(clinic, |_| ()).await?;
    /// assert!(proof.tables.iter().all(|table| table.remaining == 0));
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As [`erase`](Self::erase), except [`MaintenanceError::NotRestorable`].
    pub async fn erase_without_rehearsal(
        &self,
        tenant: TenantId,
        progress: impl FnMut(Progress<'_>) + Send,
    ) -> Result<Erasure, MaintenanceError> {
        self.erase_after(tenant, false, progress).await
    }

    async fn erase_after(
        &self,
        tenant: TenantId,
        rehearsed: bool,
        mut progress: impl FnMut(Progress<'_>) + Send,
    ) -> Result<Erasure, MaintenanceError> {
        let tables = self.tables().await?;
        tables.require_write("delete from")?;
        let transaction = self.begin(tenant, AccessMode::ReadWrite).await?;
        let before = count_rows(&transaction, &tables).await?;
        if rehearsed {
            rehearse(&transaction, &tables, &before, |_| ()).await?;
        }
        let total = before.values().sum();
        let mut done = 0;
        let disabled = Disabled::begin(&transaction, &tables, Reactions::Delete).await?;
        delete_rows(&transaction, &tables, |table| {
            done += before.get(&table.name).copied().unwrap_or_default();
            progress(Progress { table: &table.name, done, total });
        })
        .await?;
        disabled.end(&transaction).await?;
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
