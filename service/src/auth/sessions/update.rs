//! Changes to a session.

use chrono::{DateTime, Utc};

use crate::auth::second_factor::totp_secret::TotpSecret;
use crate::auth::sessions::session::SessionUser;
use crate::vocabulary::Change;

/// Changes to a session. `Change::Set(None)` clears an optional column.
#[derive(Debug, Clone, Default)]
pub struct SessionUpdate {
    /// The time of expiry.
    pub expires_at: Change<DateTime<Utc>>,
    /// The user in short.
    pub user_data: Change<Option<SessionUser>>,
    /// The secret that is being enrolled. It is stored encrypted.
    pub temp_totp_secret: Change<Option<TotpSecret>>,
    /// The end of the enrollment.
    pub temp_totp_expires_at: Change<Option<DateTime<Utc>>>,
}
