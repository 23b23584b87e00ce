//! The address of the client of a request.

use std::convert::Infallible;
use std::net::{IpAddr, SocketAddr};

use axum::extract::{ConnectInfo, FromRef, FromRequestParts};
use axum::http::HeaderMap;
use axum::http::request::Parts;

/// The source of the client's address.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum AddressSource {
    /// The connection: clients connect to this server.
    #[default]
    Connection,
    /// The last entry of the header `X-Forwarded-For`, which the one proxy before this server adds. Any client could write
    /// the header if it reached the server without the proxy.
    Proxy,
}

/// The address of the client, if it is known.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ClientAddress(pub(crate) Option<IpAddr>);

impl<S> FromRequestParts<S> for ClientAddress
where
    S: Send + Sync,
    AddressSource: FromRef<S>,
{
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Infallible> {
        Ok(Self(match AddressSource::from_ref(state) {
            AddressSource::Connection => {
                parts.extensions.get::<ConnectInfo<SocketAddr>>().map(|ConnectInfo(peer)| peer.ip())
            }
            AddressSource::Proxy => forwarded(&parts.headers),
        }))
    }
}

fn forwarded(headers: &HeaderMap) -> Option<IpAddr> {
    let last = headers.get_all("x-forwarded-for").iter().next_back()?;
    last.to_str().ok()?.rsplit(',').next()?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_entry_of_the_proxy_counts() {
        let headers = |values: &[&str]| {
            values.iter().map(|value| ("x-forwarded-for".parse().unwrap(), value.parse().unwrap())).collect()
        };
        let known = Some("192.0.2.7".parse().unwrap());
        assert_eq!(forwarded(&headers(&["192.0.2.7"])), known);
        assert_eq!(forwarded(&headers(&["10.1.1.1, 192.0.2.7"])), known);
        assert_eq!(forwarded(&headers(&["10.1.1.1", "10.1.1.2, 192.0.2.7"])), known);
        assert_eq!(forwarded(&headers(&["192.0.2.7, unknown"])), None);
        assert_eq!(forwarded(&headers(&[])), None);
    }
}
