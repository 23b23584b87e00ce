//! The request and the result of a login.

use secrecy::SecretString;
use uuid::Uuid;

use crate::auth::sessions::metadata::SessionMetadata;
use crate::auth::users::identifier::Identifier;
use crate::auth::users::password::Password;

/// The second factor of a login.
#[derive(Debug, Clone)]
pub enum SecondFactor {
    /// A code of the authenticator app.
    Totp(SecretString),
    /// A backup code.
    BackupCode(SecretString),
}

/// The credentials of a login attempt.
///
/// ```
/// use watertight::auth::{LoginRequest, Password, SecondFactor};
///
/// let request = LoginRequest {
///     second_factor: Some(SecondFactor::Totp("123456".into())),
///     ..LoginRequest::new("jess@example.com".parse()?, Password::new("correct horse")?)
/// };
/// # Ok::<(), watertight::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct LoginRequest {
    /// A handle or an email address.
    pub identifier: Identifier,
    /// The password.
    pub password: Password,
    /// The second factor, if one is required.
    pub second_factor: Option<SecondFactor>,
    /// The client.
    pub metadata: SessionMetadata,
    /// A random id of the attempt, which makes the login safe to repeat; see [`Auth::login`](crate::auth::Auth::login).
    pub attempt: Option<Uuid>,
}

impl LoginRequest {
    /// A login with a password alone and no data about the client.
    ///
    /// ```
    /// use watertight::auth::{AuthError, LoginRequest, Password};
    ///
    /// let request = LoginRequest::new("jess".parse()?, Password::new("correct horse battery staple")?);
    /// assert!(request.second_factor.is_none());
    /// assert_eq!(request.metadata.client_ip, None);
    /// # Ok::<(), AuthError>(())
    /// ```
    #[must_use]
    pub fn new(identifier: Identifier, password: Password) -> Self {
        Self {
            identifier,
            password,
            second_factor: None,
            metadata: SessionMetadata::default(),
            attempt: None,
        }
    }
}
