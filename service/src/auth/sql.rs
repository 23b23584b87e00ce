//! What statements about users have in common.

use std::sync::LazyLock;

use sea_orm::{DbErr, Iterable, QueryResult, TryGetable};
use watertight_entity::auth::{sessions, users};

/// Whether a user is locked by the database's clock: one whose time is over is none.
pub(super) const LOCKED: &str = r#"("users"."is_locked" AND ("users"."locked_until" IS NULL
    OR "users"."locked_until" > CURRENT_TIMESTAMP))"#;

/// The columns that [`User::read`](super::User::read) reads, in its order. The password's hash is not among them: it
/// leaves the database to be verified and for nothing else.
pub(super) static USER_COLUMNS: LazyLock<String> = LazyLock::new(|| user_columns(LOCKED));

/// The same of a row as a statement has just written it, for its `RETURNING`, where Citus takes nothing that is not the
/// row's. `updated_at` stands for the time of the statement, which sets it or leaves no lock.
pub(super) static WRITTEN_USER_COLUMNS: LazyLock<String> =
    LazyLock::new(|| user_columns(&LOCKED.replace("CURRENT_TIMESTAMP", r#""users"."updated_at""#)));

fn user_columns(locked: &str) -> String {
    let columns = users::Column::iter().filter_map(|column| {
        use users::Column::{IsLocked, PasswordHash, TenantId, TotpSecretId};
        let name = sea_orm::IdenStatic::as_str(&column);
        match column {
            TenantId | PasswordHash | TotpSecretId => None,
            IsLocked => Some(format!(r#"{locked} AS "{name}""#)),
            _ => Some(format!(r#""users"."{name}""#)),
        }
    });
    columns.collect::<Vec<_>>().join(", ")
}

/// The columns that [`read_session`] reads, in its order.
pub(super) static SESSION_COLUMNS: LazyLock<String> = LazyLock::new(|| {
    let columns = sessions::Column::iter();
    let columns = columns.map(|column| format!(r#""sessions"."{}""#, sea_orm::IdenStatic::as_str(&column)));
    columns.collect::<Vec<_>>().join(", ")
});

/// The columns of a row one after another. By name each would be looked up, which is half of what reading them takes.
pub(super) struct Columns<'r> {
    row: &'r QueryResult,
    next: usize,
}

impl<'r> Columns<'r> {
    pub(super) const fn of(row: &'r QueryResult) -> Self {
        Self { row, next: 0 }
    }

    pub(super) fn take<T: TryGetable>(&mut self) -> Result<T, DbErr> {
        let next = self.next;
        self.next += 1;
        self.row.try_get_by_index(next)
    }
}

pub(super) fn read_session(columns: &mut Columns<'_>) -> Result<sessions::Model, DbErr> {
    Ok(sessions::Model {
        tenant_id: columns.take()?,
        id: columns.take()?,
        user_id: columns.take()?,
        expires_at: columns.take()?,
        created_at: columns.take()?,
        user_data: columns.take()?,
        client_ip: columns.take()?,
        client_ip_masked: columns.take()?,
        user_agent: columns.take()?,
        device_type: columns.take()?,
        browser_fingerprint: columns.take()?,
        geo_location: columns.take()?,
        temp_totp_secret: columns.take()?,
        temp_totp_expires_at: columns.take()?,
    })
}
