//! The audit trail.

pub(super) mod cursor;
pub(super) mod event;
pub(super) mod event_type;
pub(super) mod failures;
pub(super) mod filter;
pub(super) mod kinds;
pub(super) mod log;
pub(super) mod new_event;
pub(super) mod page;
mod reading;
pub(super) mod retention;
mod severity;
pub(super) mod sink;
mod writing;
