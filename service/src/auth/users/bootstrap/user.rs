//! Users of a bootstrap, and its report.

use crate::auth::users::password::Credential;
use crate::auth::users::permissions::Permissions;
use crate::auth::users::user::User;

/// A user that a deployment begins with, as read from a file or the environment. Fields that are `None` leave an existing
/// user unchanged.
///
/// ```
/// use watertight::auth::{BootstrapUser, Password};
///
/// let jess = BootstrapUser {
///     handle: "jess".into(),
///     email: "jess@example.com".into(),
///     role: "admin".into(),
///     credential: Some(Password::new("123456")?.into()),
///     display_name: Some("Jess Sullivan".into()),
///     ..Default::default()
/// };
/// # Ok::<(), watertight::Error>(())
/// ```
#[derive(Debug, Clone, Default)]
pub struct BootstrapUser {
    /// The handle, which identifies an existing user.
    pub handle: String,
    /// The email address.
    pub email: String,
    /// The user's role.
    pub role: String,
    /// A password or PIN, or a hash.
    pub credential: Option<Credential>,
    /// The name to show.
    pub display_name: Option<String>,
    /// Permissions beyond the role.
    pub permissions: Option<Permissions>,
    /// True if the user may log in; a new user may by default.
    pub is_active: Option<bool>,
    /// True if the user has yet to complete onboarding; a new user need not by default.
    pub needs_onboarding: Option<bool>,
    /// The step of onboarding; a new user begins at 0 by default.
    pub onboarding_step: Option<u16>,
}

/// The fields of existing users that a bootstrap changes to the given values.
///
/// `true` stands for all fields and `false` for none:
///
/// ```
/// use watertight::auth::BootstrapFields;
///
/// let roles = BootstrapFields { role: true, permissions: true, ..BootstrapFields::NONE };
/// assert_eq!(BootstrapFields::from(false), BootstrapFields::NONE);
/// assert_eq!(BootstrapFields::from(true), BootstrapFields::ALL);
/// assert!(!roles.password);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[expect(clippy::struct_excessive_bools, reason = "each is a field")]
#[expect(clippy::exhaustive_structs, reason = "written as a literal with `..NONE`")]
pub struct BootstrapFields {
    /// The password.
    pub password: bool,
    /// The email address.
    pub email: bool,
    /// The role.
    pub role: bool,
    /// The name to show.
    pub display_name: bool,
    /// The permissions beyond the role.
    pub permissions: bool,
    /// Whether the user may log in.
    pub is_active: bool,
    /// Whether onboarding is required.
    pub needs_onboarding: bool,
    /// The step of onboarding.
    pub onboarding_step: bool,
}

impl BootstrapFields {
    /// No field: existing users are left unchanged.
    pub const NONE: Self = Self::each(false);
    /// Every field.
    pub const ALL: Self = Self::each(true);

    const fn each(chosen: bool) -> Self {
        Self {
            password: chosen,
            email: chosen,
            role: chosen,
            display_name: chosen,
            permissions: chosen,
            is_active: chosen,
            needs_onboarding: chosen,
            onboarding_step: chosen,
        }
    }
}

impl From<bool> for BootstrapFields {
    fn from(update_existing: bool) -> Self {
        Self::each(update_existing)
    }
}

/// The users of a bootstrap, each in its current state.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct BootstrapReport {
    /// Users that did not exist.
    pub created: Vec<User>,
    /// Users that existed and differed.
    pub updated: Vec<User>,
    /// Users that existed as given, or were not to be updated.
    pub unchanged: Vec<User>,
    /// Existing users that differ from the given ones in fields that were not to be updated.
    pub differing: Vec<BootstrapDifference>,
}

/// The fields in which an existing user differs from the given one, and was left unchanged.
///
/// Passwords are compared only to be updated.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct BootstrapDifference {
    /// The handle of the user.
    pub handle: String,
    /// The names of the fields, as in [`BootstrapFields`].
    pub fields: Vec<&'static str>,
}
