//! Errors of authentication.

use sea_orm::DbErr;
use uuid::Uuid;

use crate::auth::audit::new_event::NewAuditEvent;
use crate::auth::invitations::state::InvitationState;
use crate::auth::refusal::LoginRefusal;
use crate::tenant::TenantId;
use crate::vocabulary::{InvalidInput, MalformedRow, NoRandomness};

/// An operation of authentication was refused, or failed.
///
/// An application handles the errors that it can act on, and passes the others on:
///
/// ```
/// use watertight::Tenant;
/// use watertight::auth::{AuthError, NewUser};
///
/// async fn sign_up(tenant: &impl Tenant, new: NewUser) -> Result<String, AuthError> {
///     match tenant.auth().users().create(new).await {
///         Ok(user) => Ok(format!("Welcome, {}.", user.handle)),
///         Err(AuthError::HandleTaken { handle }) => Ok(format!("{handle} is taken. Choose another name.")),
///         Err(AuthError::EmailTaken { .. }) => Ok("This address has an account. Log in.".to_owned()),
///         Err(other) => Err(other),
///     }
/// }
///
/// let error = AuthError::HandleTaken { handle: "jess".to_owned() };
/// assert!(error.is_conflict());
/// assert_eq!(error.to_string(), "the handle jess is taken; choose another handle");
/// ```
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AuthError {
    /// Another user of the tenant has the handle.
    #[error("the handle {handle} is taken; choose another handle")]
    HandleTaken {
        /// The handle.
        handle: String,
    },
    /// Another user of the tenant has the email address.
    #[error("the email {email} is taken; log in with it, or use another email")]
    EmailTaken {
        /// The address.
        email: String,
    },
    /// The id that the caller chose belongs to another user or invitation.
    #[error("the id {id} belongs to another {what}; generate a new id for each {what}")]
    IdTaken {
        /// The kind of row.
        what: &'static str,
        /// The id.
        id: Uuid,
    },
    /// The tenant has no such user.
    #[error("user {user} does not exist; the user may have been deleted or renamed")]
    UserNotFound {
        /// The id or handle.
        user: String,
    },
    /// The tenant has no such session, or it has ended.
    #[error("session {id} does not exist or has ended; log in again")]
    SessionNotFound {
        /// The id.
        id: Uuid,
    },
    /// The tenant has no such invitation.
    #[error("the invitation does not exist; request a new invitation")]
    InvitationNotFound,
    /// The invitation cannot be accepted any more.
    #[error("the invitation is {state}; request a new invitation")]
    InvitationClosed {
        /// The state.
        state: InvitationState,
    },
    /// A login was refused, or the password of an operation that requires it again.
    #[error(transparent)]
    LoginRefused(#[from] LoginRefusal),
    /// No second factor is being enrolled in the session, or its time is over.
    #[error(
        "no enrollment of a second factor is pending in this session; start one with \
         `auth().totp().enroll(..)`"
    )]
    NotEnrolled,
    /// The code does not confirm the second factor.
    #[error("the code is wrong or was used before; enter the code that the app shows now")]
    WrongTotpCode,
    /// A sealed secret cannot be opened.
    #[error(
        "the sealed secret {reason}; check `AuthSettings::encryption_keys`, or have the user enroll again"
    )]
    Undecryptable {
        /// The reason.
        reason: &'static str,
    },
    /// A secret is invalid for its purpose. The message does not contain the secret.
    #[error("the {what} {reason}")]
    InvalidSecret {
        /// The kind of secret.
        what: &'static str,
        /// The reason and the remedy.
        reason: &'static str,
    },
    /// A setting that the operation needs is missing.
    #[error(
        "{what} are not set; set them with `AuthSettings::{what}`, and pass the settings to `Builder::auth`"
    )]
    NotConfigured {
        /// The setting's name.
        what: &'static str,
    },
    /// A user given to `bootstrap_users` cannot be made; nothing was written.
    #[error("user {position} ({handle:?}) cannot be bootstrapped: {source}")]
    Bootstrap {
        /// The position, counted from 1.
        position: usize,
        /// The handle, as given.
        handle: String,
        /// The reason.
        source: Box<AuthError>,
    },
    /// The audit log is closed and takes no more events.
    #[error("the audit log is closed; log the event with `auth().audit().log(..)`")]
    AuditLogClosed,
    /// The queue of the audit log, or the share of a tenant in it, is full.
    #[error(
        "the queue of the audit log is full for tenant {tenant}; wait with `AuditLog::log`, or try again later"
    )]
    AuditLogFull {
        /// The tenant.
        tenant: TenantId,
    },
    /// Events could not be written before the audit log was closed.
    #[error(
        "{} audit events could not be written: {source}; write them with `auth().audit().log_all(..)` when \
         the database is available again",
        events.len()
    )]
    AuditEventsUnwritten {
        /// The events, with the tenants they belong to. They have their ids and times: writing them again stores each once.
        events: Vec<(TenantId, NewAuditEvent)>,
        /// The error of the last attempt.
        source: Box<AuthError>,
    },
    /// Background work was not completed, because the runtime is shutting down.
    #[error("a background task was not completed, because the runtime is shutting down")]
    RuntimeStopped,
    /// A value is invalid.
    #[error(transparent)]
    InvalidInput(#[from] InvalidInput),
    /// A value in the database cannot be read as the type of its column.
    #[error(transparent)]
    MalformedRow(#[from] MalformedRow),
    /// The operating system gave no random bytes.
    #[error(transparent)]
    NoRandomness(#[from] NoRandomness),
    /// The database reported an error.
    #[error(transparent)]
    Database(#[from] DbErr),
}

impl AuthError {
    /// The error of the database, if it is the cause.
    ///
    /// ```
    /// use sea_orm::DbErr;
    /// use watertight::auth::AuthError;
    /// use watertight::{Reason, Refusal, StatementKind};
    ///
    /// let refusal = Refusal::new(StatementKind::Transaction, Reason::Nesting);
    /// let error = AuthError::from(DbErr::from(refusal.clone()));
    /// assert_eq!(error.database().and_then(Refusal::of), Some(&refusal));
    /// assert!(AuthError::InvitationNotFound.database().is_none());
    /// ```
    #[must_use]
    pub fn database(&self) -> Option<&DbErr> {
        match self {
            Self::Database(error) => Some(error),
            Self::Bootstrap { source, .. } | Self::AuditEventsUnwritten { source, .. } => source.database(),
            _ => None,
        }
    }

    /// Returns true if a user, session or invitation does not exist.
    #[must_use]
    pub const fn is_not_found(&self) -> bool {
        matches!(self, Self::UserNotFound { .. } | Self::SessionNotFound { .. } | Self::InvitationNotFound)
    }

    /// Returns true if the state of the tenant forbids the operation.
    ///
    /// A handle, an email address or an id is taken, or an invitation is closed.
    #[must_use]
    pub const fn is_conflict(&self) -> bool {
        matches!(
            self,
            Self::HandleTaken { .. }
                | Self::EmailTaken { .. }
                | Self::IdTaken { .. }
                | Self::InvitationClosed { .. }
        )
    }

    /// Returns true if a given value or secret is invalid.
    #[must_use]
    pub const fn is_invalid_input(&self) -> bool {
        matches!(self, Self::InvalidInput(_) | Self::InvalidSecret { .. })
    }
}
