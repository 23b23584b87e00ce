//! Logins.

mod admitting;
pub(super) mod attempt;
pub(super) mod authenticate;
pub(super) mod candidate;
mod judging;
#[allow(clippy::module_inception, reason = "the operation that the module is named for")]
mod login;
mod refusing;
pub(super) mod request;
pub(super) mod result;
