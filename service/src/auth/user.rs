//! What a user is, and what is said of one to be created or changed.

use chrono::{DateTime, Utc};
use sea_orm::{DbErr, FromJsonQueryResult, FromQueryResult, QueryResult, Set, Value};
use serde::{Deserialize, Serialize};
use uuid::Uuid;
use watertight_entity::auth::users;

use super::password::{Credential, PasswordHash};
use super::role::Role;
use super::sql::Columns;
use crate::vocabulary::InvalidInput;
use crate::vocabulary::text;
use crate::vocabulary::{Change, Email, Handle};

/// A user, without the password's hash. Times are the database's.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, FromQueryResult)]
#[allow(clippy::struct_excessive_bools, reason = "a row, whose columns are independent")]
pub struct User {
    /// The identity, unique within the tenant.
    pub id: Uuid,
    /// The name to log in with.
    pub handle: Handle,
    /// The address to log in with.
    pub email: Email,
    /// What the user may do.
    pub role: Role,
    /// What the user tells about themselves.
    #[sea_orm(nested)]
    #[serde(flatten)]
    pub profile: Profile,
    /// Whether the user may log in at all.
    pub is_active: bool,
    /// Whether the account is locked, by the database's clock when it was read.
    pub is_locked: bool,
    /// Why it is, or was last, locked.
    pub lock_reason: Option<String>,
    /// When it was last locked.
    pub locked_at: Option<DateTime<Utc>>,
    /// When the lock lapses; `None` when it does not by itself.
    pub locked_until: Option<DateTime<Utc>>,
    /// Whether onboarding is still to be done.
    pub needs_onboarding: bool,
    /// The step of onboarding that the user is at.
    pub onboarding_step: i32,
    /// Whether the user has yet to log in for the first time; the application clears it when it has welcomed them.
    pub first_login: bool,
    /// Whether a second factor is asked for.
    pub totp_enabled: bool,
    /// What the user may do beyond their role.
    pub permissions: Option<Permissions>,
    /// Failures to log in since the last success, as far as they followed one another within the window.
    pub login_attempts: i32,
    /// When the last of them was.
    pub last_failed_login_at: Option<DateTime<Utc>>,
    /// When the user last logged in.
    pub last_login_at: Option<DateTime<Utc>>,
    /// When the password was last changed.
    pub password_changed_at: Option<DateTime<Utc>>,
    /// Where the user last logged in from.
    pub ip_address: Option<String>,
    /// What the user last logged in with.
    pub user_agent: Option<String>,
    /// When the user was created.
    pub created_at: DateTime<Utc>,
    /// When the user was last changed.
    pub updated_at: DateTime<Utc>,
}

impl User {
    /// Reads the columns of [`USER_COLUMNS`](super::sql::USER_COLUMNS).
    pub(super) fn read(columns: &mut Columns<'_>) -> Result<Self, DbErr> {
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

    /// Whether sessions from before a change may outlive it: not when the user may do something else since, is no longer
    /// or again active, or has to give a second factor.
    pub(super) fn keeps_sessions_of(&self, before: &Self) -> bool {
        self.role == before.role
            && self.permissions == before.permissions
            && self.is_active == before.is_active
            && (before.totp_enabled || !self.totp_enabled)
    }

    /// Reads a row of [`USER_COLUMNS`](super::sql::USER_COLUMNS) and nothing else.
    pub(super) fn of(row: &QueryResult) -> Result<Self, DbErr> {
        Self::read(&mut Columns::of(row))
    }
}

/// What a user tells about themselves.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, FromQueryResult)]
pub struct Profile {
    /// The name to show; at most 128 characters.
    pub display_name: Option<String>,
    /// A few words about the user.
    pub bio: Option<String>,
    /// Where the user's picture is.
    pub avatar_url: Option<String>,
    /// At most 32 characters.
    pub pronouns: Option<String>,
    /// The name of an IANA time zone; at most 64 characters.
    pub timezone: Option<String>,
    /// A language tag (BCP 47); at most 16 characters.
    pub locale: Option<String>,
    /// At most 8 characters.
    pub theme: Option<String>,
    /// Whether the user wants mail; yes by default.
    pub email_notifications: bool,
}

impl Default for Profile {
    fn default() -> Self {
        Self {
            display_name: None,
            bio: None,
            avatar_url: None,
            pronouns: None,
            timezone: None,
            locale: None,
            theme: None,
            email_notifications: true,
        }
    }
}

impl Profile {
    fn check(&self) -> Result<(), InvalidInput> {
        text::check_optional("display name", self.display_name.as_ref(), 128)?;
        text::check_optional("bio", self.bio.as_ref(), usize::MAX)?;
        text::check_optional("avatar URL", self.avatar_url.as_ref(), usize::MAX)?;
        text::check_optional("pronouns", self.pronouns.as_ref(), 32)?;
        text::check_optional("time zone", self.timezone.as_ref(), 64)?;
        text::check_optional("locale", self.locale.as_ref(), 16)?;
        text::check_optional("theme", self.theme.as_ref(), 8)
    }
}

/// What a user may do beyond their role, by names of the application's own.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, FromJsonQueryResult)]
#[serde(transparent)]
pub struct Permissions(pub Vec<String>);

impl Permissions {
    fn check(permissions: Option<&Self>) -> Result<(), InvalidInput> {
        permissions.map_or(Ok(()), |Self(names)| {
            names.iter().try_for_each(|name| text::check("permission", name, usize::MAX))
        })
    }
}

/// A user to be created. Everything given is stored.
///
/// ```
/// use watertight::auth::{NewUser, Password, Profile, Role};
///
/// let jess = NewUser {
///     role: Role::BusinessOwner,
///     profile: Profile { display_name: Some("Jess Sullivan".into()), ..Default::default() },
///     ..NewUser::new("jess".parse()?, "jess@example.com".parse()?, Password::new("123456")?)
/// };
/// # Ok::<(), watertight::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct NewUser {
    /// The name to log in with.
    pub handle: Handle,
    /// The address to log in with.
    pub email: Email,
    /// A password, which is hashed, or a hash.
    pub credential: Credential,
    /// What the user may do; [`Role::Viewer`] unless told otherwise.
    pub role: Role,
    /// What is told about the user.
    pub profile: Profile,
    /// Whether the user may log in; yes unless told otherwise.
    pub is_active: bool,
    /// Whether onboarding is to be done; yes unless told otherwise.
    pub needs_onboarding: bool,
    /// The step of onboarding to begin with; 0 unless told otherwise.
    pub onboarding_step: u16,
    /// What the user may do beyond the role.
    pub permissions: Option<Permissions>,
}

impl NewUser {
    /// A viewer who may log in.
    pub fn new(handle: Handle, email: Email, credential: impl Into<Credential>) -> Self {
        Self {
            handle,
            email,
            credential: credential.into(),
            role: Role::default(),
            profile: Profile::default(),
            is_active: true,
            needs_onboarding: true,
            onboarding_step: 0,
            permissions: None,
        }
    }

    pub(super) fn check(&self) -> Result<(), InvalidInput> {
        self.profile.check()?;
        Permissions::check(self.permissions.as_ref())
    }

    pub(super) fn into_row(self, id: Uuid, hash: &PasswordHash) -> users::ActiveModel {
        users::ActiveModel {
            id: Set(id),
            handle: Set(self.handle.to_string()),
            email: Set(self.email.to_string()),
            password_hash: Set(hash.expose_secret().to_owned()),
            role: Set(self.role.to_string()),
            display_name: Set(self.profile.display_name),
            bio: Set(self.profile.bio),
            avatar_url: Set(self.profile.avatar_url),
            pronouns: Set(self.profile.pronouns),
            timezone: Set(self.profile.timezone),
            locale: Set(self.profile.locale),
            theme: Set(self.profile.theme),
            email_notifications: Set(self.profile.email_notifications),
            is_active: Set(self.is_active),
            needs_onboarding: Set(self.needs_onboarding),
            onboarding_step: Set(self.onboarding_step.into()),
            permissions: Set(self.permissions.map(|Permissions(names)| names.into())),
            ..Default::default()
        }
    }
}

/// What to change of a user. What may be absent is cleared with `Change::Set(None)`.
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
}

/// What to change of a user's profile.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[allow(missing_docs, reason = "as in `Profile`")]
pub struct ProfileUpdate {
    pub display_name: Change<Option<String>>,
    pub bio: Change<Option<String>>,
    pub avatar_url: Change<Option<String>>,
    pub pronouns: Change<Option<String>>,
    pub timezone: Change<Option<String>>,
    pub locale: Change<Option<String>>,
    pub theme: Change<Option<String>>,
    pub email_notifications: Change<bool>,
}

impl From<Profile> for ProfileUpdate {
    fn from(profile: Profile) -> Self {
        Self {
            display_name: profile.display_name.into(),
            bio: profile.bio.into(),
            avatar_url: profile.avatar_url.into(),
            pronouns: profile.pronouns.into(),
            timezone: profile.timezone.into(),
            locale: profile.locale.into(),
            theme: profile.theme.into(),
            email_notifications: profile.email_notifications.into(),
        }
    }
}

impl UserUpdate {
    pub(super) fn check(&self) -> Result<(), InvalidInput> {
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
        Permissions::check(self.permissions.as_option().and_then(Option::as_ref))
    }

    /// Whether it touches what the user may do or how the user logs in.
    pub(super) const fn touches_standing(&self) -> bool {
        self.role.as_option().is_some()
            || self.permissions.as_option().is_some()
            || self.is_active.as_option().is_some()
            || self.totp_enabled.as_option().is_some()
    }

    /// The columns to set, and their values.
    pub(super) fn into_values(self) -> Vec<(users::Column, Value)> {
        use users::Column;
        fn given<T: Into<Value>>(column: Column, change: Change<T>) -> Option<(Column, Value)> {
            change.into_option().map(|value| (column, value.into()))
        }
        let step = self.onboarding_step.into_option().map(i32::from);
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
        ]
        .into_iter()
        .flatten()
        .collect()
    }
}
