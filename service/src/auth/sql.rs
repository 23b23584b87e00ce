//! Statements whose arithmetic the database does: on its clock, and on the row as it is then.

use std::time::Duration;

use sea_orm::{DbBackend, Iterable, Statement, Value};
use watertight_entity::auth::users;

/// A statement with its values.
pub(super) fn statement<const N: usize>(sql: impl Into<String>, values: [Value; N]) -> Statement {
    Statement::from_sql_and_values(DbBackend::Postgres, sql, values)
}

/// A span of time as a number of seconds, to be multiplied with `INTERVAL '1 second'`.
pub(super) fn seconds(span: Duration) -> Value {
    span.as_secs_f64().into()
}

/// Whether a user is locked by the database's clock: one whose time is over is none.
pub(super) const LOCKED: &str = r#"("users"."is_locked" AND ("users"."locked_until" IS NULL
    OR "users"."locked_until" > CURRENT_TIMESTAMP))"#;

/// The columns that a [`User`](super::User) is read from, each under its name with a prefix. The password's hash is
/// not among them: it leaves the database to be verified and for nothing else.
pub(super) fn user_columns(prefix: &str) -> String {
    let columns = users::Column::iter().filter_map(|column| {
        use users::Column::{IsLocked, PasswordHash, TenantId, TotpSecretId};
        let name = sea_orm::IdenStatic::as_str(&column);
        match column {
            TenantId | PasswordHash | TotpSecretId => None,
            IsLocked => Some(format!(r#"{LOCKED} AS "{prefix}{name}""#)),
            _ => Some(format!(r#""users"."{name}" AS "{prefix}{name}""#)),
        }
    });
    columns.collect::<Vec<_>>().join(", ")
}
