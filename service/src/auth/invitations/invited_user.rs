//! A person who accepts an invitation.

use crate::auth::users::password::Credential;
use crate::auth::users::profile::Profile;
use crate::vocabulary::Handle;

/// A person who accepts an invitation. Email address and role come from the invitation.
#[derive(Debug, Clone)]
pub struct InvitedUser {
    /// The name to log in with.
    pub handle: Handle,
    /// A password.
    pub credential: Credential,
    /// The profile.
    pub profile: Profile,
}

impl InvitedUser {
    /// A user with an empty profile.
    ///
    /// ```
    /// use watertight::auth::{AuthError, InvitedUser, Password, Profile};
    ///
    /// let kai = InvitedUser {
    ///     profile: Profile { display_name: Some("Kai Berg".into()), ..Profile::default() },
    ///     ..InvitedUser::new("kai".parse()?, Password::new("correct horse battery staple")?)
    /// };
    /// assert_eq!(kai.handle.as_str(), "kai");
    /// # Ok::<(), AuthError>(())
    /// ```
    pub fn new(handle: Handle, credential: impl Into<Credential>) -> Self {
        Self { handle, credential: credential.into(), profile: Profile::default() }
    }
}
