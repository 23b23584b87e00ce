//! Columns of users that statements select and return.

use std::sync::LazyLock;

use sea_orm::Iterable;
use watertight_entity::auth::users;

/// The condition that a user is locked, by the database's clock. An expired lock does not count.
pub(in crate::auth) const LOCKED: &str = r#"("users"."is_locked" AND ("users"."locked_until" IS NULL
    OR "users"."locked_until" > CURRENT_TIMESTAMP))"#;

/// The columns that `User::read` reads, in its order. The password's hash is not among them: it
/// leaves the database to be verified and for nothing else.
pub(in crate::auth) static USER_COLUMNS: LazyLock<String> = LazyLock::new(|| user_columns(LOCKED));

/// The same of a row as a statement has just written it, for its `RETURNING`, where Citus takes nothing that is not the
/// row's. `updated_at` stands for the time of the statement, which sets it or leaves no lock.
pub(in crate::auth) static WRITTEN_USER_COLUMNS: LazyLock<String> =
    LazyLock::new(|| user_columns(&LOCKED.replace("CURRENT_TIMESTAMP", r#""users"."updated_at""#)));

fn user_columns(locked: &str) -> String {
    let columns = users::Column::iter().filter_map(|column| {
        use users::Column::{IsLocked, PasswordHash, TenantId};
        let name = sea_orm::IdenStatic::as_str(&column);
        match column {
            TenantId | PasswordHash => None,
            IsLocked => Some(format!(r#"{locked} AS "{name}""#)),
            _ => Some(format!(r#""users"."{name}""#)),
        }
    });
    columns.collect::<Vec<_>>().join(", ")
}
