//! Import of a tenant's rows from an export.

use std::collections::{BTreeMap, BTreeSet};

use futures_util::TryStreamExt;
use sea_orm::AccessMode;
use serde::Serialize;
use serde::de::DeserializeOwned;
use sha2::{Digest, Sha256};
use tokio::io::{AsyncBufRead, AsyncBufReadExt};

use super::export::stream_rows;
use super::format::{FORMAT, Footer, Header, Line, Opening, Sum, is_footer};
use super::stats::count_rows;
use super::tables::{Tables, TenantTable};
use super::{Maintenance, Progress};
use crate::operations::MaintenanceError;
use crate::tenant::sql::statement;
use crate::tenant::{TenantId, TenantTransaction};

/// The size in bytes at which a batch of rows is sent to the database.
const BATCH_BYTES: usize = 1 << 20;

/// The result of an import.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Import {
    /// The tenant.
    pub tenant: TenantId,
    /// The number of rows of each table, by its name in the export.
    pub rows: BTreeMap<String, u64>,
}

/// Reads lines and keeps their number and hash.
struct Lines<R> {
    reader: R,
    line: Vec<u8>,
    number: u64,
    hash: Sha256,
}

impl<R: AsyncBufRead + Unpin> Lines<R> {
    /// Goes to the next line; `false` at the end.
    async fn advance(&mut self) -> Result<bool, MaintenanceError> {
        if !is_footer(&self.line) {
            self.hash.update(&self.line);
        }
        self.line.clear();
        self.number += 1;
        Ok(self.reader.read_until(b'\n', &mut self.line).await? > 0)
    }

    fn parse<T: DeserializeOwned>(&self) -> Result<T, MaintenanceError> {
        serde_json::from_slice(&self.line).map_err(|error| self.malformed(error.to_string()))
    }

    fn malformed(&self, reason: impl Into<String>) -> MaintenanceError {
        MaintenanceError::MalformedExport { line: self.number, reason: reason.into() }
    }
}

/// Rows of one table that were read and not yet sent.
#[derive(Default)]
struct Batch {
    rows: String,
    count: u64,
}

impl Maintenance {
    /// Restores the rows of an export in one transaction.
    ///
    /// The tenant must have no rows, and the tables must have the same columns as the export. Before the
    /// commit all rows are read again and compared with the export.
    ///
    /// ```no_run
    /// # use watertight::{MaintenanceError, TenantId, maintenance::Maintenance};
    /// # async fn example(maintenance: Maintenance, clinic: TenantId, backup: Vec<u8>) -> Result<(), MaintenanceError> {
    /// let import = maintenance.import(clinic, backup.as_slice(), |_| ()).await?;
    /// println!("{} users", import.rows.get("auth.users").copied().unwrap_or_default());
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`MaintenanceError::TenantNotEmpty`], [`MaintenanceError::MalformedExport`],
    /// [`MaintenanceError::NotPermitted`], [`MaintenanceError::CopyNotPermitted`],
    /// [`MaintenanceError::TableCycle`], [`MaintenanceError::Io`] or [`MaintenanceError::Database`]. After an
    /// error no row is written.
    pub async fn import(
        &self,
        tenant: TenantId,
        reader: impl AsyncBufRead + Unpin + Send,
        mut progress: impl FnMut(Progress<'_>) + Send,
    ) -> Result<Import, MaintenanceError> {
        let tables = self.tables().await?;
        tables.require_write("insert into")?;
        if self.plain.distributed {
            tables.require_copy()?;
        }
        let mut lines = Lines { reader, line: Vec::new(), number: 0, hash: Sha256::new() };
        check_header(&mut lines, tenant, &tables).await?;
        let transaction = self.begin(tenant, AccessMode::ReadWrite).await?;
        require_empty(&transaction, &tables, tenant).await?;

        let mut sums: BTreeMap<&str, Sum> =
            tables.iter().map(|table| (table.static_name.as_str(), Sum::default())).collect();
        let mut batch = Batch::default();
        let mut current: Option<&TenantTable> = None;
        let mut done = 0;
        while lines.advance().await? && !is_footer(&lines.line) {
            let line: Line<'_> =
                serde_json::from_slice(&lines.line).map_err(|error| lines.malformed(error.to_string()))?;
            if current.is_none_or(|table| table.static_name != line.table) {
                send(&transaction, current, &mut batch).await?;
                let table = tables
                    .find(&line.table)
                    .filter(|table| sums.get(table.static_name.as_str()).is_some_and(|sum| sum.rows == 0));
                current = Some(table.ok_or_else(|| {
                    lines.malformed(format!(
                        "the table {:?} is not in the header, or its rows are not contiguous",
                        line.table
                    ))
                })?);
            }
            let Some(table) = current else { continue };
            let row = line.row.get();
            if let Some(sum) = sums.get_mut(table.static_name.as_str()) {
                sum.add(row);
            }
            batch.rows.push(if batch.count == 0 { '[' } else { ',' });
            batch.rows.push_str(row);
            batch.count += 1;
            done += 1;
            // A row that refers to a row of the same table must be in the same statement.
            if batch.rows.len() >= BATCH_BYTES && !table.refers_to_itself {
                send(&transaction, current, &mut batch).await?;
            }
            progress(Progress { table: &table.name, done, total: 0 });
        }
        send(&transaction, current, &mut batch).await?;
        let rows: BTreeMap<String, u64> =
            sums.iter().map(|(table, sum)| ((*table).to_owned(), sum.rows)).collect();
        check_footer(&mut lines, &rows).await?;
        for table in tables.iter() {
            let mut found = Sum::default();
            let mut stored = stream_rows(&transaction, tenant, table).await?;
            while let Some(row) = stored.try_next().await? {
                found.add(&row.try_get_by_index::<String>(0)?);
            }
            if sums.get(table.static_name.as_str()) != Some(&found) {
                return Err(lines.malformed(format!(
                    "the rows of {} are not in the database as they are in the export; check that the export \
                     was not changed and contains only rows of its tenant",
                    table.name
                )));
            }
        }
        transaction.commit().await?;
        Ok(Import { tenant, rows })
    }
}

async fn check_header<R: AsyncBufRead + Unpin>(
    lines: &mut Lines<R>,
    tenant: TenantId,
    tables: &Tables,
) -> Result<(), MaintenanceError> {
    if !lines.advance().await? {
        return Err(lines.malformed("the export is empty"));
    }
    let Opening { format, tenant: exported, tables: exported_tables, .. } =
        lines.parse::<Header>()?.watertight;
    if format != FORMAT {
        return Err(lines.malformed(format!("its format is {format}, but only format {FORMAT} is supported")));
    }
    if exported != tenant.uuid() {
        return Err(lines.malformed(format!("it is of tenant {exported}, not of tenant {tenant}")));
    }
    let set = |columns: &[String]| columns.iter().cloned().collect::<BTreeSet<_>>();
    for (name, columns) in &exported_tables {
        let Some(table) = tables.find(name) else {
            return Err(lines.malformed(format!(
                "the database has no table {name}; apply the migrations of the exported database"
            )));
        };
        if set(columns) != set(&table.columns) {
            return Err(lines.malformed(format!(
                "{name} has the columns {} in the export, but {} in the database; apply the migrations of the \
                 exported database",
                columns.join(", "),
                table.columns.join(", ")
            )));
        }
    }
    Ok(())
}

async fn require_empty(
    transaction: &TenantTransaction,
    tables: &Tables,
    tenant: TenantId,
) -> Result<(), MaintenanceError> {
    let rows = count_rows(transaction, tables).await?;
    let full: Vec<String> = rows.into_iter().filter(|(_, rows)| *rows > 0).map(|(table, _)| table).collect();
    if full.is_empty() { Ok(()) } else { Err(MaintenanceError::TenantNotEmpty { tenant, tables: full }) }
}

/// Inserts the rows of a batch. PostgreSQL parses the same text that it produced for the export.
async fn send(
    transaction: &TenantTransaction,
    table: Option<&TenantTable>,
    batch: &mut Batch,
) -> Result<(), MaintenanceError> {
    let Some(table) = table.filter(|_| batch.count > 0) else { return Ok(()) };
    let Batch { mut rows, .. } = std::mem::take(batch);
    rows.push(']');
    let sql = format!(
        "INSERT INTO {table} ({columns}) OVERRIDING SYSTEM VALUE SELECT {values} \
         FROM jsonb_array_elements($1::text::jsonb) e, jsonb_populate_record(NULL::{table}, e) r \
         WHERE r.tenant_id = $2",
        table = table.quoted,
        columns = table.quoted_columns(),
        values = table.from_json,
    );
    transaction.execute_raw(statement(sql, [rows.into(), transaction.tenant_id().into()])).await?;
    Ok(())
}

async fn check_footer<R: AsyncBufRead + Unpin>(
    lines: &mut Lines<R>,
    rows: &BTreeMap<String, u64>,
) -> Result<(), MaintenanceError> {
    if lines.line.is_empty() {
        return Err(lines.malformed("the last line is missing, so the export is incomplete"));
    }
    let end = lines.parse::<Footer>()?.end;
    let without_empty = |rows: &BTreeMap<String, u64>| {
        rows.iter()
            .filter(|(_, count)| **count > 0)
            .map(|(table, count)| (table.clone(), *count))
            .collect::<Vec<_>>()
    };
    if end.sha256 != hex::encode(lines.hash.clone().finalize())
        || without_empty(&end.rows) != without_empty(rows)
    {
        return Err(lines.malformed("the lines were changed after the export: their hash or number differs"));
    }
    if lines.advance().await? {
        return Err(lines.malformed("there are lines after the last line of the export"));
    }
    Ok(())
}
