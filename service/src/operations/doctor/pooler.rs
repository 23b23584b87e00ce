//! A pooler in the way that gives out server connections by the transaction.

use std::sync::Arc;
use std::time::Duration;

use sea_orm::sqlx::{AssertSqlSafe, Connection, PgConnection, PgPool, Row};
use sea_orm::{DbErr, RuntimeErr, SqlxError};

use super::expected::Expected;
use super::report::{Check, Finding, Severity};
use crate::operations::ConnectError;

/// How long two connections of their own are waited for: a pooler that is full makes the second one wait.
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
        findings.push(Finding {
            severity,
            check: Check::Pooler,
            object: "the connection".to_owned(),
            problem: problem.to_owned(),
            remedy: remedy.to_owned(),
        });
    };
    match tokio::time::timeout(PATIENCE, shares_servers(pool)).await {
        Ok(Ok(false)) => {}
        Ok(Ok(true)) => report(
            Severity::Error,
            "goes through a pooler that gives out server connections by the transaction, and nobody said so: \
             statements prepared on one will be missing on the next",
            "say `Builder::transaction_pooler(true)`, or connect without the pooler",
        ),
        Ok(Err(error)) => return Err(DbErr::Conn(RuntimeErr::SqlxError(Arc::new(error))).into()),
        Err(_) => report(
            Severity::Note,
            "took too long to be made twice, so a pooler was not looked for",
            "let the database or the pooler take two more connections, and look again",
        ),
    }
    Ok(())
}

/// Whether two connections that are open at the same time meet the same server process. Without such a pooler each
/// has its own. With one, a process that nobody is in a transaction with is given to the next who asks.
async fn shares_servers(pool: &PgPool) -> Result<bool, SqlxError> {
    let options = pool.connect_options();
    let mut first = PgConnection::connect_with(&options).await?;
    let mut second = PgConnection::connect_with(&options).await?;
    let mut shared = false;
    // Others may take the process in between, but hardly every time.
    for _ in 0..5 {
        shared |= process(&mut first).await? == process(&mut second).await?;
    }
    first.close().await?;
    second.close().await?;
    Ok(shared)
}

/// Asked in the simple protocol, which prepares nothing.
async fn process(connection: &mut PgConnection) -> Result<i32, SqlxError> {
    let sql = AssertSqlSafe("SELECT pg_backend_pid()");
    let row = sea_orm::sqlx::raw_sql(sql).fetch_one(connection).await?;
    row.try_get(0)
}
