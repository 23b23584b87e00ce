//! The host and port of a request.

use http::header::HOST;
use http::request::Parts;
use http::uri;

use super::rejection::TenantRejection;

/// A host, in lower case and without a trailing dot, and the port where one is given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Authority {
    pub(super) host: String,
    pub(super) port: Option<u16>,
}

impl Authority {
    /// Reads the authority from the request target (`:authority` in HTTP/2) or from the header `Host`.
    ///
    /// If a request has both, they must agree (RFC 9112, section 3.2.2; RFC 9113, section 8.3.1). The header
    /// `Forwarded` is ignored, because any client can send it.
    pub(super) fn of(parts: &Parts) -> Result<Self, TenantRejection> {
        let mut headers = parts.headers.get_all(HOST).iter();
        let header = match (headers.next(), headers.next()) {
            (_, Some(_)) => return Err(TenantRejection::AmbiguousHost),
            (Some(value), None) => Some(value.to_str().map_err(|_| TenantRejection::MalformedHost)?),
            (None, None) => None,
        };
        let parse = |text: &str| Self::parse(text).ok_or(TenantRejection::MalformedHost);
        let header = header.map(parse).transpose()?;
        let target = parts.uri.authority().map(|target| parse(target.as_str())).transpose()?;
        match (header, target) {
            (Some(header), Some(target)) if header != target => Err(TenantRejection::AmbiguousHost),
            (Some(one), _) | (None, Some(one)) => Ok(one),
            (None, None) => Err(TenantRejection::NoHost),
        }
    }

    pub(super) fn parse(text: &str) -> Option<Self> {
        let authority: uri::Authority = text.parse().ok()?;
        let host = authority.host();
        // Text before the host would be a user, and text after it must be a port.
        let port = match text.strip_prefix(host)? {
            "" => None,
            rest => Some(rest.strip_prefix(':')?.parse().ok()?),
        };
        let host = host.strip_suffix('.').unwrap_or(host).to_ascii_lowercase();
        let is_name = |host: &str| {
            !host.is_empty()
                && host.split('.').all(|label| !label.is_empty())
                && host.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._".contains(&byte))
        };
        (host.starts_with('[') || is_name(&host)).then_some(Self { host, port })
    }
}
