//! Lockout of accounts.

use std::time::Duration;

/// Number of failed logins that lock an account, and the duration of the lock.
///
/// Anyone can cause the lock. It does not bind a [known device](crate::auth::DeviceToken), for which the same numbers are
/// counted apart. A duration of some seconds makes it a throttle:
///
/// ```
/// use std::time::Duration;
/// use watertight::auth::{AuthSettings, Lockout};
///
/// // Ten guesses a minute, from everywhere together.
/// let throttle = Lockout { failures: 10, duration: Duration::from_mins(1), ..Lockout::default() };
/// let settings = AuthSettings::default().lockout(Some(throttle));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lockout {
    /// The number of failures that locks the account; 5 by default.
    pub failures: u32,
    /// The failures have to follow one another within this time; 15 minutes by default.
    pub window: Duration,
    /// The duration of the lock; 15 minutes by default.
    pub duration: Duration,
}

impl Default for Lockout {
    fn default() -> Self {
        let quarter = Duration::from_mins(15);
        Self { failures: 5, window: quarter, duration: quarter }
    }
}
