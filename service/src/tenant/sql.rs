//! Statements whose arithmetic the database does: on its clock, and on the row as it is then.

use sea_orm::{DbBackend, Statement, Value};

/// A statement with its values.
pub(crate) fn statement<const N: usize>(sql: impl Into<String>, values: [Value; N]) -> Statement {
    Statement::from_sql_and_values(DbBackend::Postgres, sql, values)
}

/// A span of time as a number of seconds, to be multiplied with `INTERVAL '1 second'`.
#[cfg(any(feature = "auth", feature = "booking"))]
pub(crate) fn seconds(span: std::time::Duration) -> Value {
    span.as_secs_f64().into()
}
