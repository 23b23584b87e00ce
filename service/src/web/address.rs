//! Addresses of clients.

use std::net::IpAddr;

/// The network of a client, as providers assign it.
///
/// It is an address of IPv4, or the first 64 bits of an address of IPv6. Count what a client does by its network: a client of IPv6 can use any address of its own.
///
/// ```
/// use std::net::IpAddr;
/// use watertight::web::network;
///
/// let [home, phone, neighbor]: [IpAddr; 3] =
///     ["2001:db8:0:1::a", "2001:db8:0:1::b", "2001:db8:0:2::a"].map(|text| text.parse().unwrap());
/// assert_eq!(network(home), network(phone));
/// assert_ne!(network(home), network(neighbor));
/// let mapped: IpAddr = "::ffff:192.0.2.7".parse()?;
/// assert_eq!(network(mapped).to_string(), "192.0.2.7");
/// # Ok::<(), std::net::AddrParseError>(())
/// ```
#[must_use]
pub fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(address) => address.into(),
        IpAddr::V6(address) => IpAddr::from((u128::from(address) >> 64 << 64).to_be_bytes()),
    }
}
