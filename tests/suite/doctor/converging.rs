//! Remedies converge: run in their order and as their roles, they remove their findings and cause no others.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use anyhow::{Context, Result, ensure};
use sea_orm::{ConnectionTrait, DatabaseConnection};
use watertight::Builder;
use watertight::doctor::{Check, Finding, Report, RunAs};
use watertight_tests::TestDatabase;

use super::{examine_with, planted};

/// Runs the SQL of every remedy, and examines the database again as the application's role.
///
/// Every finding with SQL must be gone, and no error or warning may be new. The findings that stay, whose remedies are not SQL,
/// must be of exactly these checks.
pub(crate) async fn converges(database: &TestDatabase, before: &Report, staying: &[Check]) -> Result<Report> {
    converges_with(database, before, Builder::default(), staying).await
}

/// As [`converges`], with a builder.
pub(crate) async fn converges_with(
    database: &TestDatabase,
    before: &Report,
    builder: Builder,
    staying: &[Check],
) -> Result<Report> {
    run_remedies(database, before).await?;
    let after = examine_with(database, builder).await?;
    let is_same = |one: &Finding, other: &Finding| {
        (one.check, &one.object, &one.problem) == (other.check, &other.object, &other.problem)
    };
    for finding in planted(before).into_iter().filter(|finding| !finding.sql.is_empty()) {
        ensure!(
            !after.findings.iter().any(|found| is_same(found, finding)),
            "{finding}\nis still there:\n{after}\nafter:\n{}",
            before.script()
        );
    }
    for finding in planted(&after) {
        let is_known = before.findings.iter().any(|known| is_same(known, finding));
        ensure!(is_known, "{finding}\nis new:\n{after}\nafter:\n{}", before.script());
    }
    let left: Vec<Check> = planted(&after).iter().map(|finding| finding.check).collect();
    ensure!(left == staying, "{left:?} are left:\n{after}\nafter:\n{}", before.script());
    Ok(after)
}

/// Runs the SQL of every remedy in its order, as the role that each statement names.
pub(crate) async fn run_remedies(database: &TestDatabase, report: &Report) -> Result<()> {
    let mut connections: HashMap<RunAs, DatabaseConnection> = HashMap::new();
    for statement in report.remedies() {
        let connection = match connections.entry(statement.run_as) {
            Entry::Occupied(entry) => entry.into_mut(),
            Entry::Vacant(entry) => entry.insert(connect(database, statement.run_as).await?),
        };
        let ran = connection.execute_unprepared(&statement.sql).await;
        ran.with_context(|| format!("{} as {}, of\n{}", statement.sql, statement.run_as, report.script()))?;
    }
    for connection in connections.into_values() {
        connection.close().await?;
    }
    Ok(())
}

async fn connect(database: &TestDatabase, role: RunAs) -> Result<DatabaseConnection> {
    match role {
        RunAs::Owner => database.owner().await,
        RunAs::Maintenance => database.maintenance().await,
        _ => database.superuser().await,
    }
}
