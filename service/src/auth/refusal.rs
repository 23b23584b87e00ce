//! Refused logins.

use chrono::{DateTime, Utc};

/// A refused login, or a refused password of an operation that asks for it again.
///
/// The application decides how much to show: `Locked` reveals that the account exists; `Inactive` and the
/// refusals of the second factor reveal that the password was right.
///
/// ```
/// use watertight::auth::{AuthError, LoginRefusal};
///
/// /// The message of the login page.
/// fn message(error: AuthError) -> Result<&'static str, AuthError> {
///     match error {
///         AuthError::LoginRefused(LoginRefusal::SecondFactorRequired) => Ok("Enter the code of your app."),
///         AuthError::LoginRefused(LoginRefusal::SecondFactorWrong) => Ok("The code is wrong."),
///         // A locked account is not revealed.
///         AuthError::LoginRefused(_) => Ok("The name or the password is wrong."),
///         other => Err(other),
///     }
/// }
///
/// let locked = LoginRefusal::Locked { until: None };
/// assert_eq!(message(locked.into())?, "The name or the password is wrong.");
/// assert_eq!(message(LoginRefusal::SecondFactorRequired.into())?, "Enter the code of your app.");
/// # Ok::<(), AuthError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LoginRefusal {
    /// The user is unknown or the password is wrong. The two are not distinguished.
    #[error("the user name or the password is wrong")]
    BadCredentials,
    /// The account is locked. The password was not compared.
    #[error("the account is locked{}", until.map_or_else(String::new, |until| format!(" until {until}")))]
    Locked {
        /// The end of the lock; `None` for a lock that an administrator has to lift.
        until: Option<DateTime<Utc>>,
    },
    /// The user is inactive. The password was right.
    #[error("the account is not active")]
    Inactive,
    /// The password was right, and a second factor is required.
    #[error("the code of the second factor is required")]
    SecondFactorRequired,
    /// The password was right; the second factor is wrong or was used before.
    #[error("the code of the second factor is wrong or was used before")]
    SecondFactorWrong,
}
