//! The form in which the addresses of clients are stored.

pub(super) mod key;
pub(super) mod storage;
