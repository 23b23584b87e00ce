//! Numbers of rows and bytes of a tenant.

use std::collections::BTreeMap;

use sea_orm::{AccessMode, DbErr, FromQueryResult};
use serde::Serialize;

use super::Maintenance;
use super::tables::{Tables, TenantTable};
use crate::operations::MaintenanceError;
use crate::tenant::sql::statement;
use crate::tenant::{TenantId, TenantTransaction};

/// The size of a tenant's rows in one table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct TableStats {
    /// The table, as `schema.name`.
    pub table: String,
    /// The number of rows.
    pub rows: u64,
    /// The stored size of the rows in bytes, without indexes.
    pub bytes: u64,
}

/// The size of a tenant's rows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct TenantStats {
    /// The tenant.
    pub tenant: TenantId,
    /// Every tenant table, including empty ones.
    pub tables: Vec<TableStats>,
}

impl TenantStats {
    /// The number of rows in all tables.
    #[must_use]
    pub fn rows(&self) -> u64 {
        self.tables.iter().map(|table| table.rows).sum()
    }

    /// The size of all rows in bytes.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.tables.iter().map(|table| table.bytes).sum()
    }
}

#[derive(FromQueryResult)]
struct Measure {
    number: i64,
    bytes: i64,
}

impl Maintenance {
    /// Counts the rows and bytes of a tenant in each table.
    ///
    /// ```no_run
    /// # use watertight::{MaintenanceError, TenantId, maintenance::Maintenance};
    /// # async fn example(maintenance: Maintenance, clinic: TenantId) -> Result<(), MaintenanceError> {
    /// for table in maintenance.stats(clinic).await?.tables {
    ///     println!("{:>12} {}", table.rows, table.table);
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`MaintenanceError::NotPermitted`] or [`MaintenanceError::Database`].
    pub async fn stats(&self, tenant: TenantId) -> Result<TenantStats, MaintenanceError> {
        let tables = self.tables().await?;
        let transaction = self.begin(tenant, AccessMode::ReadOnly).await?;
        let mut measured = Vec::new();
        for table in tables.iter() {
            let select = "count(*)::int8 AS number, coalesce(sum(pg_column_size(t.*)), 0)::int8 AS bytes";
            let Measure { number, bytes } = measure(&transaction, table, select).await?;
            measured.push(TableStats {
                table: table.name.clone(),
                rows: number.cast_unsigned(),
                bytes: bytes.cast_unsigned(),
            });
        }
        measured.sort_unstable_by(|one, other| one.table.cmp(&other.table));
        Ok(TenantStats { tenant, tables: measured })
    }
}

/// Counts the tenant's rows in each table that a transaction sees.
pub(super) async fn count_rows(
    transaction: &TenantTransaction,
    tables: &Tables,
) -> Result<BTreeMap<String, u64>, MaintenanceError> {
    let mut rows = BTreeMap::new();
    for table in tables.iter() {
        let counted = measure(transaction, table, "count(*)::int8 AS number, 0::int8 AS bytes").await?;
        rows.insert(table.name.clone(), counted.number.cast_unsigned());
    }
    Ok(rows)
}

async fn measure(
    transaction: &TenantTransaction,
    table: &TenantTable,
    select: &str,
) -> Result<Measure, DbErr> {
    let sql = format!("SELECT {select} FROM {} t WHERE t.{} = $1", table.source, table.tenant);
    let row = transaction.query_one_raw(statement(sql, [transaction.tenant_id().into()])).await?;
    let row = row.ok_or_else(|| DbErr::RecordNotFound("the database returned no count".to_owned()))?;
    Measure::from_query_result(&row, "")
}
