//! Keyed hashes of IP addresses.

use std::net::IpAddr;

use hmac::{Hmac, KeyInit, Mac};
use secrecy::{ExposeSecret, SecretSlice};
use sha2::Sha256;
use zeroize::Zeroizing;

use crate::auth::error::AuthError;
use crate::vocabulary::ClientAddress;

/// The block of HMAC-SHA256 in bytes. A key of at most this length is used as it is (RFC 2104, section 2).
const BLOCK: usize = 64;

/// The bytes of a hash that are stored.
const HASH_BYTES: usize = 16;

/// The key that hashes the addresses of clients.
///
/// There are only 2^32 IPv4 addresses, so a hash without a key is undone by trying them all. Keep the key apart from the
/// database and its backups. With another key, the same client has another hash.
#[derive(Debug, Clone)]
pub struct AddressKey(SecretSlice<u8>);

impl AddressKey {
    /// The shortest key, in bytes: the length of a SHA-256 digest.
    pub const MIN_BYTES: usize = 32;
    /// The longest key, in bytes.
    pub const MAX_BYTES: usize = BLOCK;

    /// Takes a key of 32 to 64 bytes.
    ///
    /// ```
    /// use watertight::auth::AddressKey;
    ///
    /// # let random = vec![7; 32];
    /// let key = AddressKey::new(random)?;
    /// assert!(AddressKey::new(b"too short".to_vec()).is_err());
    /// # Ok::<(), watertight::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`AuthError::InvalidSecret`] for a key that is shorter or longer.
    pub fn new(key: impl Into<SecretSlice<u8>>) -> Result<Self, AuthError> {
        let key = key.into();
        if !(Self::MIN_BYTES..=Self::MAX_BYTES).contains(&key.expose_secret().len()) {
            let reason = "has not between 32 and 64 bytes; generate a key with `openssl rand 32`";
            return Err(AuthError::InvalidSecret { what: "address key", reason });
        }
        Ok(Self(key))
    }

    fn hmac(&self, text: &str) -> [u8; 32] {
        let mut block = Zeroizing::new([0; BLOCK]);
        block.iter_mut().zip(self.0.expose_secret()).for_each(|(to, from)| *to = *from);
        let mut mac = Hmac::<Sha256>::new((&*block).into());
        mac.update(text.as_bytes());
        mac.finalize().into_bytes().into()
    }
}

impl ClientAddress {
    /// The keyed hash of an IP address: the first 128 bits of HMAC-SHA256 over its text, in hexadecimal.
    ///
    /// The same client has the same hash, so failures of one address can be counted. An IPv4 address that is mapped to IPv6 is
    /// hashed as IPv4. With pgcrypto: `'hmac:' || left(encode(hmac(host(ip), key, 'sha256'), 'hex'), 32)`.
    ///
    /// ```
    /// use watertight::ClientAddress;
    /// use watertight::auth::{AddressKey, AddressKind};
    ///
    /// # let random = vec![7; 32];
    /// let key = AddressKey::new(random)?;
    /// let hashed = ClientAddress::hash_ip("192.0.2.17".parse()?, &key);
    /// assert_eq!(hashed.kind(), AddressKind::Hashed);
    /// assert_eq!(hashed, ClientAddress::hash_ip("::ffff:192.0.2.17".parse()?, &key));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn hash_ip(ip: IpAddr, key: &AddressKey) -> Self {
        let digits = hex::encode(key.hmac(&ip.to_canonical().to_string()));
        Self::of_hash(digits.get(..2 * HASH_BYTES).unwrap_or(&digits))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn the_hash_is_hmac_sha256() {
        // RFC 4231, test case 1: 20 bytes of 0x0b, here without the minimum length.
        let key = AddressKey(vec![0x0b; 20].into());
        let digest = hex::encode(key.hmac("Hi There"));
        assert_eq!(digest, "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7");
    }

    #[test]
    fn a_hash_depends_on_the_address_and_the_key() {
        let (one, other) = (AddressKey::new(vec![1; 32]).unwrap(), AddressKey::new(vec![1; 64]).unwrap());
        let hash = |ip: &str, key: &AddressKey| ClientAddress::hash_ip(ip.parse().unwrap(), key);
        let hashes = [hash("192.0.2.1", &one), hash("192.0.2.2", &one), hash("192.0.2.1", &other)];
        for (place, hash) in hashes.iter().enumerate() {
            assert_eq!(hash.len(), 37);
            assert!(!hashes.iter().skip(place + 1).any(|other| other == hash));
        }
        assert_eq!(hash("2001:DB8::1", &one), hash("2001:db8:0::1", &one));
        for length in [0, 31, 65] {
            assert!(AddressKey::new(vec![1; length]).is_err(), "{length}");
        }
        assert!(!format!("{one:?}").contains('1'), "the key is not printed");
    }
}
