use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use sea_orm::DeriveValueType;

use crate::vocabulary::InvalidInput;
use crate::vocabulary::text::check_word;
use crate::vocabulary::text_enum::text_traits;

/// The address of a client: an IP address, a masked one, or a hash of one.
///
/// An [`IpAddr`] converts into it. [`mask_ip`](Self::mask_ip) removes the part that names a host, and `hash_ip` (with the
/// feature `auth`) replaces the address by a keyed hash. Any other word of at most 45 characters is kept as it is, for
/// example a hash that another program computed. Reading a stored address never fails.
///
/// ```
/// use std::net::IpAddr;
/// use watertight::{AddressKind, ClientAddress};
///
/// let ip: IpAddr = "192.0.2.17".parse()?;
/// let full = ClientAddress::from(ip);
/// assert_eq!((full.kind(), full.ip()), (AddressKind::Ip, Some(ip)));
/// assert_eq!(ClientAddress::mask_ip(ip).as_str(), "192.0.2.0/24");
///
/// // A hash of another program.
/// let hashed: ClientAddress = "9f86d081884c7d65".parse()?;
/// assert_eq!((hashed.kind(), hashed.ip()), (AddressKind::Other, None));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, DeriveValueType)]
pub struct ClientAddress(String);

/// The kind of a client's address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum AddressKind {
    /// An IP address.
    Ip,
    /// A network, of [`ClientAddress::mask_ip`].
    Masked,
    /// A keyed hash, of `ClientAddress::hash_ip`.
    Hashed,
    /// Another text, such as `unknown` or a hash that another program computed.
    Other,
}

impl ClientAddress {
    /// The longest address, in characters.
    pub const MAX_CHARS: usize = 45;

    /// What the text of a keyed hash begins with.
    pub(crate) const HASHED: &str = "hmac:";

    /// The network of an IP address: its first 24 bits for IPv4, its first 48 bits for IPv6.
    ///
    /// An IPv4 address that is mapped to IPv6 is masked as IPv4.
    ///
    /// ```
    /// use watertight::ClientAddress;
    ///
    /// assert_eq!(ClientAddress::mask_ip("192.0.2.17".parse()?).as_str(), "192.0.2.0/24");
    /// assert_eq!(ClientAddress::mask_ip("::ffff:192.0.2.17".parse()?).as_str(), "192.0.2.0/24");
    /// assert_eq!(ClientAddress::mask_ip("2001:db8:1:2::17".parse()?).as_str(), "2001:db8:1::/48");
    /// # Ok::<(), std::net::AddrParseError>(())
    /// ```
    #[must_use]
    pub fn mask_ip(ip: IpAddr) -> Self {
        Self(match ip.to_canonical() {
            IpAddr::V4(ip) => format!("{}/24", Ipv4Addr::from_bits(ip.to_bits() & (u32::MAX << 8))),
            IpAddr::V6(ip) => format!("{}/48", Ipv6Addr::from_bits(ip.to_bits() & (u128::MAX << 80))),
        })
    }

    /// An address as it is stored. Any text is one, so that no row hides others.
    #[cfg(feature = "auth")]
    pub(crate) const fn stored(text: String) -> Self {
        Self(text)
    }

    /// The address of a keyed hash.
    #[cfg(feature = "auth")]
    pub(crate) fn of_hash(digits: &str) -> Self {
        Self(format!("{}{digits}", Self::HASHED))
    }

    /// The text as it is stored.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The IP address, unless it is masked, hashed or unknown.
    #[must_use]
    pub fn ip(&self) -> Option<IpAddr> {
        self.0.parse().ok()
    }

    /// The kind, which follows from the text.
    #[must_use]
    pub fn kind(&self) -> AddressKind {
        let is_network =
            |(ip, bits): (&str, &str)| ip.parse::<IpAddr>().is_ok() && bits.parse::<u8>().is_ok();
        if self.ip().is_some() {
            AddressKind::Ip
        } else if self.0.split_once('/').is_some_and(is_network) {
            AddressKind::Masked
        } else if self.0.starts_with(Self::HASHED) {
            AddressKind::Hashed
        } else {
            AddressKind::Other
        }
    }
}

/// One client has one text: an IPv4 address that is mapped to IPv6 is written as IPv4.
impl From<IpAddr> for ClientAddress {
    fn from(ip: IpAddr) -> Self {
        Self(ip.to_canonical().to_string())
    }
}

impl std::str::FromStr for ClientAddress {
    type Err = InvalidInput;

    fn from_str(text: &str) -> Result<Self, InvalidInput> {
        let text = text.trim();
        if let Ok(ip) = text.parse::<IpAddr>() {
            return Ok(ip.into());
        }
        // As some proxies write it: an address with a port.
        if let Ok(socket) = text.parse::<SocketAddr>() {
            return Ok(socket.ip().into());
        }
        check_word("client address", text, Self::MAX_CHARS)?;
        Ok(Self(text.to_owned()))
    }
}

impl std::ops::Deref for ClientAddress {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl From<ClientAddress> for String {
    fn from(address: ClientAddress) -> Self {
        address.0
    }
}

text_traits!(ClientAddress);

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn parsed(text: &str) -> ClientAddress {
        text.parse().unwrap()
    }

    #[test]
    fn one_client_has_one_text() {
        for typed in
            ["192.0.2.7", " 192.0.2.7 ", "::ffff:192.0.2.7", "192.0.2.7:443", "[::ffff:192.0.2.7]:443"]
        {
            assert_eq!(parsed(typed).as_str(), "192.0.2.7");
        }
        for typed in ["2001:DB8:0::7", "[2001:db8::7]:443", "2001:db8:0:0:0:0:0:7"] {
            assert_eq!(parsed(typed).as_str(), "2001:db8::7");
        }
    }

    #[test]
    fn a_mask_leaves_the_network_alone() {
        for (ip, network) in [
            ("0.0.0.0", "0.0.0.0/24"),
            ("255.255.255.255", "255.255.255.0/24"),
            ("::", "::/48"),
            ("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "ffff:ffff:ffff::/48"),
        ] {
            let masked = ClientAddress::mask_ip(ip.parse().unwrap());
            assert_eq!((masked.as_str(), masked.kind(), masked.ip()), (network, AddressKind::Masked, None));
        }
    }

    #[test]
    fn other_words_are_kept_and_other_texts_are_refused() {
        for word in
            ["unknown", "192.0.2.xxx", "9f86d081884c7d65", &"f".repeat(45), "fe80::1%eth0", "1.2.3.4/x"]
        {
            assert_eq!((parsed(word).as_str(), parsed(word).kind()), (word, AddressKind::Other));
        }
        assert_eq!(parsed("hmac:00ff").kind(), AddressKind::Hashed);
        for text in ["", " ", "a b", "a\0", "a\nb", &"f".repeat(46)] {
            assert!(text.parse::<ClientAddress>().is_err(), "{text:?}");
        }
    }
}
