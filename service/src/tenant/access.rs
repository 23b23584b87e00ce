use sea_orm::{ConnectionTrait, StreamTrait, TransactionTrait};

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
///
/// A `DatabaseConnection` is refused by the compiler:
///
/// ```compile_fail,E0277
/// use sea_orm::{DatabaseConnection, DbErr, EntityTrait, PaginatorTrait};
/// use watertight::Tenant;
/// use watertight::entity::public::services;
///
/// async fn services_offered(tenant: &impl Tenant) -> Result<u64, DbErr> {
///     services::Entity::find().count(tenant).await
/// }
///
/// async fn of_all_tenants(database: DatabaseConnection) -> Result<u64, DbErr> {
///     services_offered(&database).await
/// }
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not scoped to a tenant",
    label = "expected a `TenantConnection` or a `TenantTransaction`",
    note = "a `DatabaseConnection` reaches the rows of every tenant: pass `water.tenant(tenant_id)`, where `water` is a \
            `Watertight`"
)]
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

    #[cfg(feature = "auth")]
    fn auth(&self) -> crate::auth::Auth<'_, Self> {
        self.auth()
    }
}

impl Tenant for TenantTransaction {
    fn tenant_id(&self) -> TenantId {
        self.tenant_id()
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
