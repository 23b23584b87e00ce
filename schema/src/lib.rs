//! The facts that watertight's migrations and its service crate share.
//!
//! [`TableSets`] says which tables of watertight's own a database has, and in which schemas. [`isolation`] names the
//! database objects that isolation needs, [`TenantType`] is the type
//! of the tenant's key, and [`TenantKey`] signs tenants. [`sql`] quotes identifiers and strings, [`text`]
//! is the normal form of typed text, [`printable`] makes text harmless for a terminal, and [`order`] sorts tables by their
//! foreign keys. Neither crate depends on the other, so each fact is written here once.

pub mod isolation;
pub mod order;
pub mod printable;
pub mod sql;
mod table_set;
mod table_sets;
mod tenant_key;
mod tenant_type;
pub mod text;

pub use crate::table_set::TableSet;
pub use crate::table_sets::{TableSetError, TableSets};
pub use crate::tenant_key::{TenantKey, TenantKeyError};
pub use crate::tenant_type::{TenantType, TenantTypeError};
