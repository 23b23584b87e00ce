//! The rehearsal of an erasure: the rows are deleted, restored and compared, and the transaction is rolled back.

use std::collections::BTreeMap;

use sea_orm::{AccessMode, DbErr};
use serde::Serialize;

use super::insertion::{STAGE, create_stage, delete_rows, insert_staged};
use super::reactions::{Disabled, Reactions};
use super::references::Dependent;
use super::rows::{checksum, set_search_path};
use super::stats::count_rows;
use super::tables::{Tables, TenantTable};
use super::{Maintenance, Progress};
use crate::operations::MaintenanceError;
use crate::tenant::sql::statement;
use crate::tenant::{TenantId, TenantTransaction, sql_state};
use watertight_schema::sql::{identifier, literal};

/// The result of a rehearsal: every row was restored exactly.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Rehearsal {
    /// The tenant.
    pub tenant: TenantId,
    /// The number of restored rows of each table, as `schema.name`.
    pub rows: BTreeMap<String, u64>,
}

impl Maintenance {
    /// Rehearses an erasure and an import of all rows of a tenant, and leaves everything unchanged.
    ///
    /// In a transaction that is rolled back, it writes the rows in the form of an export, deletes them, restores
    /// them, and compares their binary forms with those from before. It therefore needs as much temporary space as
    /// an export. Triggers and rules are disabled as in [`import`](Self::import) and [`erase`](Self::erase).
    ///
    /// [`erase`](Self::erase) does the same before it deletes anything.
    ///
    /// ```no_run
    /// # async fn example(maintenance: watertight::maintenance::Maintenance, clinic: watertight::TenantId)
    /// # -> Result<(), watertight::MaintenanceError> {
    /// let rehearsal = maintenance.rehearse(clinic, |_| ()).await?;
    /// println!("{} tables would be restored exactly", rehearsal.rows.len());
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`MaintenanceError::NotRestorable`], [`MaintenanceError::NotPermitted`],
    /// [`MaintenanceError::PolicyHidesRows`] or [`MaintenanceError::Database`].
    pub async fn rehearse(
        &self,
        tenant: TenantId,
        progress: impl FnMut(Progress<'_>) + Send,
    ) -> Result<Rehearsal, MaintenanceError> {
        let tables = self.tables().await?;
        tables.require_write("delete from")?;
        let transaction = self.begin(tenant, AccessMode::ReadWrite).await?;
        let rows = count_rows(&transaction, &tables).await?;
        rehearse(&transaction, &tables, &rows, progress).await?;
        transaction.rollback().await?;
        Ok(Rehearsal { tenant, rows })
    }
}

/// Rehearses in a savepoint of the transaction, and rolls the savepoint back.
pub(super) async fn rehearse(
    transaction: &TenantTransaction,
    tables: &Tables,
    rows: &BTreeMap<String, u64>,
    mut progress: impl FnMut(Progress<'_>) + Send,
) -> Result<(), MaintenanceError> {
    tables.require_temporary()?;
    let savepoint = transaction.begin().await?;
    let total = rows.values().sum();
    check_dependents(&savepoint, tables).await?;
    let disabled = Disabled::begin(&savepoint, tables, Reactions::Both).await?;
    let before = checksums(&savepoint, tables).await?;
    stage(&savepoint, tables).await?;
    delete_rows(&savepoint, tables, |_| ()).await?;
    let mut done = 0;
    for group in tables.groups() {
        let members: Vec<_> = group.iter().collect();
        insert_staged(&savepoint, &members)
            .await
            .map_err(|error| refused(&savepoint, &names(&members), error))?;
        for table in members {
            done += rows.get(&table.name).copied().unwrap_or_default();
            progress(Progress { table: &table.name, done, total });
        }
    }
    disabled.end(&savepoint).await.map_err(|error| refused(&savepoint, "its tables", error))?;
    let after = checksums(&savepoint, tables).await?;
    if let Some((table, _)) = before.iter().find(|(table, sum)| after.get(*table) != Some(*sum)) {
        return Err(MaintenanceError::NotRestorable {
            tenant: savepoint.tenant_id(),
            reason: format!("the restored rows of {table} differ from the original rows"),
        });
    }
    savepoint.rollback().await?;
    Ok(())
}

/// Refuses tables that an export does not contain and that a deletion would change.
async fn check_dependents(transaction: &TenantTransaction, tables: &Tables) -> Result<(), MaintenanceError> {
    for dependent in &tables.dependents {
        let Dependent { name, quoted, referenced, tenant, columns, referenced_columns } = dependent;
        let joined = columns.iter().zip(referenced_columns);
        let joined = joined.map(|(from, to)| format!("o.{} = t.{}", identifier(from), identifier(to)));
        let sql = format!(
            "SELECT 1 FROM {quoted} o JOIN {referenced} t ON {} WHERE t.{tenant} = $1 LIMIT 1",
            joined.collect::<Vec<_>>().join(" AND ")
        );
        let tenant = transaction.tenant_id();
        if transaction.query_one_raw(statement(sql, [tenant.into()])).await?.is_some() {
            return Err(MaintenanceError::NotRestorable {
                tenant,
                reason: format!(
                    "{name} has no tenant column, so an export does not contain its rows, and a foreign key deletes \
                     or changes them with the tenant's rows"
                ),
            });
        }
    }
    Ok(())
}

/// Writes the rows into a temporary table, in the form that they have in an export.
async fn stage(transaction: &TenantTransaction, tables: &Tables) -> Result<(), MaintenanceError> {
    let path = if tables.have_names() { Some(set_search_path(transaction, "").await?) } else { None };
    create_stage(transaction).await?;
    for table in tables.iter() {
        let sql = format!(
            "INSERT INTO {STAGE} SELECT {}, {}::json FROM {} t WHERE t.{} = $1",
            literal(&table.name),
            table.as_json(),
            table.source,
            table.tenant
        );
        transaction.execute_raw(statement(sql, [transaction.tenant_id().into()])).await?;
    }
    if let Some(path) = path {
        set_search_path(transaction, &path).await?;
    }
    Ok(())
}

async fn checksums<'t>(
    transaction: &TenantTransaction,
    tables: &'t Tables,
) -> Result<BTreeMap<&'t str, Option<String>>, MaintenanceError> {
    let mut sums = BTreeMap::new();
    for table in tables.iter() {
        sums.insert(table.name.as_str(), checksum(transaction, table).await?);
    }
    Ok(sums)
}

fn names(tables: &[&TenantTable]) -> String {
    tables.iter().map(|table| table.name.as_str()).collect::<Vec<_>>().join(", ")
}

/// Tells a row that the server does not accept from a failure of the server.
fn refused(transaction: &TenantTransaction, tables: &str, error: MaintenanceError) -> MaintenanceError {
    match error {
        MaintenanceError::Database(error) if is_refusal(&error) => MaintenanceError::NotRestorable {
            tenant: transaction.tenant_id(),
            reason: format!("the database does not accept the rows of {tables}: {error}"),
        },
        other => other,
    }
}

/// Whether the server refused a value or a row: errors of data, of constraints, of functions and of names.
fn is_refusal(error: &DbErr) -> bool {
    let classes = ["21", "22", "23", "27", "2F", "38", "39", "42", "44", "P0", "0A"];
    sql_state(error).is_some_and(|code| classes.iter().any(|class| code.starts_with(class)))
}
