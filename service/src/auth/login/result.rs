//! The result of a login.

use crate::auth::login::device::DeviceToken;
use crate::auth::sessions::session::Session;
use crate::auth::sessions::token::SessionToken;
use crate::auth::users::user::User;

/// A successful login.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Login {
    /// The user.
    pub user: User,
    /// The new session.
    pub session: Session,
    /// The token of the session: the value of a cookie.
    pub token: SessionToken,
    /// The token of the device, to be stored on it for a long time: the value of another cookie.
    pub device: DeviceToken,
    /// The number of remaining backup codes, if one was used up.
    pub backup_codes_remaining: Option<usize>,
}
