//! Logins.

mod admitting;
pub(super) mod attempt;
pub(super) mod authenticate;
pub(super) mod candidate;
pub(super) mod device;
pub(super) mod device_failures;
mod judging;
mod logging_in;
mod refusing;
pub(super) mod repeating;
pub(super) mod request;
pub(super) mod result;
