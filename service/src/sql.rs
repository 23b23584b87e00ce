//! Statements whose arithmetic the database does: on its clock, and on the row as it is then.

use std::time::Duration;

use sea_orm::{DbBackend, Statement, Value};

/// A statement with its values.
pub(crate) fn statement<const N: usize>(sql: impl Into<String>, values: [Value; N]) -> Statement {
    Statement::from_sql_and_values(DbBackend::Postgres, sql, values)
}

/// A span of time as a number of seconds, to be multiplied with `INTERVAL '1 second'`.
pub(crate) fn seconds(span: Duration) -> Value {
    span.as_secs_f64().into()
}
