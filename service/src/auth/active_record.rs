//! The operations as they read on entities and models. Each is one of [`Auth`](super::Auth), called from elsewhere.

use uuid::Uuid;
use watertight_entity::auth::{invitations, sessions, users};

use super::Auth;
use super::audit::{AuditFilter, AuditPage};
use super::authenticate::Authenticated;
use super::backup_codes::BackupCodeSet;
use super::invitation::Invitation;
use super::sessions::Session;
use super::user::{User, UserUpdate};
use crate::auth::AuthError;
use crate::tenant::TenantExecutor;
use crate::vocabulary::{Email, Handle};

type Outcome<T> = Result<T, AuthError>;

/// What is sent along with every operation: it runs on a thread of any executor.
macro_rules! forward {
    ($($(#[$meta:meta])* fn $name:ident($($arg:ident: $type:ty),*) -> $output:ty = $call:ident($($value:expr),*);)+) => {
        $(
            $(#[$meta])*
            ///
            /// # Errors
            #[doc = concat!("As [`Auth::", stringify!($call), "`](super::Auth::", stringify!($call), ").")]
            fn $name<C: TenantExecutor>(db: &C, $($arg: $type),*) -> impl Future<Output = Outcome<$output>> + Send {
                async move { Auth::new(db).$call($($value),*).await }
            }
        )+
    };
    (of $id:ident; $($(#[$meta:meta])* fn $name:ident($($arg:ident: $type:ty),*) -> $output:ty = $call:ident($($value:expr),*);)+) => {
        $(
            $(#[$meta])*
            ///
            /// # Errors
            #[doc = concat!("As [`Auth::", stringify!($call), "`](super::Auth::", stringify!($call), ").")]
            fn $name<C: TenantExecutor>(&self, db: &C, $($arg: $type),*) -> impl Future<Output = Outcome<$output>> + Send {
                let $id = self.id();
                async move { Auth::new(db).$call($($value),*).await }
            }
        )+
    };
}

/// Finding users: on `users::Entity`.
///
/// ```no_run
/// use watertight::auth::{FindUsers, UserRecord};
/// use watertight::entity::auth::users;
///
/// # async fn example(tenant: watertight::TenantConnection) -> Result<(), watertight::Error> {
/// if let Some(jess) = users::Entity::find_by_handle(&tenant, &"jess".parse()?).await? {
///     println!("{} is logged in {} times", jess.handle, jess.sessions(&tenant).await?.len());
/// }
/// # Ok(())
/// # }
/// ```
pub trait FindUsers {
    forward! {
        /// The user of a handle.
        fn find_by_handle(handle: &Handle) -> Option<User> = get_user_by_handle(handle);
        /// The user of an email address.
        fn find_by_email(email: &Email) -> Option<User> = get_user_by_email(email);
        /// Every user, ordered by handle.
        fn find_all() -> Vec<User> = get_all_users();
    }
}

impl FindUsers for users::Entity {}

/// Finding sessions: on `sessions::Entity`.
pub trait FindSessions {
    forward! {
        /// The live session of an identity.
        fn find_live(id: Uuid) -> Option<Session> = get_session(id);
        /// Every live session.
        fn find_all_live() -> Vec<Session> = get_all_sessions();
        /// Who holds a token.
        fn authenticate(token: &str) -> Option<Authenticated> = authenticate(token);
    }
}

impl FindSessions for sessions::Entity {}

/// Finding invitations: on `invitations::Entity`.
pub trait FindInvitations {
    forward! {
        /// The invitation of a token.
        fn find_by_token(token: &str) -> Option<Invitation> = get_invitation(token);
        /// The invitations that can be accepted.
        fn find_pending() -> Vec<Invitation> = get_pending_invitations();
    }
}

impl FindInvitations for invitations::Entity {}

/// What belongs to a user: on [`User`], and on the row `users::Model`.
pub trait UserRecord {
    /// The user's identity.
    fn id(&self) -> Uuid;

    forward! {
        of id;
        /// The user's live sessions.
        fn sessions() -> Vec<Session> = get_sessions_by_user(id);
        /// Ends every session of the user.
        fn end_sessions() -> u64 = delete_user_sessions(id);
        /// The invitations that the user made.
        fn invitations() -> Vec<Invitation> = get_invitations_by_user(id);
        /// What is known of the user's backup codes.
        fn backup_codes() -> Option<BackupCodeSet> = get_backup_codes(id);
        /// What the user did, newest first: the first page.
        fn audit_events() -> AuditPage = get_audit_events(&AuditFilter { user_id: Some(id), ..Default::default() });
        /// Changes the user.
        fn apply(update: UserUpdate) -> User = update_user(id, update);
        /// Deletes the user, with all that is theirs.
        fn remove() -> bool = delete_user(id);
    }
}

impl UserRecord for User {
    fn id(&self) -> Uuid {
        self.id
    }
}

impl UserRecord for users::Model {
    fn id(&self) -> Uuid {
        self.id
    }
}

/// What can be done with a session: on [`Session`], and on the row `sessions::Model`.
pub trait SessionRecord {
    /// The session's identity.
    fn id(&self) -> Uuid;

    forward! {
        of id;
        /// Lets the session live on, if it is due.
        fn renew() -> Option<Session> = renew_session(id);
        /// Ends the session.
        fn end() -> bool = delete_session(id);
    }
}

impl SessionRecord for Session {
    fn id(&self) -> Uuid {
        self.id
    }
}

impl SessionRecord for sessions::Model {
    fn id(&self) -> Uuid {
        self.id
    }
}

/// What can be done with an invitation: on [`Invitation`], and on the row `invitations::Model`.
pub trait InvitationRecord {
    /// The invitation's identity.
    fn id(&self) -> Uuid;

    forward! {
        of id;
        /// Withdraws the invitation.
        fn revoke() -> Invitation = update_invitation(id, super::InvitationUpdate {
            is_active: false.into(),
            ..Default::default()
        });
    }
}

impl InvitationRecord for Invitation {
    fn id(&self) -> Uuid {
        self.id
    }
}

impl InvitationRecord for invitations::Model {
    fn id(&self) -> Uuid {
        self.id
    }
}
