//! The rows of every table, read from the catalog as the owner.

use std::collections::BTreeSet;

use sea_orm::{ConnectionTrait, DatabaseConnection, DbErr, Statement, TransactionTrait, Value};
use watertight_schema::isolation::SCHEMA;

use crate::TestError;

/// The rows of every table of the application, sorted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Rows(Vec<Row>);

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Row {
    table: String,
    /// The tenant as text, or `None` in a shared table.
    tenant: Option<String>,
    /// The columns as JSON.
    columns: String,
}

/// The tables of the application. A partition is read through its table, and tables of extensions are not read.
const TABLES: &str = "\
    SELECT format('%I.%I', n.nspname, c.relname), \
           (SELECT quote_ident(a.attname) FROM pg_catalog.pg_attribute a \
            WHERE a.attrelid = c.oid AND a.attname = $1 AND NOT a.attisdropped), \
           c.relforcerowsecurity \
    FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace \
    WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition \
      AND n.nspname <> ALL (ARRAY['pg_catalog', 'information_schema', $2]) AND n.nspname NOT LIKE 'pg\\_%' \
      AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend d WHERE d.classid = 'pg_catalog.pg_class'::regclass \
                      AND d.objid = c.oid AND d.deptype = 'e') \
    ORDER BY 1";

impl Rows {
    /// Reads all rows, without the ignored columns.
    pub(super) async fn read(
        owner: &DatabaseConnection,
        tenant_column: &str,
        ignored: &[String],
    ) -> Result<Self, TestError> {
        let read = read(owner, tenant_column, ignored).await;
        read.map_err(TestError::database("reading the rows of all tenants as the owner of the tables"))
    }

    /// The rows of a tenant and of shared tables.
    pub(super) fn of_tenant_or_shared(&self, tenant: &str) -> Vec<String> {
        self.lines(|row| row.tenant.as_deref().is_none_or(|of| of == tenant))
    }

    /// The rows of all other tenants.
    pub(super) fn of_others(&self, tenant: &str) -> Vec<String> {
        self.lines(|row| row.tenant.as_deref().is_some_and(|of| of != tenant))
    }

    /// All rows.
    pub(super) fn all(&self) -> Vec<String> {
        self.lines(|_| true)
    }

    fn lines(&self, chosen: impl Fn(&Row) -> bool) -> Vec<String> {
        let rows = self.0.iter().filter(|row| chosen(row));
        rows.map(|row| format!("{} {}", row.table, row.columns)).collect()
    }

    /// The tables with rows of a tenant.
    pub(super) fn tables_of(&self, tenant: &str) -> BTreeSet<String> {
        let rows = self.0.iter().filter(|row| row.tenant.as_deref() == Some(tenant));
        rows.map(|row| row.table.clone()).collect()
    }
}

async fn read(owner: &DatabaseConnection, tenant_column: &str, ignored: &[String]) -> Result<Rows, DbErr> {
    // The owner can lift the row-level security of its tables, and the rollback restores it.
    let transaction = owner.begin().await?;
    let backend = owner.get_database_backend();
    let values = [Value::from(tenant_column), Value::from(SCHEMA)];
    let tables = transaction.query_all_raw(Statement::from_sql_and_values(backend, TABLES, values)).await?;
    let mut selects = Vec::new();
    for row in tables {
        let (table, column): (String, Option<String>) = (row.try_get_by_index(0)?, row.try_get_by_index(1)?);
        if row.try_get_by_index(2)? {
            transaction
                .execute_unprepared(&format!("ALTER TABLE {table} NO FORCE ROW LEVEL SECURITY"))
                .await?;
        }
        let tenant = column.map_or_else(|| "NULL".to_owned(), |column| format!("x.{column}::text"));
        let name = table.replace('\'', "''");
        selects.push(format!("SELECT '{name}', {tenant}, (to_jsonb(x) - $1::text[])::text FROM {table} x"));
    }
    let mut rows = Vec::new();
    if !selects.is_empty() {
        let sql = selects.join(" UNION ALL ");
        let statement = Statement::from_sql_and_values(backend, sql, [Value::from(ignored.to_vec())]);
        for row in transaction.query_all_raw(statement).await? {
            let (table, tenant) = (row.try_get_by_index(0)?, row.try_get_by_index(1)?);
            rows.push(Row { table, tenant, columns: row.try_get_by_index(2)? });
        }
    }
    transaction.rollback().await?;
    rows.sort_unstable();
    Ok(Rows(rows))
}

/// Statements that set every sequence to its current value.
pub(super) async fn sequences(owner: &DatabaseConnection) -> Result<Vec<String>, TestError> {
    let sql = "SELECT format('SELECT setval(%L, %s)', format('%I.%I', schemaname, sequencename), last_value) \
               FROM pg_catalog.pg_sequences WHERE last_value IS NOT NULL ORDER BY 1";
    let statement = Statement::from_string(owner.get_database_backend(), sql);
    let rows = owner.query_all_raw(statement).await.map_err(TestError::database("reading the sequences"))?;
    let statements = rows.iter().map(|row| row.try_get_by_index(0)).collect::<Result<_, DbErr>>();
    statements.map_err(TestError::database("reading the sequences"))
}

/// The time of the server, in the form of JSON.
pub(super) async fn time(owner: &DatabaseConnection) -> Result<String, TestError> {
    let sql = "SELECT to_jsonb(clock_timestamp()) #>> '{}'";
    let statement = Statement::from_string(owner.get_database_backend(), sql);
    let row =
        owner.query_one_raw(statement).await.map_err(TestError::database("reading the server's time"))?;
    let time = row.map(|row| row.try_get_by_index(0)).transpose();
    time.map(Option::unwrap_or_default).map_err(TestError::database("reading the server's time"))
}
