//! Insertion of rows from their JSON form, in batches or through a temporary table.

use super::stats::count_rows;
use super::structure::StoredColumn;
use super::tables::{Tables, TenantTable};
use crate::operations::MaintenanceError;
use crate::tenant::TenantTransaction;
use crate::tenant::sql::statement;
use watertight_schema::sql::literal;

/// The size in bytes at which a batch of rows is sent to the database.
const BATCH_BYTES: usize = 1 << 20;

/// A temporary table for rows that refer to rows of the same group.
///
/// One statement inserts all of them, because PostgreSQL checks foreign keys at the end of a statement.
pub(super) const STAGE: &str = "pg_temp.watertight_rows";

impl TenantTable {
    /// The statement that inserts rows from a source of records `x`, for the tenant `$tenant`.
    fn insert(&self, records: &str, condition: &str, tenant: u8) -> String {
        let names: Vec<String> = self.written().map(StoredColumn::quoted).collect();
        let values: Vec<String> = self
            .written()
            .map(|column| {
                let value = format!("x.{}", column.quoted());
                if column.is_json { format!("CAST({value} AS {})", column.data_type()) } else { value }
            })
            .collect();
        format!(
            "INSERT INTO {} ({}) OVERRIDING SYSTEM VALUE SELECT {} FROM {records} AS x({}) \
             WHERE x.{} = ${tenant}{condition}",
            self.quoted,
            names.join(", "),
            values.join(", "),
            self.record(),
            self.tenant,
        )
    }

    /// The definition of the records.
    ///
    /// The functions of JSON pass a string to the input function of the column's type, except to `json`, where the
    /// string becomes a string of JSON.
    fn record(&self) -> String {
        let columns = self.written().map(|column| {
            let data_type = if column.is_json { "pg_catalog.text".to_owned() } else { column.data_type() };
            format!("{} {data_type}", column.quoted())
        });
        columns.collect::<Vec<_>>().join(", ")
    }

    fn insert_batch(&self) -> String {
        self.insert("pg_catalog.json_to_recordset($1::pg_catalog.json)", "", 2)
    }

    /// The statement that inserts the rows of the temporary table, for the tenant `$1`.
    fn insert_staged(&self) -> String {
        let records = format!("{STAGE} w CROSS JOIN LATERAL pg_catalog.json_to_record(w.content)");
        self.insert(&records, &format!(" AND w.place = {}", literal(&self.name)), 1)
    }
}

/// Rows of one table that were read and not yet sent.
#[derive(Default)]
pub(super) struct Batch {
    rows: String,
}

impl Batch {
    pub(super) fn push(&mut self, row: &str) {
        self.rows.push(if self.rows.is_empty() { '[' } else { ',' });
        self.rows.push_str(row);
    }

    pub(super) const fn is_full(&self) -> bool {
        self.rows.len() >= BATCH_BYTES
    }

    /// Inserts the rows, or keeps those of a circular table in the temporary table.
    pub(super) async fn send(
        &mut self,
        transaction: &TenantTransaction,
        table: &TenantTable,
    ) -> Result<(), MaintenanceError> {
        if self.rows.is_empty() {
            return Ok(());
        }
        let mut rows = std::mem::take(&mut self.rows);
        rows.push(']');
        let statement = if table.is_circular {
            let sql = format!(
                "INSERT INTO {STAGE} SELECT {}, e.value FROM pg_catalog.json_array_elements($1::pg_catalog.json) \
                 AS e(value)",
                literal(&table.name)
            );
            statement(sql, [rows.into()])
        } else {
            statement(table.insert_batch(), [rows.into(), transaction.tenant_id().into()])
        };
        transaction.execute_raw(statement).await?;
        Ok(())
    }
}

/// Creates the temporary table. It exists until the end of the transaction.
pub(super) async fn create_stage(transaction: &TenantTransaction) -> Result<(), MaintenanceError> {
    let sql = format!("CREATE TEMPORARY TABLE {STAGE} (place text, content json) ON COMMIT DROP");
    transaction.execute_unprepared(&sql).await?;
    Ok(())
}

/// Inserts the rows of the temporary table into their tables, which are one group, and empties it.
pub(super) async fn flush_stage(
    transaction: &TenantTransaction,
    group: &[&TenantTable],
) -> Result<(), MaintenanceError> {
    insert_staged(transaction, group).await?;
    transaction.execute_unprepared(&format!("TRUNCATE {STAGE}")).await?;
    Ok(())
}

/// Inserts rows of the temporary table into their tables, which are one group.
pub(super) async fn insert_staged(
    transaction: &TenantTransaction,
    group: &[&TenantTable],
) -> Result<(), MaintenanceError> {
    let inserts: Vec<String> = group.iter().map(|table| table.insert_staged()).collect();
    transaction.execute_raw(statement(at_once(&inserts), [transaction.tenant_id().into()])).await?;
    Ok(())
}

/// Deletes the rows of a group of tables in one statement.
async fn delete_group(
    transaction: &TenantTransaction,
    group: &[TenantTable],
) -> Result<(), MaintenanceError> {
    let deletes: Vec<String> = group
        .iter()
        .map(|table| format!("DELETE FROM {} t WHERE t.{} = $1", table.source, table.tenant))
        .collect();
    transaction.execute_raw(statement(at_once(&deletes), [transaction.tenant_id().into()])).await?;
    Ok(())
}

/// Deletes all rows of a tenant, or fails: a policy can keep rows from being deleted.
pub(super) async fn delete_rows(
    transaction: &TenantTransaction,
    tables: &Tables,
    mut deleted: impl FnMut(&TenantTable) + Send,
) -> Result<(), MaintenanceError> {
    for group in tables.groups().into_iter().rev() {
        delete_group(transaction, group).await?;
        for table in group {
            deleted(table);
        }
    }
    let left = count_rows(transaction, tables).await?;
    let left = left.into_iter().filter(|(_, rows)| *rows > 0).map(|(table, _)| table).collect();
    tables.not_permitted("delete all rows of", left)
}

/// One statement that does what several statements do.
fn at_once(statements: &[String]) -> String {
    match statements {
        [one] => one.clone(),
        many => {
            let parts = many.iter().enumerate().map(|(number, sql)| format!("part_{number} AS ({sql})"));
            format!("WITH {} SELECT", parts.collect::<Vec<_>>().join(", "))
        }
    }
}
