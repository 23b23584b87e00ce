//! The operations as methods of entities and rows. Each forwards to one operation of [`Auth`](super::Auth) or its parts.

mod audit;
mod invitations;
mod sessions;
mod users;

pub use self::audit::AuditEventEntity;
pub use self::invitations::{InvitationEntity, InvitationRecord};
pub use self::sessions::{SessionEntity, SessionRecord};
pub use self::users::{UserEntity, UserRecord};

/// Seals the traits: entities and rows of this crate alone implement them.
mod sealed {
    use uuid::Uuid;

    use crate::auth::error::AuthError;
    use crate::vocabulary::Handle;

    /// An entity with the operations of its table.
    pub trait Entity {}

    /// A row with the operations of its kind.
    pub trait Row {
        fn id(&self) -> Uuid;
    }

    /// A row of a user.
    pub trait UserRow: Row {
        fn handle(&self) -> Result<Handle, AuthError>;
    }
}

/// Defines methods that forward to an operation: `= call(values) in part`, or without `in part` to one of `Auth`.
///
/// With `of id;` in front they are methods of a row and pass its id; with `with handle;` they pass the handle of a user.
macro_rules! forward {
    ($($(#[$meta:meta])* fn $name:ident($($arg:ident: $type:ty),*) -> $output:ty = $call:ident($($value:expr),*) $(in $part:ident)?;)+) => {
        $(
            $(#[$meta])*
            ///
            /// # Errors
            #[doc = concat!("The same as `", $(stringify!($part), "().",)? stringify!($call), "` of [`Auth`](crate::auth::Auth).")]
            fn $name<C: TenantExecutor>(db: &C, $($arg: $type),*) -> impl Future<Output = Result<$output, AuthError>> + Send {
                async move { Auth::new(db)$(.$part())?.$call($($value),*).await }
            }
        )+
    };
    (of $id:ident; $($(#[$meta:meta])* fn $name:ident($($arg:ident: $type:ty),*) -> $output:ty = $call:ident($($value:expr),*) in $part:ident;)+) => {
        $(
            $(#[$meta])*
            ///
            /// # Errors
            #[doc = concat!("The same as `", stringify!($part), "().", stringify!($call), "` of [`Auth`](crate::auth::Auth).")]
            fn $name<C: TenantExecutor>(&self, db: &C, $($arg: $type),*) -> impl Future<Output = Result<$output, AuthError>> + Send {
                let $id = self.id();
                async move { Auth::new(db).$part().$call($($value),*).await }
            }
        )+
    };
    (with $handle:ident; $($(#[$meta:meta])* fn $name:ident($($arg:ident: $type:ty),*) -> $output:ty = $call:ident($($value:expr),*) in $part:ident;)+) => {
        $(
            $(#[$meta])*
            ///
            /// # Errors
            #[doc = concat!("The same as `", stringify!($part), "().", stringify!($call), "` of [`Auth`](crate::auth::Auth).")]
            fn $name<C: TenantExecutor>(&self, db: &C, $($arg: $type),*) -> impl Future<Output = Result<$output, AuthError>> + Send {
                let handle = self.handle();
                async move {
                    let $handle = &handle?;
                    Auth::new(db).$part().$call($($value),*).await
                }
            }
        )+
    };
}

use forward;
