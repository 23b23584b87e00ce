//! The host name of a request.

use std::fmt;
use std::str::FromStr;

use http::request::Parts;

use super::authority::Authority;
use super::rejection::TenantRejection;
use crate::error::Error;
use crate::vocabulary::InvalidInput;

/// The host name of a request, in lower case, without port and trailing dot.
///
/// Write a name with non-ASCII letters in Punycode (`xn--`), as browsers send it.
///
/// ```
/// use watertight::web::Host;
///
/// let host: Host = "Clinic.Example.com.:8080".parse()?;
/// assert_eq!(host.as_str(), "clinic.example.com");
/// assert!("https://clinic.example.com/".parse::<Host>().is_err());
/// # Ok::<(), watertight::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Host(String);

impl Host {
    /// Reads the host from the target of a request or from its header `Host`.
    ///
    /// The headers `Forwarded` and `X-Forwarded-Host` are ignored, because any client can send them.
    ///
    /// ```
    /// use axum::http::Request;
    /// use watertight::web::{Host, TenantRejection};
    ///
    /// let request = Request::get("/services")
    ///     .header("Host", "Clinic.Example.com:8080")
    ///     .header("X-Forwarded-Host", "studio.example.com");
    /// let (parts, ()) = request.body(())?.into_parts();
    /// assert_eq!(Host::of(&parts)?.as_str(), "clinic.example.com");
    ///
    /// let (parts, ()) = Request::get("/services").body(())?.into_parts();
    /// assert!(matches!(Host::of(&parts), Err(TenantRejection::NoHost)));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// [`TenantRejection::NoHost`], [`TenantRejection::AmbiguousHost`], [`TenantRejection::MalformedHost`].
    pub fn of(parts: &Parts) -> Result<Self, TenantRejection> {
        Authority::of(parts).map(|authority| Self(authority.host))
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Host {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let authority = Authority::parse(text.trim()).ok_or_else(|| InvalidInput {
            what: "host",
            value: text.to_owned(),
            reason: "is not a host name; write it as clinic.example.com".to_owned(),
        })?;
        Ok(Self(authority.host))
    }
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn of(target: &str, hosts: &[&[u8]]) -> Result<String, TenantRejection> {
        let mut request = http::Request::builder().uri(target);
        for host in hosts {
            request = request.header("Host", http::HeaderValue::from_bytes(host).unwrap());
        }
        Host::of(&request.body(()).unwrap().into_parts().0).map(|host| host.to_string())
    }

    #[test]
    fn spellings_of_a_host_are_one() {
        for host in ["a.example", "A.Example", "a.example.", "a.example:8080", "a.example.:8080"] {
            assert_eq!(of("/", &[host.as_bytes()]).unwrap(), "a.example", "{host}");
        }
        assert_eq!(of("/", &[b"[::1]:3000"]).unwrap(), "[::1]");
        assert_eq!(of("/", &[b"127.0.0.1:3000"]).unwrap(), "127.0.0.1");
        assert_eq!(of("http://a.example/", &[]).unwrap(), "a.example", "as HTTP/2 has it");
        assert_eq!(of("http://a.example/", &[b"A.example."]).unwrap(), "a.example");
    }

    #[test]
    fn a_request_for_no_host_or_two_is_refused() {
        assert!(matches!(of("/", &[]), Err(TenantRejection::NoHost)));
        assert!(matches!(of("/", &[b"a.example", b"a.example"]), Err(TenantRejection::AmbiguousHost)));
        assert!(matches!(of("http://a.example/", &[b"b.example"]), Err(TenantRejection::AmbiguousHost)));
        assert!(matches!(of("http://a.example/", &[b"a.example:1"]), Err(TenantRejection::AmbiguousHost)));
    }

    #[test]
    fn what_is_no_host_is_refused() {
        let bad: [&[u8]; 18] = [
            b"", b" ", b".", b"..", b"a..b", b".a", b"a:", b"a:b", b"a:99999", b"a:1:2", b"a b", b"a,b",
            b"u@a", b"a/b", b"a?b", b"a%41", b"\xff", b"::1",
        ];
        for host in bad {
            let found = of("/", &[host]);
            assert!(matches!(found, Err(TenantRejection::MalformedHost)), "{host:?}: {found:?}");
        }
    }
}
