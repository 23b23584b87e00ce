//! Import of a tenant's rows from an export.

use std::collections::{BTreeMap, BTreeSet};

use futures_util::TryStreamExt;
use sea_orm::AccessMode;
use serde::Serialize;
use serde::de::DeserializeOwned;
use sha2::{Digest, Sha256};
use tokio::io::{AsyncBufRead, AsyncBufReadExt as _};

use super::format::{AnyHeader, FORMAT, Footer, Header, Line, Opening, Sum, is_footer, is_row};
use super::insertion::{Batch, create_stage, flush_stage};
use super::reactions::{Disabled, Reactions};
use super::rows::{set_search_path, stream_rows};
use super::sequences::{self, Positions};
use super::stats::count_rows;
use super::tables::{Tables, TenantTable};
use super::{Maintenance, Progress};
use crate::operations::MaintenanceError;
use crate::tenant::sql::statement;
use crate::tenant::{TenantId, TenantTransaction};

/// The result of an import.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Import {
    /// The tenant.
    pub tenant: TenantId,
    /// The number of rows of each table, by its name in the export.
    pub rows: BTreeMap<String, u64>,
}

/// The most bytes of the first and the last line, which contain no rows.
const HEADER_BYTES: usize = 16 << 20;

/// The most bytes of a line with a row: the longest text of PostgreSQL, and room for the name of the table.
const ROW_BYTES: usize = (1 << 30) + (64 << 10);

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
        loop {
            let read = self.reader.fill_buf().await?;
            let end = read.iter().position(|byte| *byte == b'\n').map(|at| at + 1);
            let part = read.get(..end.unwrap_or(read.len())).unwrap_or(read);
            let bytes = part.len();
            self.line.extend_from_slice(part);
            self.reader.consume(bytes);
            let limit = if is_row(&self.line) { ROW_BYTES } else { HEADER_BYTES };
            if self.line.len() > limit {
                // The memory of the line is not needed for the error.
                self.line = Vec::new();
                return Err(MaintenanceError::LineTooLong { line: self.number, limit });
            }
            if end.is_some() || bytes == 0 {
                return Ok(!self.line.is_empty());
            }
        }
    }

    fn parse<T: DeserializeOwned>(&self) -> Result<T, MaintenanceError> {
        serde_json::from_slice(&self.line).map_err(|error| self.malformed(error.to_string()))
    }

    fn malformed(&self, reason: impl Into<String>) -> MaintenanceError {
        MaintenanceError::MalformedExport { line: self.number, reason: reason.into() }
    }
}

impl Maintenance {
    /// Restores the rows of an export in one transaction.
    ///
    /// The tenant must have no rows, and the tables must have the same columns as the export. Before the
    /// commit all rows are read again and compared with the export.
    ///
    /// Triggers and rules for inserted rows are disabled until the commit, so that they change no row. Other
    /// writers of a table with such triggers wait for the commit, and so do readers of a table with such rules.
    /// Sequences of columns are moved past the restored values.
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
    /// [`MaintenanceError::TenantNotEmpty`], [`MaintenanceError::ImportRunning`],
    /// [`MaintenanceError::MalformedExport`], [`MaintenanceError::LineTooLong`],
    /// [`MaintenanceError::NotPermitted`], [`MaintenanceError::CopyNotPermitted`],
    /// [`MaintenanceError::PolicyHidesRows`], [`MaintenanceError::Io`] or [`MaintenanceError::Database`]. After
    /// an error no row is written.
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
        let is_circular = tables.iter().any(|table| table.is_circular);
        if is_circular {
            tables.require_temporary()?;
        }
        let mut lines = Lines { reader, line: Vec::new(), number: 0, hash: Sha256::new() };
        let positions = check_header(&mut lines, tenant, &tables).await?;
        let transaction = self.begin(tenant, AccessMode::ReadWrite).await?;
        require_sole(&transaction, tenant).await?;
        require_empty(&transaction, &tables, tenant).await?;
        let disabled = Disabled::begin(&transaction, &tables, Reactions::Insert).await?;
        if is_circular {
            create_stage(&transaction).await?;
        }

        let mut sums: BTreeMap<&str, Sum> =
            tables.iter().map(|table| (table.static_name.as_str(), Sum::default())).collect();
        let mut batch = Batch::default();
        let mut current: Option<&TenantTable> = None;
        let mut done = 0;
        while lines.advance().await? && !is_footer(&lines.line) {
            let line: Line<'_> =
                serde_json::from_slice(&lines.line).map_err(|error| lines.malformed(error.to_string()))?;
            if current.is_none_or(|table| table.static_name != line.table) {
                let table = tables
                    .find(&line.table)
                    .filter(|table| sums.get(table.static_name.as_str()).is_some_and(|sum| sum.rows == 0));
                let table = table.ok_or_else(|| {
                    lines.malformed(format!(
                        "the table {:?} is not in the header, or its rows are not contiguous",
                        line.table
                    ))
                })?;
                if let Some(last) = current.replace(table) {
                    finish(&transaction, &tables, &mut batch, last, Some(table)).await?;
                }
            }
            let Some(table) = current else { continue };
            let row = line.row.get();
            if let Some(sum) = sums.get_mut(table.static_name.as_str()) {
                sum.add(row);
            }
            batch.push(row);
            done += 1;
            if batch.is_full() {
                batch.send(&transaction, table).await?;
            }
            progress(Progress { table: &table.name, done, total: 0 });
        }
        if let Some(last) = current {
            finish(&transaction, &tables, &mut batch, last, None).await?;
        }
        let rows: BTreeMap<String, u64> =
            sums.iter().map(|(table, sum)| ((*table).to_owned(), sum.rows)).collect();
        check_footer(&mut lines, &rows).await?;
        disabled.end(&transaction).await?;
        if tables.have_names() {
            set_search_path(&transaction, "").await?;
        }
        for table in tables.iter() {
            let mut found = Sum::default();
            let mut stored = stream_rows(&transaction, table).await?;
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
        sequences::advance(&transaction, &tables, &positions).await?;
        transaction.commit().await?;
        Ok(Import { tenant, rows })
    }
}

/// Sends the last rows of a table, and inserts a circular group after its last table.
async fn finish(
    transaction: &TenantTransaction,
    tables: &Tables,
    batch: &mut Batch,
    table: &TenantTable,
    next: Option<&TenantTable>,
) -> Result<(), MaintenanceError> {
    batch.send(transaction, table).await?;
    if table.is_circular && next.is_none_or(|next| next.group != table.group) {
        flush_stage(transaction, &tables.group_of(table)).await?;
    }
    Ok(())
}

async fn check_header<R: AsyncBufRead + Unpin>(
    lines: &mut Lines<R>,
    tenant: TenantId,
    tables: &Tables,
) -> Result<Positions, MaintenanceError> {
    if !lines.advance().await? {
        return Err(lines.malformed("the export is empty"));
    }
    // A header of another version can have other members.
    let format = lines.parse::<AnyHeader>()?.watertight.format;
    if format != FORMAT {
        return Err(lines.malformed(format!("its format is {format}, but only format {FORMAT} is supported")));
    }
    let Opening { tenant: exported, tables: exported_tables, sequences, .. } =
        lines.parse::<Header>()?.watertight;
    if exported != tenant {
        return Err(lines.malformed(format!("it is of tenant {exported}, not of tenant {tenant}")));
    }
    let set = |columns: &[String]| columns.iter().cloned().collect::<BTreeSet<_>>();
    for (name, columns) in &exported_tables {
        let Some(table) = tables.find(name) else {
            return Err(lines.malformed(format!(
                "the database has no table {name}; apply the migrations of the exported database"
            )));
        };
        let stored = table.column_names();
        if set(columns) != set(&stored) {
            return Err(lines.malformed(format!(
                "{name} has the columns {} in the export, but {} in the database; apply the migrations of the \
                 exported database",
                columns.join(", "),
                stored.join(", ")
            )));
        }
    }
    Ok(sequences)
}

/// Refuses a second import of the tenant, whose rows would collide with those of the first.
async fn require_sole(transaction: &TenantTransaction, tenant: TenantId) -> Result<(), MaintenanceError> {
    let lock = "SELECT pg_try_advisory_xact_lock(hashtextextended($1, 0)) AS sole";
    let name = format!("watertight import {tenant}");
    let row = transaction.query_one_raw(statement(lock, [name.into()])).await?;
    let is_sole = row.map_or(Ok(false), |row| row.try_get("", "sole"))?;
    if is_sole { Ok(()) } else { Err(MaintenanceError::ImportRunning { tenant }) }
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
