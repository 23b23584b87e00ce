#![doc = include_str!("../docs/auth.md")]
//! # Example
//!
#![doc = concat!("```no_run\n", include_str!("../examples/auth.rs"), "\n```")]

mod active_record;
mod attempt;
mod audit;
mod audit_kinds;
mod audit_log;
mod authenticate;
mod backup_code;
mod backup_codes;
mod bootstrap;
mod device;
mod error;
mod hasher;
mod identifier;
mod invitation;
mod invitations;
mod login;
mod password;
mod passwords;
pub(crate) mod retention;
mod role;
mod sealing;
mod sessions;
mod settings;
mod sql;
mod token;
mod totp;
mod totp_secrets;
mod user;
mod users;

pub use self::active_record::{
    FindInvitations, FindSessions, FindUsers, InvitationRecord, SessionRecord, UserRecord,
};
pub use self::audit::{AuditCursor, AuditEvent, AuditFilter, AuditPage, NewAuditEvent};
pub use self::audit_kinds::{AuditEventType, CustomAuditEventType, Severity, Source};
pub use self::audit_log::{AuditLog, AuditLogOptions};
pub use self::authenticate::Authenticated;
pub use self::backup_code::BackupCodes;
pub use self::backup_codes::{BackupCode, BackupCodeSet};
pub use self::bootstrap::{BootstrapReport, BootstrapUser};
pub use self::device::DeviceType;
pub use self::error::AuthError;
pub use self::hasher::HashingMetrics;
pub use self::identifier::Identifier;
pub use self::invitation::{
    CreatedInvitation, Invitation, InvitationMetadata, InvitationState, InvitationToken, InvitationUpdate,
    InvitedUser, NewInvitation,
};
pub use self::login::{Login, LoginRefusal, LoginRequest, SecondFactor};
pub use self::password::{Credential, Password, PasswordHash};
pub use self::role::{CustomRole, Role};
pub use self::sealing::EncryptionKeys;
pub use self::sessions::{GeoLocation, Session, SessionMetadata, SessionUpdate, SessionUser};
pub(crate) use self::settings::AuthConfig;
pub use self::settings::{AuthSettings, Lockout};
pub use self::token::{SessionToken, SigningKeys};
pub use self::totp::{TotpEnrolment, TotpSecret};
pub use self::totp_secrets::StoredTotpSecret;
pub use self::user::{NewUser, Permissions, Profile, ProfileUpdate, User, UserUpdate};

use crate::tenant::{TenantExecutor, TenantTransaction};
pub use crate::vocabulary::{Change, Email, Handle};

/// Authentication of one tenant: every operation, with the application's settings. Cheap to make: two references.
///
/// [`TenantConnection::auth`](crate::TenantConnection::auth) gives it, and so does
/// [`TenantTransaction::auth`], where every operation is part of the transaction.
#[derive(Debug)]
pub struct Auth<'a, C> {
    db: &'a C,
    config: &'a AuthConfig,
}

impl<C> Clone for Auth<'_, C> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<C> Copy for Auth<'_, C> {}

impl<'a, C: TenantExecutor> Auth<'a, C> {
    /// Authentication of a tenant, or within a transaction of the tenant.
    pub fn new(db: &'a C) -> Self {
        Self { db, config: AuthConfig::of(|of| db.extension(of)) }
    }

    /// The same within a transaction.
    const fn on<'t>(self, transaction: &'t TenantTransaction) -> Auth<'t, TenantTransaction>
    where
        'a: 't,
    {
        Auth { db: transaction, config: self.config }
    }
}

crate::tenant::facade::facade! {
    @methods
    /// Authentication of the tenant: every operation, with the application's settings.
    Auth by auth
}
