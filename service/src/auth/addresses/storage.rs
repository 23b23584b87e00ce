//! The setting that decides how addresses are stored.

use crate::auth::addresses::key::AddressKey;
use crate::auth::settings::config::AuthConfig;
use crate::vocabulary::ClientAddress;

/// The form in which the IP addresses of clients are stored.
///
/// It applies to sessions, to the last login of a user, and to audit events. An address that is masked or hashed already is
/// stored as it is given, and stored addresses do not change.
///
/// ```
/// use watertight::auth::{AddressKey, AddressStorage, AuthSettings};
///
/// # let random = vec![7; 32];
/// let settings = AuthSettings::default().address_storage(AddressStorage::Hashed(AddressKey::new(random)?));
/// # Ok::<(), watertight::Error>(())
/// ```
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub enum AddressStorage {
    /// The whole address: the default.
    #[default]
    Full,
    /// Its network, as [`ClientAddress::mask_ip`] computes it.
    Masked,
    /// Its keyed hash, as [`ClientAddress::hash_ip`] computes it.
    Hashed(AddressKey),
}

impl AddressStorage {
    /// The address in the form in which it is stored.
    ///
    /// ```
    /// use watertight::auth::AddressStorage;
    ///
    /// let stored = AddressStorage::Masked.form(&"192.0.2.17".parse()?);
    /// assert_eq!(stored.as_str(), "192.0.2.0/24");
    /// # Ok::<(), watertight::Error>(())
    /// ```
    #[must_use]
    pub fn form(&self, address: &ClientAddress) -> ClientAddress {
        match (self, address.ip()) {
            (Self::Full, _) | (_, None) => address.clone(),
            (Self::Masked, Some(ip)) => ClientAddress::mask_ip(ip),
            (Self::Hashed(key), Some(ip)) => ClientAddress::hash_ip(ip, key),
        }
    }
}

impl AuthConfig {
    /// The address of a client in the form in which the settings store it.
    pub(in crate::auth) fn stored_address(&self, address: Option<&ClientAddress>) -> Option<ClientAddress> {
        address.map(|address| self.address_storage().form(address))
    }
}
