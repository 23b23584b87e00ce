//! A tenant's rows, of all tables, as a stream of lines of JSON.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use futures_util::TryStreamExt;
use sea_orm::AccessMode;
use serde::Serialize;
use sha2::{Digest, Sha256};
use tokio::io::{AsyncWrite, AsyncWriteExt};

use super::format::{self, Closing, Footer, Line};
use super::stats::count_rows;
use super::tables::TenantTable;
use super::{Maintenance, Progress};
use crate::operations::MaintenanceError;
use crate::tenant::clock;
use crate::tenant::sql::statement;
use crate::tenant::{TenantId, TenantTransaction};

/// What was written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Export {
    /// Whose rows.
    pub tenant: TenantId,
    /// The moment at which they were so.
    pub exported_at: DateTime<Utc>,
    /// How many of each table, under its name in the export.
    pub rows: BTreeMap<String, u64>,
    /// SHA-256 of all lines but the last, which holds it, in hexadecimal digits.
    pub sha256: String,
}

/// Writes lines, and keeps their hash.
struct Lines<W> {
    writer: W,
    hash: Sha256,
}

impl<W: AsyncWrite + Unpin> Lines<W> {
    async fn write(&mut self, line: &impl Serialize) -> Result<(), MaintenanceError> {
        let mut line = serde_json::to_vec(line).map_err(std::io::Error::from)?;
        line.push(b'\n');
        self.hash.update(&line);
        Ok(self.writer.write_all(&line).await?)
    }
}

impl Maintenance {
    /// Writes every row of the tenant as it is at one moment, while the application goes on working.
    ///
    /// The lines hold what the rows hold, password hashes and sealed secrets among them: keep them as safe as the
    /// database. The format is described [above](crate::maintenance#export-format).
    ///
    /// # Errors
    /// [`MaintenanceError::NotPermitted`], [`MaintenanceError::TableCycle`], [`MaintenanceError::Io`], and what the database reports.
    pub async fn export(
        &self,
        tenant: TenantId,
        writer: impl AsyncWrite + Unpin + Send,
        mut progress: impl FnMut(Progress<'_>) + Send,
    ) -> Result<Export, MaintenanceError> {
        let tables = self.tables().await?;
        let transaction = self.begin(tenant, AccessMode::ReadOnly).await?;
        let total = count_rows(&transaction, &tables).await?.values().sum();
        let exported_at = clock::now(&transaction).await?;

        let mut lines = Lines { writer, hash: Sha256::new() };
        let columns = tables.iter().map(|table| (table.static_name.clone(), table.columns.clone())).collect();
        lines.write(&format::opening(tenant, exported_at, columns)).await?;
        let mut rows = BTreeMap::new();
        let mut done = 0;
        for table in tables.iter() {
            let mut stream = stream_rows(&transaction, tenant, table).await?;
            let mut count = 0;
            while let Some(row) = stream.try_next().await? {
                let row: String = row.try_get_by_index(0)?;
                let row = serde_json::from_str(&row).map_err(std::io::Error::from)?;
                lines.write(&Line { table: table.static_name.as_str().into(), row }).await?;
                count += 1;
                done += 1;
                progress(Progress { table: &table.name, done, total });
            }
            rows.insert(table.static_name.clone(), count);
        }
        let sha256 = hex::encode(lines.hash.clone().finalize());
        lines.write(&Footer { end: Closing { rows: rows.clone(), sha256: sha256.clone() } }).await?;
        lines.writer.flush().await?;
        Ok(Export { tenant, exported_at, rows, sha256 })
    }
}

/// The rows of a table, each as a text of JSON without line breaks, in the order of its key.
pub(super) async fn stream_rows<'a>(
    transaction: &'a TenantTransaction,
    tenant: TenantId,
    table: &TenantTable,
) -> Result<crate::TenantStream<'a>, MaintenanceError> {
    let sql = format!(
        "SELECT {}::text FROM (SELECT {} FROM {} t WHERE t.tenant_id = $1 ORDER BY {}) r",
        table.as_json,
        table.quoted_columns(),
        table.quoted,
        table.order,
    );
    Ok(transaction.stream_raw(statement(sql, [tenant.into()])).await?)
}
