//! Helpers for raw statements that compute with the database's clock and the current row.

use sea_orm::{DbBackend, Statement, Value};

/// Creates a statement with its values.
pub(crate) fn statement<const N: usize>(sql: impl Into<String>, values: [Value; N]) -> Statement {
    Statement::from_sql_and_values(DbBackend::Postgres, sql, values)
}

/// A duration in seconds, to multiply with `INTERVAL '1 second'`.
#[cfg(any(feature = "auth", feature = "booking"))]
pub(crate) fn seconds(span: std::time::Duration) -> Value {
    span.as_secs_f64().into()
}
