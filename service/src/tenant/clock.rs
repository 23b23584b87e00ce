//! The database's clock.

use chrono::{DateTime, Utc};
use sea_orm::{ConnectionTrait, DbErr};

use super::sql::statement;

/// Reads the database's clock: the start of the surrounding transaction, or of the statement.
///
/// # Errors
/// [`DbErr`] if the database does not return its time. The clock of the process is never used instead.
pub(crate) async fn now(db: &impl ConnectionTrait) -> Result<DateTime<Utc>, DbErr> {
    let row = db.query_one_raw(statement("SELECT CURRENT_TIMESTAMP AS now", [])).await?;
    let row = row.ok_or_else(|| DbErr::RecordNotFound("the database returned no time".to_owned()))?;
    row.try_get("", "now")
}

/// Reads the database's clock in whole seconds since 1970.
///
/// # Errors
/// As [`now`], and [`DbErr`] for a clock that is set to a time before 1970.
#[cfg(feature = "auth")]
pub(crate) async fn unix_seconds(db: &impl ConnectionTrait) -> Result<u64, DbErr> {
    let now = now(db).await?;
    u64::try_from(now.timestamp())
        .map_err(|_| DbErr::Type(format!("the database's clock is at {now}, before 1970; correct it")))
}
