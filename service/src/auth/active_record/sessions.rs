//! Operations of sessions as methods of their entity and rows.

use uuid::Uuid;
use watertight_entity::auth::sessions;

use super::{forward, sealed};
use crate::auth::error::AuthError;
use crate::auth::handle::Auth;
use crate::auth::login::authenticate::Authenticated;
use crate::auth::second_factor::backup_code::BackupCodes;
use crate::auth::second_factor::enrollment::TotpEnrollment;
use crate::auth::second_factor::totp_secret::TotpSecret;
use crate::auth::sessions::session::Session;
use crate::auth::sessions::token::SessionToken;
use crate::auth::sessions::update::SessionUpdate;
use crate::tenant::TenantExecutor;

/// Operations on all sessions of a tenant, as functions of `sessions::Entity`.
///
/// ```no_run
/// use watertight::auth::{SessionEntity, SessionRecord};
/// use watertight::entity::auth::sessions;
///
/// # async fn example(tenant: watertight::TenantConnection, id: uuid::Uuid) -> Result<(), watertight::Error> {
/// if let Some(session) = sessions::Entity::find_one(&tenant, id).await? {
///     session.end(&tenant).await?;
/// }
/// # Ok(())
/// # }
/// ```
pub trait SessionEntity: sealed::Entity {
    forward! {
        /// Finds a live session by id.
        fn find_one(id: Uuid) -> Option<Session> = find(id) in sessions;
        /// Returns every live session, newest first.
        fn find_all() -> Vec<Session> = all() in sessions;
        /// Deletes the sessions that have ended.
        fn delete_expired() -> u64 = delete_expired() in sessions;
        /// Authenticates a user by a session token.
        fn authenticate(token: &str) -> Option<Authenticated> = authenticate(token);
        /// Ends the session of a token.
        fn logout(token: &str) -> bool = logout(token);
    }
}

impl sealed::Entity for sessions::Entity {}
impl SessionEntity for sessions::Entity {}

/// Operations on one session, as methods of [`Session`] and of the row `sessions::Model`.
pub trait SessionRecord: sealed::Row {
    forward! {
        of id;
        /// Changes the session.
        fn apply(update: SessionUpdate) -> Session = update(id, update) in sessions;
        /// Extends the session if it is due.
        fn renew() -> Option<Session> = renew(id) in sessions;
        /// Ends the session.
        fn end() -> bool = end(id) in sessions;
        /// Returns the token of the session.
        fn issue_token() -> SessionToken = issue_token(id) in sessions;
        /// Begins to enroll a second factor in the session.
        fn enroll_totp() -> TotpEnrollment = enroll(id) in totp;
        /// Completes the enrollment in the session.
        fn confirm_totp(code: &str) -> BackupCodes = confirm(id, code) in totp;
        /// Completes the enrollment in the session with backup codes of the application.
        fn confirm_totp_with(code: &str, codes: &BackupCodes) -> () = confirm_with(id, code, codes) in totp;
        /// Finds the secret of the pending enrollment.
        fn pending_totp_secret() -> Option<TotpSecret> = find_pending(id) in totp;
    }
}

impl sealed::Row for Session {
    fn id(&self) -> Uuid {
        self.id
    }
}

impl SessionRecord for Session {}

impl sealed::Row for sessions::Model {
    fn id(&self) -> Uuid {
        self.id
    }
}

impl SessionRecord for sessions::Model {}
