//! A user to be created.

use sea_orm::Set;
use uuid::Uuid;
use watertight_entity::auth::users;

use crate::auth::users::password::{Credential, PasswordHash};
use crate::auth::users::permissions::Permissions;
use crate::auth::users::profile::Profile;
use crate::auth::users::role::Role;
use crate::vocabulary::{Email, Handle, InvalidInput};

/// A user to be created.
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
    /// An id that makes the creation safe to repeat; see [`Users::create`](crate::auth::Users::create).
    pub id: Option<Uuid>,
    /// The name to log in with.
    pub handle: Handle,
    /// The address to log in with.
    pub email: Email,
    /// A password, which is hashed, or a hash.
    pub credential: Credential,
    /// The role; [`Role::Viewer`] by default.
    pub role: Role,
    /// The profile.
    pub profile: Profile,
    /// True if the user may log in; true by default.
    pub is_active: bool,
    /// True if onboarding is required; true by default.
    pub needs_onboarding: bool,
    /// The first step of onboarding; 0 by default.
    pub onboarding_step: u16,
    /// Permissions beyond the role.
    pub permissions: Option<Permissions>,
}

impl NewUser {
    /// An active user with the role `Viewer` and an empty profile.
    ///
    /// ```
    /// use watertight::auth::{AuthError, NewUser, Password, Role};
    ///
    /// let password = Password::new("correct horse battery staple")?;
    /// let kai = NewUser::new("kai".parse()?, "kai@example.com".parse()?, password);
    /// assert_eq!(kai.role, Role::Viewer);
    /// assert!(kai.is_active && kai.needs_onboarding);
    /// # Ok::<(), AuthError>(())
    /// ```
    pub fn new(handle: Handle, email: Email, credential: impl Into<Credential>) -> Self {
        Self {
            id: None,
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

    pub(in crate::auth) fn check(&self) -> Result<(), InvalidInput> {
        self.profile.check()?;
        Permissions::check(self.permissions.as_ref())
    }

    pub(in crate::auth) fn into_row(self, id: Uuid, hash: &PasswordHash) -> users::ActiveModel {
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
