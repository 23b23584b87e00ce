//! The common parts of the domain types on a tenant's connection.

/// Defines the common parts of a type that holds only a reference to a tenant's connection.
///
/// They are the constructor, `Clone` and `Copy`, and the method of connections and transactions that creates
/// the type.
macro_rules! facade {
    ($(#[$meta:meta])* $name:ident by $method:ident) => {
        impl<C> Clone for $name<'_, C> {
            fn clone(&self) -> Self {
                *self
            }
        }

        impl<C> Copy for $name<'_, C> {}

        impl<'a, C: $crate::tenant::TenantExecutor> $name<'a, C> {
            #[doc = concat!("`", stringify!($name), "` of a tenant, on a connection or in a transaction.")]
            pub const fn new(db: &'a C) -> Self {
                Self { db }
            }
        }

        $crate::tenant::facade::facade! {
            @methods
            $(#[$meta])* $name by $method
        }
    };
    (@methods $(#[$meta:meta])* $name:ident by $method:ident) => {
        $crate::tenant::facade::facade!(@method $(#[$meta])* $name by $method for TenantConnection);
        $crate::tenant::facade::facade!(@method $(#[$meta])* $name by $method for TenantTransaction);
    };
    (@method $(#[$meta:meta])* $name:ident by $method:ident for $connection:ident) => {
        impl $crate::tenant::$connection {
            $(#[$meta])*
            #[must_use]
            pub fn $method(&self) -> $name<'_, Self> {
                $name::new(self)
            }
        }
    };
}

pub(crate) use facade;
