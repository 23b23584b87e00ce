//! Tenants, the connection that is theirs alone, and the rewriting under it.

mod access;
mod connection;
mod driver;
mod id;
mod inspection;
mod own_tables;
mod parameter;
mod refusal;
mod registry;
mod rewrite;
mod session;
mod stream;
mod timeouts;
mod transaction;
mod unnamed;

pub use self::access::Tenant;
pub(crate) use self::connection::Ground;
pub use self::connection::TenantConnection;
pub use self::id::TenantId;
pub(crate) use self::inspection::Inspection;
pub(crate) use self::parameter::TENANT_TYPE;
pub use self::refusal::{Reason, Refusal, StatementKind};
pub use self::registry::TENANT_COLUMN;
pub(crate) use self::registry::{Ownership, RegisteredTable, Registry, TableName};
pub use self::rewrite::{RewriteMetrics, Rewriter};
pub use self::stream::TenantStream;
pub use self::transaction::TenantTransaction;
