//! A session.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;
use watertight_entity::auth::sessions;

use crate::auth::error::AuthError;
use crate::auth::sessions::device::DeviceType;
use crate::auth::sessions::metadata::GeoLocation;
use crate::auth::users::role::Role;
use crate::vocabulary::{ClientAddress, MalformedRow};

/// A session, without the secret of a pending enrollment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Session {
    /// The id, which the token contains.
    pub id: Uuid,
    /// The user's id.
    pub user_id: Uuid,
    /// The time of expiry.
    pub expires_at: DateTime<Utc>,
    /// The time at which the session began.
    pub created_at: DateTime<Utc>,
    /// The user when the session began, or as the application has set it since.
    pub user_data: Option<SessionUser>,
    /// The address of the login, as it is stored; `unknown` when it was not given.
    pub client_ip: ClientAddress,
    /// The IP address without its last part, if the application stores it.
    pub client_ip_masked: Option<String>,
    /// The user agent of the login; `unknown` when it was not given.
    pub user_agent: String,
    /// The kind of device.
    pub device_type: DeviceType,
    /// The application's fingerprint of the browser.
    pub browser_fingerprint: Option<String>,
    /// The location.
    pub geo_location: Option<GeoLocation>,
    /// The end of a pending enrollment of a second factor.
    pub temp_totp_expires_at: Option<DateTime<Utc>>,
}

/// The user of a session in short.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SessionUser {
    /// The user's id.
    pub id: Uuid,
    /// The handle.
    pub username: String,
    /// The name to show.
    pub name: String,
    /// The user's role.
    pub role: Role,
    /// True if the user has yet to complete onboarding.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub needs_onboarding: Option<bool>,
    /// The step of onboarding that the user is at.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub onboarding_step: Option<i32>,
}

impl TryFrom<sessions::Model> for Session {
    type Error = AuthError;

    fn try_from(row: sessions::Model) -> Result<Self, AuthError> {
        fn parse<T: serde::de::DeserializeOwned>(
            column: &'static str,
            json: Option<serde_json::Value>,
        ) -> Result<Option<T>, AuthError> {
            let parsed = json.map(serde_json::from_value).transpose();
            parsed.map_err(|error| MalformedRow { column, reason: error.to_string() }.into())
        }
        Ok(Self {
            id: row.id,
            user_id: row.user_id,
            expires_at: row.expires_at.to_utc(),
            created_at: row.created_at.to_utc(),
            user_data: parse("auth.sessions.user_data", row.user_data)?,
            client_ip: ClientAddress::stored(row.client_ip),
            client_ip_masked: row.client_ip_masked,
            user_agent: row.user_agent,
            device_type: row.device_type.parse()?,
            browser_fingerprint: row.browser_fingerprint,
            geo_location: parse("auth.sessions.geo_location", row.geo_location)?,
            temp_totp_expires_at: row.temp_totp_expires_at.map(|at| at.to_utc()),
        })
    }
}
