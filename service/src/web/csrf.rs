//! Protection against cross-site request forgery.

use std::future::ready;
use std::pin::Pin;
use std::task::{Context, Poll};

use axum_core::response::{IntoResponse, Response};
use http::header::{HeaderMap, HeaderName, ORIGIN};
use http::request::Parts;
use http::{Method, Request, StatusCode, Uri};
use tower_layer::Layer;
use tower_service::Service;

use super::authority::Authority;

const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// A layer that rejects cross-site request forgery with 403.
///
/// Requests with the method `GET`, `HEAD` or `OPTIONS` are always accepted. Other requests need one of the
/// following:
///
/// - The header `Sec-Fetch-Site` is `same-origin` or `none`. Browsers set it, and scripts cannot.
/// - Without this header, as on connections without TLS, the host and port of `Origin` match those of the
///   request.
///
/// Current browsers send at least one of the two headers. A client that is not a browser can add
/// `Sec-Fetch-Site: same-origin`.
///
/// This is the Fetch Metadata defense of the [OWASP cheat
/// sheet](https://cheatsheetseries.owasp.org/cheatsheets/Cross-Site_Request_Forgery_Prevention_Cheat_Sheet.html#fetch-metadata-headers),
/// with the [Fetch Metadata specification](https://www.w3.org/TR/fetch-metadata/) and its fallback to the
/// origin. There are no exceptions. A `same-site` request is also rejected, because subdomains belong to
/// other tenants.
///
/// The defense requires that `GET` and `HEAD` change nothing, and that pages of the site itself cannot be
/// made to send requests (see [`SecurityHeaders`](super::SecurityHeaders)).
///
/// ```
/// use axum::Router;
/// use axum::routing::post;
/// use watertight::web::CsrfLayer;
///
/// let routes: Router = Router::new().route("/bookings", post(|| async {})).layer(CsrfLayer::new());
/// ```
#[derive(Debug, Clone, Copy, Default)]
pub struct CsrfLayer(());

impl CsrfLayer {
    /// Creates the layer.
    ///
    /// ```
    /// use axum::Router;
    /// use axum::body::Body;
    /// use axum::http::{Request, StatusCode};
    /// use axum::routing::post;
    /// use tower_service::Service;
    /// use watertight::web::CsrfLayer;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let mut routes: Router = Router::new().route("/bookings", post(|| async {})).layer(CsrfLayer::new());
    ///
    /// for (site, status) in [("cross-site", StatusCode::FORBIDDEN), ("same-origin", StatusCode::OK)] {
    ///     let request = Request::post("/bookings").header("Sec-Fetch-Site", site).body(Body::empty())?;
    ///     assert_eq!(routes.call(request).await?.status(), status);
    /// }
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub const fn new() -> Self {
        Self(())
    }
}

impl<S> Layer<S> for CsrfLayer {
    type Service = CsrfProtection<S>;

    fn layer(&self, inner: S) -> Self::Service {
        CsrfProtection { inner }
    }
}

/// The service that [`CsrfLayer`] returns.
#[derive(Debug, Clone)]
pub struct CsrfProtection<S> {
    inner: S,
}

impl<S, B> Service<Request<B>> for CsrfProtection<S>
where
    S: Service<Request<B>, Response = Response>,
    S::Future: Send + 'static,
    S::Error: Send + 'static,
{
    type Response = Response;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Response, S::Error>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let (parts, body) = request.into_parts();
        if is_ours(&parts) {
            return Box::pin(self.inner.call(Request::from_parts(parts, body)));
        }
        tracing::warn!(method = %parts.method, path = parts.uri.path(), "refused a cross-origin request");
        let told = "This request came from another site. Open the page on this site and try again.";
        Box::pin(ready(Ok((StatusCode::FORBIDDEN, told).into_response())))
    }
}

fn is_ours(parts: &Parts) -> bool {
    if matches!(parts.method, Method::GET | Method::HEAD | Method::OPTIONS) {
        return true;
    }
    if parts.headers.contains_key(SEC_FETCH_SITE) {
        return matches!(only(&parts.headers, SEC_FETCH_SITE), Some("same-origin" | "none"));
    }
    let origin = only(&parts.headers, ORIGIN).and_then(Origin::parse);
    match (origin, Authority::of(parts)) {
        (Some(origin), Ok(host)) => origin.is(&host),
        _ => false,
    }
}

/// The value of a header that occurs exactly once.
fn only(headers: &HeaderMap, name: HeaderName) -> Option<&str> {
    let mut values = headers.get_all(name).iter();
    let value = values.next()?;
    if values.next().is_some() { None } else { value.to_str().ok() }
}

struct Origin {
    authority: Authority,
    default_port: u16,
}

impl Origin {
    /// Parses an origin. `null`, which sandboxed pages send, is not an origin.
    fn parse(text: &str) -> Option<Self> {
        let uri: Uri = text.parse().ok()?;
        let default_port = match uri.scheme_str()? {
            "https" => 443,
            "http" => 80,
            _ => return None,
        };
        Some(Self { authority: Authority::parse(uri.authority()?.as_str())?, default_port })
    }

    /// Whether the host and port match. The scheme is not compared, because a proxy may terminate TLS.
    fn is(&self, host: &Authority) -> bool {
        let port = |authority: &Authority| authority.port.unwrap_or(self.default_port);
        self.authority.host == host.host && port(&self.authority) == port(host)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn ours(method: &str, headers: &[(&str, &str)]) -> bool {
        let mut request = Request::builder().method(method).uri("/");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        is_ours(&request.body(()).unwrap().into_parts().0)
    }

    const HOST: (&str, &str) = ("host", "a.example:8080");

    #[test]
    fn what_changes_nothing_is_let_through() {
        for method in ["GET", "HEAD", "OPTIONS"] {
            assert!(ours(method, &[HOST, ("sec-fetch-site", "cross-site"), ("origin", "https://b.example")]));
        }
    }

    #[test]
    fn the_browser_says_where_a_request_comes_from() {
        for method in ["POST", "PUT", "PATCH", "DELETE", "TRACE", "CONNECT", "PROPFIND"] {
            for (site, expected) in [
                ("same-origin", true),
                ("none", true),
                ("same-site", false),
                ("cross-site", false),
                ("", false),
                ("Same-Origin", false),
                ("same-origin, none", false),
            ] {
                assert_eq!(ours(method, &[HOST, ("sec-fetch-site", site)]), expected, "{method} {site}");
            }
        }
        let both = [HOST, ("sec-fetch-site", "cross-site"), ("origin", "http://a.example:8080")];
        assert!(!ours("POST", &both), "the origin does not excuse it");
        assert!(!ours("POST", &[HOST, ("sec-fetch-site", "same-origin"), ("sec-fetch-site", "none")]));
    }

    #[test]
    fn where_it_does_not_the_origin_has_to_be_the_host() {
        for (host, origin, expected) in [
            ("a.example:8080", "http://a.example:8080", true),
            ("A.example.:8080", "http://a.EXAMPLE:8080", true),
            ("a.example", "http://a.example", true),
            ("a.example", "https://a.example", true),
            ("a.example:443", "https://a.example", true),
            ("a.example", "https://a.example:443", true),
            ("a.example:8080", "http://a.example", false),
            ("a.example", "https://a.example:8443", false),
            ("a.example", "https://b.a.example", false),
            ("a.example", "https://a.example.evil", false),
            ("a.example", "https://a.example@evil", false),
            ("a.example", "ftp://a.example", false),
            ("a.example", "null", false),
            ("a.example", "a.example", false),
            ("a.example", "", false),
        ] {
            assert_eq!(ours("POST", &[("host", host), ("origin", origin)]), expected, "{host} {origin}");
        }
        assert!(!ours("POST", &[HOST]), "neither");
        assert!(!ours("POST", &[("origin", "http://a.example")]), "no host");
        assert!(!ours(
            "POST",
            &[HOST, ("origin", "http://a.example:8080"), ("origin", "http://a.example:8080")]
        ));
    }
}
