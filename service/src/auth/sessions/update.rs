//! Changes to a session.

use chrono::{DateTime, Utc};

use crate::auth::second_factor::totp_secret::TotpSecret;
use crate::auth::sessions::device::DeviceType;
use crate::auth::sessions::metadata::{GeoLocation, SessionMetadata};
use crate::auth::sessions::session::SessionUser;
use crate::vocabulary::{Change, ClientAddress, InvalidInput, calendar};

/// Changes to a session. `Change::Set(None)` clears an optional column.
///
/// ```
/// use std::net::IpAddr;
/// use watertight::auth::SessionUpdate;
///
/// // The client has another address than when it logged in.
/// let peer: IpAddr = "192.0.2.17".parse()?;
/// let moved = SessionUpdate { client_ip: Some(peer.into()).into(), ..Default::default() };
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
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
    /// The address. `None` is stored as `unknown`.
    pub client_ip: Change<Option<ClientAddress>>,
    /// The IP address without its last part; at most 45 characters.
    pub client_ip_masked: Change<Option<String>>,
    /// The user agent. `None` is stored as `unknown`.
    pub user_agent: Change<Option<String>>,
    /// The kind of device.
    pub device_type: Change<DeviceType>,
    /// The application's fingerprint of the browser.
    pub browser_fingerprint: Change<Option<String>>,
    /// The location.
    pub geo_location: Change<Option<GeoLocation>>,
}

impl SessionUpdate {
    pub(in crate::auth) fn check(&self) -> Result<(), InvalidInput> {
        fn given<T: Clone>(change: &Change<Option<T>>) -> Option<T> {
            change.as_option().cloned().flatten()
        }
        SessionMetadata {
            client_ip_masked: given(&self.client_ip_masked),
            user_agent: given(&self.user_agent),
            browser_fingerprint: given(&self.browser_fingerprint),
            geo_location: given(&self.geo_location),
            ..Default::default()
        }
        .check()?;
        let expiry = self.expires_at.into_option();
        expiry.map_or(Ok(()), |time| calendar::check_time("time of expiry", time))?;
        let enrolled = self.temp_totp_expires_at.into_option().flatten();
        enrolled.map_or(Ok(()), |time| calendar::check_time("end of the enrollment", time))
    }
}
