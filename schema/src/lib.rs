//! The facts that watertight's migrations and its service crate share.
//!
//! [`TableSets`] says which tables of watertight's own a database has, and in which schemas. [`isolation`] names the
//! database objects that isolation needs. [`sql`] quotes identifiers and strings. Neither crate depends on the other, so
//! each fact is written here once.

pub mod isolation;
pub mod sql;
mod table_set;
mod table_sets;

pub use crate::table_set::TableSet;
pub use crate::table_sets::{TableSetError, TableSets};
