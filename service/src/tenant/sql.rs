//! Helpers for raw statements that compute with the database's clock and the current row.

use sea_orm::{DbBackend, Statement, Value};
#[cfg(any(feature = "auth", feature = "booking"))]
use sea_orm::{EntityTrait, IdenStatic, Iterable};

/// Creates a statement with its values.
pub(crate) fn statement<const N: usize>(sql: impl Into<String>, values: [Value; N]) -> Statement {
    Statement::from_sql_and_values(DbBackend::Postgres, sql, values)
}

/// A duration in seconds, to multiply with `INTERVAL '1 second'`.
#[cfg(any(feature = "auth", feature = "booking"))]
pub(crate) fn seconds(span: std::time::Duration) -> Value {
    span.as_secs_f64().into()
}

/// The columns of an entity's table, with the table's name, for a select list or `RETURNING`.
///
/// A `*` in their place would change with the table, and a statement that stays prepared would fail.
#[cfg(any(feature = "auth", feature = "booking"))]
pub(crate) fn columns<E: EntityTrait>() -> String {
    let entity = E::default();
    let table = entity.table_name();
    let columns = E::Column::iter().map(|column| format!(r#""{table}"."{}""#, column.as_str()));
    columns.collect::<Vec<_>>().join(", ")
}
