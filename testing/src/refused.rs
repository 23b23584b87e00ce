use std::fmt::Debug;

use sea_orm::DbErr;
use watertight::{Reason, Refusal};

/// Asserts that a statement was refused before it was sent, and returns the refusal.
///
/// The closure returns true for the expected reason. A result that is no refusal fails the assertion, also an error of
/// the server.
///
/// ```
/// use sea_orm::DbErr;
/// use watertight::{Reason, Refusal, StatementKind};
/// use watertight_testing::assert_refused;
///
/// // In a test, the result is that of `tenant.execute_unprepared("TRUNCATE projects").await`.
/// let refusal = Refusal::new(StatementKind::Truncate, Reason::UnknownTable("public.projects".to_owned()));
/// let result: Result<(), DbErr> = Err(refusal.into());
/// let refusal = assert_refused(result, |reason| matches!(reason, Reason::UnknownTable(_)));
/// println!("{refusal}");
/// ```
///
/// # Panics
/// If the result is no refusal, or the reason of the refusal is another one.
#[track_caller]
#[allow(clippy::panic, reason = "an assertion")]
pub fn assert_refused<T: Debug>(result: Result<T, DbErr>, expected: impl FnOnce(&Reason) -> bool) -> Refusal {
    let error = match result {
        Ok(value) => panic!("the statement was not refused; its result is {value:?}"),
        Err(error) => error,
    };
    let Some(refusal) = Refusal::of(&error) else {
        panic!("the statement was not refused, but failed on the server or on the way: {error}")
    };
    assert!(expected(&refusal.reason), "the statement was refused for another reason: {refusal}");
    refusal.clone()
}
