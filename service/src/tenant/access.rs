use sea_orm::{ConnectionTrait, StreamTrait, TransactionTrait};

use super::connection::TenantConnection;
use super::id::TenantId;
use super::transaction::TenantTransaction;
use crate::auth::Auth;

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

    /// Authentication of the tenant.
    fn auth(&self) -> Auth<'_, Self>
    where
        Self: Sized;
}

/// Gives a type that holds the connection of a tenant and nothing else its constructor, makes it as cheap to copy as the
/// reference that it is, and gives connections and transactions the method that makes it.
macro_rules! facade {
    ($(#[$meta:meta])* $name:ident by $method:ident) => {
        impl<C> Clone for $name<'_, C> {
            fn clone(&self) -> Self {
                *self
            }
        }

        impl<C> Copy for $name<'_, C> {}

        impl<'a, C: $crate::Tenant> $name<'a, C> {
            #[doc = concat!("`", stringify!($name), "` of a tenant, or within a transaction of theirs.")]
            pub const fn new(db: &'a C) -> Self {
                Self { db }
            }
        }

        $crate::tenant::facade!(@method $(#[$meta])* $name by $method for TenantConnection);
        $crate::tenant::facade!(@method $(#[$meta])* $name by $method for TenantTransaction);
    };
    (@method $(#[$meta:meta])* $name:ident by $method:ident for $connection:ident) => {
        impl $crate::$connection {
            $(#[$meta])*
            #[must_use]
            pub const fn $method(&self) -> $name<'_, Self> {
                $name::new(self)
            }
        }
    };
}

pub(crate) use facade;

impl Tenant for TenantConnection {
    fn tenant_id(&self) -> TenantId {
        self.tenant_id()
    }

    fn auth(&self) -> Auth<'_, Self> {
        self.auth()
    }
}

impl Tenant for TenantTransaction {
    fn tenant_id(&self) -> TenantId {
        self.tenant_id()
    }

    fn auth(&self) -> Auth<'_, Self> {
        self.auth()
    }
}

/// No one else can say of their connection that it belongs to a tenant.
mod sealed {
    pub trait Sealed {}
    impl Sealed for super::TenantConnection {}
    impl Sealed for super::TenantTransaction {}
}
