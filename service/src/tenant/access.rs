use sea_orm::{ConnectionTrait, StreamTrait, TransactionTrait};
use watertight_schema::TableSets;

use super::connection::TenantConnection;
use super::id::TenantId;
use super::transaction::TenantTransaction;

/// What belongs to one tenant and takes statements: a [`TenantConnection`] or a [`TenantTransaction`].
///
/// Functions that are to run for a tenant and for no one else take `&impl Tenant`: a `DatabaseConnection` is none, so
/// it cannot be passed by accident.
///
/// ```
/// use sea_orm::{DbErr, EntityTrait, PaginatorTrait};
/// use watertight::Tenant;
/// use watertight::entity::public::services;
///
/// async fn services_offered(tenant: &impl Tenant) -> Result<u64, DbErr> {
///     services::Entity::find().count(tenant).await
/// }
/// ```
pub trait Tenant:
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

    /// Authentication of the tenant.
    #[cfg(feature = "auth")]
    fn auth(&self) -> crate::auth::Auth<'_, Self>
    where
        Self: Sized;
}

impl Tenant for TenantConnection {
    fn tenant_id(&self) -> TenantId {
        self.tenant_id()
    }

    fn table_sets(&self) -> &TableSets {
        self.table_sets()
    }

    #[cfg(feature = "auth")]
    fn auth(&self) -> crate::auth::Auth<'_, Self> {
        self.auth()
    }
}

impl Tenant for TenantTransaction {
    fn tenant_id(&self) -> TenantId {
        self.tenant_id()
    }

    fn table_sets(&self) -> &TableSets {
        self.table_sets()
    }

    #[cfg(feature = "auth")]
    fn auth(&self) -> crate::auth::Auth<'_, Self> {
        self.auth()
    }
}

/// No one else can say of their connection that it belongs to a tenant.
mod sealed {
    pub trait Sealed {}
    impl Sealed for super::TenantConnection {}
    impl Sealed for super::TenantTransaction {}
}
