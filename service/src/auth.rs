#![doc = include_str!("../docs/links.md")]
#![doc = include_str!("../docs/links/auth.md")]
#![doc = include_str!("../docs/auth.md")]
#![doc = concat!("```no_run\n", include_str!("../examples/auth.rs"), "\n```")]

mod active_record;
mod addresses;
mod audit;
mod columns;
mod error;
mod handle;
mod invitations;
mod login;
mod refusal;
pub(crate) mod retention;
mod second_factor;
mod sessions;
mod settings;
mod users;

pub use self::active_record::{
    AuditEventEntity, InvitationEntity, InvitationRecord, SessionEntity, SessionRecord, UserEntity,
    UserRecord,
};
pub use self::addresses::key::AddressKey;
pub use self::addresses::storage::AddressStorage;
pub use self::audit::cursor::AuditCursor;
pub use self::audit::event::AuditEvent;
pub use self::audit::event_type::{AuditEventType, CustomAuditEventType};
pub use self::audit::failures::LoginOrigin;
pub use self::audit::filter::AuditFilter;
pub use self::audit::kinds::{Severity, Source};
pub use self::audit::log::options::AuditLogOptions;
pub use self::audit::log::refused::RefusedAuditEvent;
pub use self::audit::log::{AuditLog, AuditLogMetrics};
pub use self::audit::new_event::NewAuditEvent;
pub use self::audit::page::AuditPage;
pub use self::audit::sink::{AuditSink, SunkEvent};
pub use self::error::AuthError;
pub use self::handle::{AuditTrail, Auth, Invitations, Sessions, StoredBackupCodes, Totp, Users};
pub use self::invitations::invitation::{CreatedInvitation, Invitation};
pub use self::invitations::invited_user::InvitedUser;
pub use self::invitations::metadata::InvitationMetadata;
pub use self::invitations::new_invitation::NewInvitation;
pub use self::invitations::state::InvitationState;
pub use self::invitations::token::InvitationToken;
pub use self::invitations::update::InvitationUpdate;
pub use self::login::authenticate::Authenticated;
pub use self::login::device::DeviceToken;
pub use self::login::request::{LoginRequest, SecondFactor};
pub use self::login::result::Login;
pub use self::refusal::LoginRefusal;
pub use self::second_factor::backup_code::BackupCodes;
pub use self::second_factor::backup_code_set::{BackupCode, BackupCodeSet};
pub use self::second_factor::enrollment::TotpEnrollment;
pub use self::second_factor::sealing::EncryptionKeys;
pub use self::second_factor::sealing::sealed::SealVersion;
pub use self::second_factor::stored_secret::StoredTotpSecret;
pub use self::second_factor::totp_secret::TotpSecret;
pub use self::sessions::device::DeviceType;
pub use self::sessions::metadata::{GeoLocation, SessionMetadata};
pub use self::sessions::session::{Session, SessionUser};
pub use self::sessions::token::{SessionToken, SigningKeys};
pub use self::sessions::update::SessionUpdate;
pub use self::settings::AuthSettings;
pub(crate) use self::settings::config::AuthConfig;
pub use self::settings::lockout::Lockout;
pub use self::users::bootstrap::user::{
    BootstrapDifference, BootstrapFields, BootstrapReport, BootstrapUser,
};
pub use self::users::hasher::HashingMetrics;
pub use self::users::identifier::Identifier;
pub use self::users::new_user::NewUser;
pub use self::users::password::{Credential, Password, PasswordHash};
pub use self::users::password_policy::{PasswordPolicy, WeakPassword};
pub use self::users::permissions::Permissions;
pub use self::users::profile::{Profile, ProfileUpdate};
pub use self::users::role::{CustomRole, Role};
pub use self::users::role_permissions::{Permission, RolePermissions};
pub use self::users::update::UserUpdate;
pub use self::users::user::User;
pub use crate::vocabulary::{AddressKind, Change, ClientAddress, Email, Handle};
