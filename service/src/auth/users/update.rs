//! Changes to a user.

use chrono::{DateTime, Utc};
use sea_orm::Value;
use watertight_entity::auth::users;

use crate::auth::users::permissions::Permissions;
use crate::auth::users::profile::{Profile, ProfileUpdate};
use crate::auth::users::role::Role;
use crate::vocabulary::{Change, ClientAddress, Email, Handle, InvalidInput, calendar, limits, text};

/// Changes to a user. `Change::Set(None)` clears an optional column.
///
/// ```
/// use watertight::auth::{Change, ProfileUpdate, Role, UserUpdate};
///
/// let promotion = UserUpdate {
///     role: Role::Editor.into(),
///     profile: ProfileUpdate { bio: Change::Set(None), ..Default::default() },
///     ..Default::default()
/// };
/// ```
///
/// The fields from `login_attempts` on are for logins that another program has recorded. This crate's logins set them, and so do
/// [`Users::record_login`](crate::auth::Users::record_login) and
/// [`Users::record_failed_login`](crate::auth::Users::record_failed_login).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[allow(missing_docs, reason = "as in `User`")]
pub struct UserUpdate {
    pub handle: Change<Handle>,
    pub email: Change<Email>,
    pub role: Change<Role>,
    pub profile: ProfileUpdate,
    pub is_active: Change<bool>,
    pub needs_onboarding: Change<bool>,
    pub onboarding_step: Change<u16>,
    pub first_login: Change<bool>,
    pub totp_enabled: Change<bool>,
    pub permissions: Change<Option<Permissions>>,
    /// The application's name of a second factor that it stores itself; at most 128 characters.
    pub totp_secret_id: Change<Option<String>>,
    /// At most 2147483647.
    pub login_attempts: Change<u32>,
    pub last_failed_login_at: Change<Option<DateTime<Utc>>>,
    pub last_login_at: Change<Option<DateTime<Utc>>>,
    pub password_changed_at: Change<Option<DateTime<Utc>>>,
    pub ip_address: Change<Option<ClientAddress>>,
    pub user_agent: Change<Option<String>>,
}

impl UserUpdate {
    pub(in crate::auth) fn check(&self) -> Result<(), InvalidInput> {
        let given = |change: &Change<Option<String>>| change.as_option().cloned().flatten();
        let profile = &self.profile;
        Profile {
            display_name: given(&profile.display_name),
            bio: given(&profile.bio),
            avatar_url: given(&profile.avatar_url),
            pronouns: given(&profile.pronouns),
            timezone: given(&profile.timezone),
            locale: given(&profile.locale),
            theme: given(&profile.theme),
            email_notifications: true,
        }
        .check()?;
        text::check_optional("TOTP secret id", given(&self.totp_secret_id).as_ref(), 128)?;
        text::check_optional("user agent", given(&self.user_agent).as_ref(), limits::TEXT_CHARS)?;
        for (what, time) in [
            ("time of the last failed login", self.last_failed_login_at),
            ("time of the last login", self.last_login_at),
            ("time of the password", self.password_changed_at),
        ] {
            time.into_option().flatten().map_or(Ok(()), |time| calendar::check_time(what, time))?;
        }
        if let Change::Set(attempts) = self.login_attempts
            && i32::try_from(attempts).is_err()
        {
            let reason = "is more than 2147483647; pass the number of failures since the last login";
            return Err(InvalidInput::new("login attempts", attempts.to_string(), reason));
        }
        Permissions::check(self.permissions.as_option().and_then(Option::as_ref))
    }

    /// Returns true if the update concerns the role, the permissions, `is_active` or the second factor.
    pub(in crate::auth) const fn touches_standing(&self) -> bool {
        self.role.as_option().is_some()
            || self.permissions.as_option().is_some()
            || self.is_active.as_option().is_some()
            || self.totp_enabled.as_option().is_some()
    }

    /// The columns to set, and their values.
    pub(in crate::auth) fn into_values(self) -> Vec<(users::Column, Value)> {
        use users::Column;
        fn given<T: Into<Value>>(column: Column, change: Change<T>) -> Option<(Column, Value)> {
            change.into_option().map(|value| (column, value.into()))
        }
        let step = self.onboarding_step.into_option().map(i32::from);
        let attempts =
            self.login_attempts.into_option().map(|attempts| i32::try_from(attempts).unwrap_or(i32::MAX));
        [
            given(Column::Handle, self.handle),
            given(Column::Email, self.email),
            given(Column::Role, self.role),
            given(Column::DisplayName, self.profile.display_name),
            given(Column::Bio, self.profile.bio),
            given(Column::AvatarUrl, self.profile.avatar_url),
            given(Column::Pronouns, self.profile.pronouns),
            given(Column::Timezone, self.profile.timezone),
            given(Column::Locale, self.profile.locale),
            given(Column::Theme, self.profile.theme),
            given(Column::EmailNotifications, self.profile.email_notifications),
            given(Column::IsActive, self.is_active),
            given(Column::NeedsOnboarding, self.needs_onboarding),
            step.map(|step| (Column::OnboardingStep, step.into())),
            given(Column::FirstLogin, self.first_login),
            given(Column::TotpEnabled, self.totp_enabled),
            given(Column::Permissions, self.permissions),
            given(Column::TotpSecretId, self.totp_secret_id),
            attempts.map(|attempts| (Column::LoginAttempts, attempts.into())),
            given(Column::LastFailedLoginAt, self.last_failed_login_at),
            given(Column::LastLoginAt, self.last_login_at),
            given(Column::PasswordChangedAt, self.password_changed_at),
            given(Column::IpAddress, self.ip_address),
            given(Column::UserAgent, self.user_agent),
        ]
        .into_iter()
        .flatten()
        .collect()
    }
}
