//! A user.

use chrono::{DateTime, Utc};
use sea_orm::{DbErr, FromQueryResult, QueryResult};
use serde::Serialize;
use uuid::Uuid;

use crate::auth::columns::Columns;
use crate::auth::users::permissions::Permissions;
use crate::auth::users::profile::Profile;
use crate::auth::users::role::Role;
use crate::vocabulary::{ClientAddress, Email, Handle};

/// A user, without the password's hash. Times are the database's.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, FromQueryResult)]
#[non_exhaustive]
#[allow(clippy::struct_excessive_bools, reason = "a row with independent columns")]
pub struct User {
    /// The id, unique within the tenant.
    pub id: Uuid,
    /// The name to log in with.
    pub handle: Handle,
    /// The address to log in with.
    pub email: Email,
    /// The role.
    pub role: Role,
    /// The user's profile.
    #[sea_orm(nested)]
    #[serde(flatten)]
    pub profile: Profile,
    /// True if the user may log in.
    pub is_active: bool,
    /// True if the account was locked when the row was read, by the database's clock.
    pub is_locked: bool,
    /// The reason for the current or the last lock.
    pub lock_reason: Option<String>,
    /// The time of the last lock.
    pub locked_at: Option<DateTime<Utc>>,
    /// The end of the lock; `None` for a lock that does not end by itself.
    pub locked_until: Option<DateTime<Utc>>,
    /// True if the user has yet to complete onboarding.
    pub needs_onboarding: bool,
    /// The step of onboarding that the user is at.
    pub onboarding_step: i32,
    /// True before the user's first login. The application clears it.
    pub first_login: bool,
    /// True if a login requires a second factor.
    pub totp_enabled: bool,
    /// The application's name of a second factor that it stores itself.
    pub totp_secret_id: Option<String>,
    /// Permissions beyond the role.
    pub permissions: Option<Permissions>,
    /// Failed logins since the last success, within the window of the lockout.
    pub login_attempts: i32,
    /// The time of the last failed login.
    pub last_failed_login_at: Option<DateTime<Utc>>,
    /// The time of the last login.
    pub last_login_at: Option<DateTime<Utc>>,
    /// The time of the last change of the password.
    pub password_changed_at: Option<DateTime<Utc>>,
    /// The address of the last login, as it is stored.
    pub ip_address: Option<ClientAddress>,
    /// The user agent of the last login.
    pub user_agent: Option<String>,
    /// The time of creation.
    pub created_at: DateTime<Utc>,
    /// The time of the last change.
    pub updated_at: DateTime<Utc>,
}

impl User {
    /// Reads the columns of [`USER_COLUMNS`](crate::auth::users::columns::USER_COLUMNS).
    pub(in crate::auth) fn read(columns: &mut Columns<'_>) -> Result<Self, DbErr> {
        let (id, handle, email, display_name) =
            (columns.take()?, columns.take()?, columns.take()?, columns.take()?);
        Ok(Self {
            id,
            handle,
            email,
            role: columns.take()?,
            is_active: columns.take()?,
            is_locked: columns.take()?,
            lock_reason: columns.take()?,
            locked_at: columns.take()?,
            locked_until: columns.take()?,
            needs_onboarding: columns.take()?,
            onboarding_step: columns.take()?,
            first_login: columns.take()?,
            totp_enabled: columns.take()?,
            totp_secret_id: columns.take()?,
            permissions: columns.take()?,
            profile: Profile {
                display_name,
                bio: columns.take()?,
                avatar_url: columns.take()?,
                pronouns: columns.take()?,
                timezone: columns.take()?,
                locale: columns.take()?,
                theme: columns.take()?,
                email_notifications: columns.take()?,
            },
            login_attempts: columns.take()?,
            last_failed_login_at: columns.take()?,
            last_login_at: columns.take()?,
            password_changed_at: columns.take()?,
            ip_address: columns.take()?,
            user_agent: columns.take()?,
            created_at: columns.take()?,
            updated_at: columns.take()?,
        })
    }

    /// Returns true if sessions from before a change may outlive it. They end when the role, the permissions
    /// or `is_active` changed, and when a second factor is required from now on.
    pub(in crate::auth) fn keeps_sessions_of(&self, before: &Self) -> bool {
        self.role == before.role
            && self.permissions == before.permissions
            && self.is_active == before.is_active
            && (before.totp_enabled || !self.totp_enabled)
    }

    /// Reads a row of [`USER_COLUMNS`](crate::auth::users::columns::USER_COLUMNS) and nothing else.
    pub(in crate::auth) fn of(row: &QueryResult) -> Result<Self, DbErr> {
        Self::read(&mut Columns::of(row))
    }
}
