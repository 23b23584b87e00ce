//! Detects an undeclared transaction pooler.

use std::sync::Arc;
use std::time::Duration;

use sea_orm::sqlx::{AssertSqlSafe, Connection, PgConnection, PgPool, Row};
use sea_orm::{DbErr, RuntimeErr, SqlxError};

use super::expected::Expected;
use super::remedy::Remedy;
use super::report::{Check, Finding, Severity};
use crate::operations::ConnectError;

/// The time limit of the check. A full pooler makes the second connection wait.
const PATIENCE: Duration = Duration::from_secs(10);

pub(super) async fn check(
    pool: &PgPool,
    expected: Expected<'_>,
    findings: &mut Vec<Finding>,
) -> Result<(), ConnectError> {
    if expected.transaction_pooler {
        return Ok(());
    }
    let mut report = |severity, problem: &str, remedy: &str| {
        findings.push(Finding::new(
            severity,
            Check::Pooler,
            "the connection",
            problem,
            Remedy::action(remedy),
        ));
    };
    match tokio::time::timeout(PATIENCE, shares_servers(pool)).await {
        Ok(Ok(false)) => {}
        Ok(Ok(true)) => report(
            Severity::Error,
            "goes through an undeclared transaction pooler: a statement prepared on one server connection is \
             missing on the next",
            "declare the pooler with `Builder::transaction_pooler(true)`, or connect without it",
        ),
        Ok(Err(error)) => return Err(DbErr::Conn(RuntimeErr::SqlxError(Arc::new(error))).into()),
        Err(_) => report(
            Severity::Note,
            "could not be opened twice within 10 seconds, so the check for a transaction pooler was skipped",
            "allow two more connections at the database or the pooler, and run the doctor again",
        ),
    }
    Ok(())
}

/// Whether two open connections reach the same server process.
///
/// Without a transaction pooler each connection has its own process. A transaction pooler gives an idle
/// process to the next client.
async fn shares_servers(pool: &PgPool) -> Result<bool, SqlxError> {
    let options = pool.connect_options();
    let mut first = PgConnection::connect_with(&options).await?;
    let mut second = PgConnection::connect_with(&options).await?;
    let mut shared = false;
    // Another client may take the process between the two queries, but rarely five times in a row.
    for _ in 0..5 {
        shared |= process(&mut first).await? == process(&mut second).await?;
    }
    first.close().await?;
    second.close().await?;
    Ok(shared)
}

/// Returns the process ID of the server. The simple protocol leaves no prepared statement behind.
async fn process(connection: &mut PgConnection) -> Result<i32, SqlxError> {
    let sql = AssertSqlSafe("SELECT pg_backend_pid()");
    let row = sea_orm::sqlx::raw_sql(sql).fetch_one(connection).await?;
    row.try_get(0)
}
