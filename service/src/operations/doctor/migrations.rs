//! Finds pending migrations.

use std::collections::HashSet;

use sea_orm::FromQueryResult;
use watertight_schema::TableSet;
use watertight_schema::{isolation, sql};

use super::expected::Expected;
use super::remedy::{Remedy, Step};
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
    let noted =
        catalog.relations.iter().find(|relation| relation.name().name == *table && relation.is_visible);
    let Some(noted) = noted else {
        let role = &catalog.server.role;
        let problem = format!("cannot be read by {role}, so it is unknown which migrations are applied");
        // The migrations create the table and grant the right to read it.
        let action = "apply the migrations with the owner's role, which grants the application's role access to the table";
        let remedy = match catalog.relations.iter().find(|relation| relation.name().name == *table) {
            Some(hidden) if hidden.schema_usable => Remedy::owner(
                Step::Grant,
                format!("GRANT SELECT ON {} TO {};", hidden.quoted(), sql::identifier(role)),
            ),
            _ => Remedy::action(action),
        };
        findings.push(Finding::new(severity, check, table, problem, remedy));
        return Ok(());
    };
    let sql = format!("SELECT version::text AS version FROM {}", noted.quoted());
    let applied: Vec<Applied> = inspection.ask(&sql, []).await?;
    let applied: HashSet<String> = applied.into_iter().map(|row| row.version).collect();
    let of_sets = expected.registry.sets().iter().flat_map(TableSet::migrations);
    let own = CORE_MIGRATIONS.iter().chain(of_sets).map(|name| (*name).to_owned());
    let wanted = own.chain(names.iter().cloned());
    let action = || Remedy::action("apply the migrations with the owner's role");
    let pending = wanted.filter(|name| !applied.contains(name));
    findings.extend(pending.map(|name| Finding::new(severity, check, name, "is not applied", action())));
    Ok(())
}
