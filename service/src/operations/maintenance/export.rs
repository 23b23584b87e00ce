//! Export of a tenant's rows as lines of JSON.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use futures_util::TryStreamExt;
use sea_orm::AccessMode;
use serde::Serialize;
use sha2::{Digest, Sha256};
use tokio::io::{AsyncWrite, AsyncWriteExt};

use super::format::{self, Closing, Footer, Line};
use super::rows::{set_search_path, stream_rows};
use super::sequences;
use super::stats::count_rows;
use super::{Maintenance, Progress};
use crate::operations::MaintenanceError;
use crate::tenant::TenantId;
use crate::tenant::clock;

/// The result of an export.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Export {
    /// The tenant.
    pub tenant: TenantId,
    /// The time of the exported snapshot.
    pub exported_at: DateTime<Utc>,
    /// The number of rows of each table, by its name in the export.
    pub rows: BTreeMap<String, u64>,
    /// The SHA-256 of all lines except the last, in hexadecimal digits. The last line contains it.
    pub sha256: String,
}

/// Writes lines and computes their hash.
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
    /// Exports a consistent snapshot of all rows of a tenant, without blocking the application.
    ///
    /// An export contains password hashes and encrypted secrets: protect it like the database. See the
    /// [export format](crate::maintenance#export-format).
    ///
    /// ```no_run
    /// # use watertight::{MaintenanceError, TenantId, maintenance::Maintenance};
    /// # async fn example(maintenance: Maintenance, clinic: TenantId) -> Result<(), MaintenanceError> {
    /// let mut backup = Vec::new();
    /// let export = maintenance.export(clinic, &mut backup, |_| ()).await?;
    /// println!("{} rows, SHA-256 {}", export.rows.values().sum::<u64>(), export.sha256);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`MaintenanceError::NotPermitted`], [`MaintenanceError::PolicyHidesRows`], [`MaintenanceError::Io`] or
    /// [`MaintenanceError::Database`].
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
        let columns = tables.iter().map(|table| (table.static_name.clone(), table.column_names())).collect();
        // The sequences are read after the snapshot was taken, so their positions include all its rows.
        let sequences = sequences::positions(&transaction, &tables).await?;
        lines.write(&format::opening(tenant, exported_at, columns, sequences)).await?;
        if tables.have_names() {
            set_search_path(&transaction, "").await?;
        }
        let mut rows = BTreeMap::new();
        let mut done = 0;
        for table in tables.iter() {
            let mut stream = stream_rows(&transaction, table).await?;
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
