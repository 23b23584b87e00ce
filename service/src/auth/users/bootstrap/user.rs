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
    /// True if the user has yet to complete onboarding.
    pub needs_onboarding: Option<bool>,
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
}
