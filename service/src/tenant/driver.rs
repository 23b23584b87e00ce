//! The errors of the driver inside SeaORM's errors.

use std::borrow::Cow;
use std::sync::Arc;

use sea_orm::sqlx::postgres::PgDatabaseError;
use sea_orm::{ConnAcquireErr, DbErr, RuntimeErr, SqlxError};

pub(super) fn exec_error(error: SqlxError) -> DbErr {
    DbErr::Exec(RuntimeErr::SqlxError(Arc::new(error)))
}

pub(super) fn query_error(error: SqlxError) -> DbErr {
    DbErr::Query(RuntimeErr::SqlxError(Arc::new(error)))
}

pub(super) fn acquire_error(error: SqlxError) -> DbErr {
    match error {
        SqlxError::PoolTimedOut => DbErr::ConnectionAcquire(ConnAcquireErr::Timeout),
        SqlxError::PoolClosed => DbErr::ConnectionAcquire(ConnAcquireErr::ConnectionClosed),
        error => connection_error(error),
    }
}

pub(super) fn connection_error(error: SqlxError) -> DbErr {
    DbErr::Conn(RuntimeErr::SqlxError(Arc::new(error)))
}

/// The error of the driver for a failed statement.
pub(crate) fn of_statement(error: &DbErr) -> Option<&SqlxError> {
    match error {
        DbErr::Exec(RuntimeErr::SqlxError(error)) | DbErr::Query(RuntimeErr::SqlxError(error)) => Some(error),
        _ => None,
    }
}

/// Returns true if it is unknown whether a failed statement or commit was carried out.
///
/// The connection was lost while the answer to a commit, or to a change outside a transaction, was awaited. Find out what
/// the database has before you repeat an operation that is not safe to repeat. After every other error of a statement or a
/// transaction, nothing of it is left behind: the server reported the error itself, no connection was available or it was
/// lost before the commit, or the statement was refused.
///
/// ```
/// use sea_orm::{ConnAcquireErr, DbErr};
///
/// let error = DbErr::ConnectionAcquire(ConnAcquireErr::Timeout);
/// assert!(!watertight::is_outcome_unknown(&error), "nothing was sent");
/// ```
#[must_use]
pub fn is_outcome_unknown(error: &DbErr) -> bool {
    let error = of_statement(error);
    error.is_some_and(|it| matches!(it, SqlxError::Io(_) | SqlxError::Tls(_) | SqlxError::Protocol(_)))
}

/// The error of a statement that was not committed: the loss of its connection leaves nothing behind.
pub(super) fn not_committed(error: DbErr) -> DbErr {
    match error {
        DbErr::Exec(lost) | DbErr::Query(lost) if is_loss(&lost) => DbErr::Conn(lost),
        error => error,
    }
}

/// The error of a commit that was not sent, because the connection was lost before.
pub(super) fn lost_before_commit() -> DbErr {
    let lost = "the connection was lost before the commit, so nothing was changed; run the transaction again";
    DbErr::Conn(RuntimeErr::Internal(lost.to_owned()))
}

fn is_loss(error: &RuntimeErr) -> bool {
    let RuntimeErr::SqlxError(error) = error else { return false };
    matches!(**error, SqlxError::Io(_) | SqlxError::Tls(_) | SqlxError::Protocol(_))
}

/// Whether a statement did not run because its connection knows an older schema: the columns of its result have
/// changed, or a type was recreated.
///
/// The server's message can be translated, so the name of its function tells the first case from other features that are
/// not supported. Internal errors, such as the second case, are never translated.
pub(super) fn is_outdated(error: &DbErr) -> bool {
    let Some(SqlxError::Database(error)) = of_statement(error) else { return false };
    let routine = || error.try_downcast_ref::<PgDatabaseError>().and_then(PgDatabaseError::routine);
    match error.code().as_deref() {
        Some("0A000") => routine() == Some("RevalidateCachedQuery"),
        Some("XX000") => error.message().starts_with("cache lookup failed for"),
        Some("26000") => true,
        _ => false,
    }
}

/// Returns true if the server rejected the values of a statement: the same statement would fail again.
///
/// The classes are data, integrity, check option, limits of a program, and the errors of triggers and functions. A policy
/// that rejects a row has the SQLSTATE of a missing privilege, so the name of the server's function tells it apart.
#[cfg(feature = "auth")]
pub(crate) fn rejects_values(error: &DbErr) -> bool {
    let Some(SqlxError::Database(database)) = of_statement(error) else { return false };
    let Some(state) = database.code() else { return false };
    match state.get(..2) {
        Some("21" | "22" | "23" | "27" | "38" | "39" | "44" | "54" | "P0") => true,
        _ => is_rejected_by_policy(error),
    }
}

/// Returns true if a policy of row-level security rejected a row.
#[cfg(feature = "auth")]
pub(crate) fn is_rejected_by_policy(error: &DbErr) -> bool {
    let Some(SqlxError::Database(error)) = of_statement(error) else { return false };
    let routine = error.try_downcast_ref::<PgDatabaseError>().and_then(PgDatabaseError::routine);
    error.code().as_deref() == Some("42501") && routine == Some("ExecWithCheckOptions")
}

/// The SQLSTATE of the server's error for a statement.
pub(crate) fn sql_state(error: &DbErr) -> Option<Cow<'_, str>> {
    of_statement(error)?.as_database_error()?.code()
}
