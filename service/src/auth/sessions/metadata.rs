//! The client that begins a session.

use serde::{Deserialize, Serialize};

use crate::auth::sessions::device::DeviceType;
use crate::vocabulary::{ClientAddress, InvalidInput, limits, text};

/// The client that begins a session. Every field is optional.
///
/// ```
/// use std::net::IpAddr;
/// use watertight::auth::SessionMetadata;
///
/// let peer: IpAddr = "192.0.2.17".parse()?;
/// let client = SessionMetadata { client_ip: Some(peer.into()), ..Default::default() };
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SessionMetadata {
    /// The IP address, whole, masked or hashed. The setting
    /// [`address_storage`](crate::auth::AuthSettings::address_storage) decides how a whole one is stored.
    pub client_ip: Option<ClientAddress>,
    /// The IP address without its last part; at most 45 characters.
    pub client_ip_masked: Option<String>,
    /// The user agent.
    pub user_agent: Option<String>,
    /// The kind of device.
    pub device_type: DeviceType,
    /// The application's fingerprint of the browser.
    pub browser_fingerprint: Option<String>,
    /// The location.
    pub geo_location: Option<GeoLocation>,
}

/// The location of a client.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GeoLocation {
    /// The country.
    pub country: String,
    /// The city.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub city: Option<String>,
}

impl SessionMetadata {
    pub(in crate::auth) fn check(&self) -> Result<(), InvalidInput> {
        text::check_optional("masked IP address", self.client_ip_masked.as_ref(), 45)?;
        text::check_optional("user agent", self.user_agent.as_ref(), limits::TEXT_CHARS)?;
        text::check_optional("browser fingerprint", self.browser_fingerprint.as_ref(), limits::TEXT_CHARS)?;
        if let Some(GeoLocation { country, city }) = &self.geo_location {
            text::check("country", country, limits::TEXT_CHARS)?;
            text::check_optional("city", city.as_ref(), limits::TEXT_CHARS)?;
        }
        Ok(())
    }
}
