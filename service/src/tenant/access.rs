use sea_orm::{ConnectionTrait, StreamTrait, TransactionTrait};
use watertight_schema::TableSets;

use super::connection::TenantConnection;
use super::id::TenantId;
use super::transaction::TenantTransaction;

/// Runs statements of one tenant: a [`TenantConnection`] or a [`TenantTransaction`].
///
/// [`Tenant`](crate::Tenant) adds the domains. Take `&impl Tenant` in your own functions.
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

    /// The table sets of the database.
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

/// Seals the trait: no type outside this crate can claim to be scoped to a tenant.
mod sealed {
    #[cfg(feature = "auth")]
    use std::any::Any;

    pub trait Sealed {
        /// The settings of authentication.
        #[cfg(feature = "auth")]
        #[doc(hidden)]
        fn auth_settings(&self) -> &(dyn Any + Send + Sync);
    }

    impl Sealed for super::TenantConnection {
        #[cfg(feature = "auth")]
        fn auth_settings(&self) -> &(dyn Any + Send + Sync) {
            &*self.scope().shared.auth
        }
    }

    impl Sealed for super::TenantTransaction {
        #[cfg(feature = "auth")]
        fn auth_settings(&self) -> &(dyn Any + Send + Sync) {
            &*self.scope().shared.auth
        }
    }
}
