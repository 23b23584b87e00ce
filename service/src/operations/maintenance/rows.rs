//! The forms of a row: text in an export, binary in a rehearsal.

use watertight_schema::sql::literal;

use super::tables::TenantTable;
use crate::operations::MaintenanceError;
use crate::tenant::TenantTransaction;
use crate::tenant::sql::statement;

impl TenantTable {
    /// The expression that turns a row `t` into JSON: an object of strings and nulls.
    ///
    /// Each string is the text form of the value, as the output function of its type writes it, so that no value
    /// passes through a type of JSON. `IS NULL` is true for a composite value whose fields are all NULL, unlike
    /// `IS DISTINCT FROM`. A cast to `text` can be a function of the type, unlike `format`.
    pub(super) fn as_json(&self) -> String {
        let names: Vec<String> = self.columns.iter().map(|column| literal(&column.name)).collect();
        let values: Vec<String> = self
            .columns
            .iter()
            .map(|column| {
                let column = column.quoted();
                format!(
                    "CASE WHEN t.{column} IS DISTINCT FROM NULL THEN pg_catalog.format('%s', t.{column}) END"
                )
            })
            .collect();
        format!(
            "pg_catalog.json_object(ARRAY[{}]::pg_catalog.text[], ARRAY[{}]::pg_catalog.text[])::pg_catalog.text",
            names.join(", "),
            values.join(", "),
        )
    }

    /// The query of a tenant's rows, each as JSON text without line breaks, in the order of the key.
    ///
    /// The order does not use the collation of the database, which differs between servers.
    pub(super) fn select_json(&self) -> String {
        let columns = self.key.iter().map(|column| {
            format!("t.{}{}", column.quoted(), if column.collated { r#" COLLATE "C""# } else { "" })
        });
        let columns: Vec<String> = columns.collect();
        let order = if columns.is_empty() {
            format!(r#"{} COLLATE "C""#, self.as_json())
        } else {
            columns.join(", ")
        };
        format!(
            "SELECT {} FROM {} t WHERE t.{} = $1 ORDER BY {order}",
            self.as_json(),
            self.source,
            self.tenant
        )
    }

    /// The query of the number of rows and of a checksum of their binary forms.
    ///
    /// The checksum is the sum of the hashes of the rows, in any order, and does not depend on the text form that an
    /// export has. It is valid in one database: the binary form contains identifiers of types.
    fn select_checksum(&self) -> String {
        let values: Vec<String> = self
            .columns
            .iter()
            .map(|column| {
                let value = format!("t.{}", column.quoted());
                if column.has_binary { value } else { format!("pg_catalog.format('%s', {value})") }
            })
            .collect();
        let part = |from| {
            format!("pg_catalog.sum(('x' || pg_catalog.substr(q.hash, {from}, 16))::bit(64)::int8::numeric)")
        };
        format!(
            "SELECT pg_catalog.format('%s rows, %s, %s', pg_catalog.count(*), {}, {}) FROM (SELECT \
             pg_catalog.encode(pg_catalog.sha256(pg_catalog.record_send(ROW({}))), 'hex') AS hash \
             FROM {} t WHERE t.{} = $1) q",
            part(1),
            part(17),
            values.join(", "),
            self.source,
            self.tenant,
        )
    }
}

/// Computes a checksum of the binary forms of a tenant's rows.
pub(super) async fn checksum(
    transaction: &TenantTransaction,
    table: &TenantTable,
) -> Result<Option<String>, MaintenanceError> {
    let sql = statement(table.select_checksum(), [transaction.tenant_id().into()]);
    Ok(match transaction.query_one_raw(sql).await? {
        Some(row) => row.try_get_by_index(0)?,
        None => None,
    })
}

/// Streams the rows of a table in the order of its key, each as JSON text without line breaks.
pub(super) async fn stream_rows<'a>(
    transaction: &'a TenantTransaction,
    table: &TenantTable,
) -> Result<crate::TenantStream<'a>, MaintenanceError> {
    let sql = statement(table.select_json(), [transaction.tenant_id().into()]);
    Ok(transaction.stream_raw(sql).await?)
}

/// Sets the search path of the transaction and returns the previous one.
///
/// With an empty path the text form of a `regclass` is qualified.
pub(super) async fn set_search_path(
    transaction: &TenantTransaction,
    path: &str,
) -> Result<String, MaintenanceError> {
    let sql = "SELECT s.previous, pg_catalog.set_config('search_path', $1, true) \
               FROM (SELECT pg_catalog.current_setting('search_path') AS previous OFFSET 0) s";
    let row = transaction.query_one_raw(statement(sql, [path.into()])).await?;
    Ok(row.map(|row| row.try_get_by_index(0)).transpose()?.unwrap_or_default())
}
