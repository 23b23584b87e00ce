//! Finds pending migrations.

use std::collections::HashSet;

use sea_orm::FromQueryResult;
use watertight_schema::TableSet;
use watertight_schema::isolation;

use super::expected::Expected;
use super::report::{Check, Finding, Severity};
use crate::operations::ConnectError;
use crate::operations::inspection::catalog::Catalog;
use crate::tenant::Inspection;

/// The migrations of `watertight-migration` that every database needs, independent of its table sets.
///
/// [`TableSet::migrations`](crate::TableSet::migrations) lists the migrations of a set.
pub const CORE_MIGRATIONS: &[&str] = isolation::CORE_MIGRATIONS;

/// The migrations that the application requires, and the table that lists applied migrations.
#[derive(Debug, Clone)]
pub(crate) struct Migrations {
    pub(crate) names: Vec<String>,
    pub(crate) table: String,
}

impl Default for Migrations {
    fn default() -> Self {
        Self { names: Vec::new(), table: watertight_schema::isolation::MIGRATION_TABLE.to_owned() }
    }
}

#[derive(FromQueryResult)]
struct Applied {
    version: String,
}

pub(super) async fn check(
    inspection: &mut Inspection,
    catalog: &Catalog,
    expected: Expected<'_>,
    findings: &mut Vec<Finding>,
) -> Result<(), ConnectError> {
    let Migrations { names, table } = expected.migrations;
    let (severity, check) = (Severity::Error, Check::PendingMigration);
    let noted = catalog.relations.iter().find(|relation| relation.name().name == *table && relation.readable);
    let Some(noted) = noted else {
        findings.push(Finding {
            severity,
            check,
            object: table.clone(),
            problem: format!(
                "cannot be read by {}, so it is unknown which migrations are applied",
                catalog.server.role
            ),
            remedy: "apply the migrations with the owner's role, which grants the application's role access \
                     to the table"
                .to_owned(),
        });
        return Ok(());
    };
    let sql = format!("SELECT version::text AS version FROM {}", noted.quoted());
    let applied: Vec<Applied> = inspection.ask(&sql, []).await?;
    let applied: HashSet<String> = applied.into_iter().map(|row| row.version).collect();
    let of_sets = expected.registry.sets().iter().flat_map(TableSet::migrations);
    let own = CORE_MIGRATIONS.iter().chain(of_sets).map(|name| (*name).to_owned());
    let wanted = own.chain(names.iter().cloned());
    findings.extend(wanted.filter(|name| !applied.contains(name)).map(|object| Finding {
        severity,
        check,
        object,
        problem: "is not applied".to_owned(),
        remedy: "apply the migrations with the owner's role".to_owned(),
    }));
    Ok(())
}
