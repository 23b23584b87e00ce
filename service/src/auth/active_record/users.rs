//! Operations of users as methods of their entity and rows.

use chrono::{DateTime, Utc};
use uuid::Uuid;
use watertight_entity::auth::users;

use super::{forward, sealed};
use crate::auth::audit::filter::AuditFilter;
use crate::auth::audit::page::AuditPage;
use crate::auth::error::AuthError;
use crate::auth::handle::Auth;
use crate::auth::invitations::invitation::Invitation;
use crate::auth::second_factor::backup_code::BackupCodes;
use crate::auth::second_factor::backup_code_set::BackupCodeSet;
use crate::auth::second_factor::stored_secret::StoredTotpSecret;
use crate::auth::second_factor::totp_secret::TotpSecret;
use crate::auth::sessions::metadata::SessionMetadata;
use crate::auth::sessions::session::Session;
use crate::auth::users::new_user::NewUser;
use crate::auth::users::password::{Credential, Password};
use crate::auth::users::update::UserUpdate;
use crate::auth::users::user::User;
use crate::tenant::TenantExecutor;
use crate::vocabulary::{Email, Handle};

/// Operations on all users of a tenant, as functions of `users::Entity`.
///
/// ```no_run
/// use watertight::auth::{UserEntity, UserRecord};
/// use watertight::entity::auth::users;
///
/// # async fn example(tenant: watertight::TenantConnection) -> Result<(), watertight::Error> {
/// if let Some(jess) = users::Entity::find_by_handle(&tenant, &"jess".parse()?).await? {
///     println!("{} has {} sessions", jess.handle, jess.sessions(&tenant).await?.len());
///     jess.lock(&tenant, "left the company").await?;
/// }
/// # Ok(())
/// # }
/// ```
pub trait UserEntity: sealed::Entity {
    forward! {
        /// Creates a user.
        fn create(new: NewUser) -> User = create(new) in users;
        /// Finds a user by id.
        fn find_one(id: Uuid) -> Option<User> = find(id) in users;
        /// Finds a user by handle.
        fn find_by_handle(handle: &Handle) -> Option<User> = find_by_handle(handle) in users;
        /// Finds a user by email address.
        fn find_by_email(email: &Email) -> Option<User> = find_by_email(email) in users;
        /// Returns every user, ordered by handle.
        fn find_all() -> Vec<User> = all() in users;
        /// Returns at most `limit` users after a handle, ordered by handle.
        fn find_page(after: Option<&Handle>, limit: u64) -> Vec<User> = page(after, limit) in users;
        /// Creates the first owner of a tenant without users.
        fn create_first_owner(new: NewUser) -> User = create_first_owner(new) in users;
        /// Returns true if the tenant has any user.
        fn any() -> bool = any() in users;
    }
}

impl sealed::Entity for users::Entity {}
impl UserEntity for users::Entity {}

/// Operations on one user, as methods of [`User`] and of the row `users::Model`.
pub trait UserRecord: sealed::UserRow {
    forward! {
        of id;
        /// Changes the user.
        fn apply(update: UserUpdate) -> User = update(id, update) in users;
        /// Deletes the user with everything that belongs to the user.
        fn remove() -> bool = delete(id) in users;
        /// Sets the password and ends all sessions.
        fn set_password(credential: impl Into<Credential> + Send) -> () = set_password(id, credential) in users;
        /// Changes the password after verifying the current one, and ends the sessions except `keep`.
        fn change_password(current: &Password, new: Password, keep: Option<Uuid>) -> () =
            change_password(id, current, new, keep) in users;
        /// Locks the account and ends all sessions.
        fn lock(reason: &str) -> User = lock(id, reason) in users;
        /// Lifts the lock of the account.
        fn unlock() -> User = unlock(id) in users;
        /// Records a login that the application has verified itself.
        fn record_login(client: &SessionMetadata) -> User = record_login(id, client) in users;
        /// Records a failed login that the application has verified itself.
        fn record_failed_login(client: &SessionMetadata) -> User = record_failed_login(id, client) in users;
        /// Begins the onboarding.
        fn begin_onboarding() -> User = begin_onboarding(id) in users;
        /// Records a completed step of onboarding.
        fn complete_onboarding_step(step: u16) -> User = complete_onboarding_step(id, step) in users;
        /// Ends the completed onboarding.
        fn complete_onboarding() -> User = complete_onboarding(id) in users;
        /// Ends the onboarding without its remaining steps.
        fn skip_onboarding() -> User = skip_onboarding(id) in users;
        /// Creates a session.
        fn create_session(metadata: &SessionMetadata) -> Session = create(id, metadata) in sessions;
        /// Returns the live sessions, newest first.
        fn sessions() -> Vec<Session> = all_of(id) in sessions;
        /// Ends every session.
        fn end_sessions() -> u64 = end_all_of(id) in sessions;
        /// Removes the second factor after verifying the password.
        fn disable_totp(password: &Password) -> () = disable(id, password) in totp;
        /// Finds the backup codes, without the codes.
        fn backup_codes() -> Option<BackupCodeSet> = find(id) in backup_codes;
        /// Stores backup codes instead of the previous ones.
        fn save_backup_codes(codes: &BackupCodes) -> () = save(id, codes) in backup_codes;
        /// Generates backup codes instead of the previous ones.
        fn regenerate_backup_codes() -> BackupCodes = regenerate(id) in backup_codes;
        /// Uses up a backup code.
        fn consume_backup_code(code: &str) -> Option<usize> = consume(id, code) in backup_codes;
        /// Returns the time at which a backup code was used.
        fn backup_code_used_at(code: &str) -> Option<DateTime<Utc>> = used_at(id, code) in backup_codes;
        /// Deletes the backup codes.
        fn delete_backup_codes() -> bool = delete(id) in backup_codes;
        /// Returns the invitations that the user created, newest first.
        fn invitations() -> Vec<Invitation> = all_of(id) in invitations;
        /// Returns the first page of the events that the user caused, newest first.
        fn audit_events() -> AuditPage = page(&AuditFilter { user_id: Some(id), ..Default::default() }) in audit;
    }

    forward! {
        with handle;
        /// Finds the TOTP secret.
        fn totp_secret() -> Option<StoredTotpSecret> = find(handle) in totp;
        /// Stores a TOTP secret instead of the previous one.
        fn save_totp_secret(secret: &TotpSecret) -> () = save(handle, secret) in totp;
        /// Deletes the TOTP secret.
        fn delete_totp_secret() -> bool = delete(handle) in totp;
    }
}

impl sealed::Row for User {
    fn id(&self) -> Uuid {
        self.id
    }
}

impl sealed::UserRow for User {
    fn handle(&self) -> Result<Handle, AuthError> {
        Ok(self.handle.clone())
    }
}

impl UserRecord for User {}

impl sealed::Row for users::Model {
    fn id(&self) -> Uuid {
        self.id
    }
}

impl sealed::UserRow for users::Model {
    fn handle(&self) -> Result<Handle, AuthError> {
        Ok(self.handle.parse()?)
    }
}

impl UserRecord for users::Model {}
