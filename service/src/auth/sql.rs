//! What statements about users have in common.

use sea_orm::Iterable;
use watertight_entity::auth::users;

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
