//! Changes to a user.

use sea_orm::Value;
use watertight_entity::auth::users;

use crate::auth::users::permissions::Permissions;
use crate::auth::users::profile::{Profile, ProfileUpdate};
use crate::auth::users::role::Role;
use crate::vocabulary::{Change, Email, Handle, InvalidInput};

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
