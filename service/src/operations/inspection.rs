//! Reads the structure of a database and checks the preconditions of isolation.

pub(crate) mod catalog;
pub(crate) mod connect_checks;
pub(crate) mod first_connection;
pub(crate) mod hosts;
pub(crate) mod isolable;
pub(crate) mod tenant_columns;
