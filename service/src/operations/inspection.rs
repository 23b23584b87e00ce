//! Reads how a database is made, and checks what isolation rests on.

pub(crate) mod catalog;
pub(crate) mod connect_checks;
pub(crate) mod hosts;
