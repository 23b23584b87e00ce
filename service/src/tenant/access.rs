use sea_orm::{ConnectionTrait, StreamTrait, TransactionTrait};
use watertight_schema::TableSets;

use super::connection::TenantConnection;
use super::id::TenantId;
use super::transaction::TenantTransaction;

/// Runs statements within one tenant: a [`TenantConnection`] or a [`TenantTransaction`].
///
/// [`Tenant`](crate::Tenant) adds the domains to it; take `&impl Tenant` in functions of your own.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not scoped to a tenant",
    label = "expected a `TenantConnection` or a `TenantTransaction`",
    note = "call `water.tenant(tenant_id)` for a connection that is scoped to the tenant"
)]
pub trait TenantExecutor:
    ConnectionTrait
    + StreamTrait
    + TransactionTrait<Transaction = TenantTransaction>
    + Send
    + Sync
    + sealed::Sealed
{
    /// The tenant.
    fn tenant_id(&self) -> TenantId;

    /// The sets of watertight's own tables that the database has.
    fn table_sets(&self) -> &TableSets;
}

impl TenantExecutor for TenantConnection {
    fn tenant_id(&self) -> TenantId {
        self.tenant_id()
    }

    fn table_sets(&self) -> &TableSets {
        self.table_sets()
    }
}

impl TenantExecutor for TenantTransaction {
    fn tenant_id(&self) -> TenantId {
        self.tenant_id()
    }

    fn table_sets(&self) -> &TableSets {
        self.table_sets()
    }
}

/// No type outside this crate can claim that it is scoped to a tenant.
mod sealed {
    #[cfg(feature = "auth")]
    use std::any::{Any, TypeId};

    pub trait Sealed {
        /// The state of a type that a domain keeps with the connection.
        #[cfg(feature = "auth")]
        #[doc(hidden)]
        fn extension(&self, of: TypeId) -> Option<&(dyn Any + Send + Sync)>;
    }

    impl Sealed for super::TenantConnection {
        #[cfg(feature = "auth")]
        fn extension(&self, of: TypeId) -> Option<&(dyn Any + Send + Sync)> {
            self.scope().shared.extensions.find(of)
        }
    }

    impl Sealed for super::TenantTransaction {
        #[cfg(feature = "auth")]
        fn extension(&self, of: TypeId) -> Option<&(dyn Any + Send + Sync)> {
            self.scope().shared.extensions.find(of)
        }
    }
}
