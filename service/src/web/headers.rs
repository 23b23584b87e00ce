//! Security headers of responses.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use http::header::{self, HeaderName, HeaderValue};
use http::{Request, Response};
use tower_layer::Layer;
use tower_service::Service;

/// The policy for pages without scripts, with styles and images of the same origin.
const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; style-src 'self'; img-src 'self' data:; \
    form-action 'self'; frame-ancestors 'none'; base-uri 'none'";

/// A layer that adds security headers to every response.
///
/// The headers follow the [OWASP cheat
/// sheet](https://cheatsheetseries.owasp.org/cheatsheets/HTTP_Headers_Cheat_Sheet.html):
///
/// - no scripts, and no content of other sites
/// - no display in frames
/// - no content type sniffing
/// - no referrer for other sites
/// - no caching
/// - TLS for all later requests
/// - no access to camera, microphone and location
///
/// A header that a handler sets itself is left unchanged, such as the `Cache-Control` of a stylesheet.
///
/// ```
/// use axum::Router;
/// use axum::http::HeaderValue;
/// use axum::http::header::CONTENT_SECURITY_POLICY;
/// use watertight::web::SecurityHeaders;
///
/// let policy = HeaderValue::from_static("default-src 'self'; frame-ancestors 'none'; base-uri 'none'");
/// let routes: Router = Router::new().layer(SecurityHeaders::new().with(CONTENT_SECURITY_POLICY, policy));
/// ```
#[derive(Debug, Clone)]
pub struct SecurityHeaders(Arc<[(HeaderName, HeaderValue)]>);

impl Default for SecurityHeaders {
    fn default() -> Self {
        // With `no-referrer` browsers send `Origin: null` even to the same host, which `CsrfLayer` rejects.
        let headers = [
            (header::CONTENT_SECURITY_POLICY, CONTENT_SECURITY_POLICY),
            (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
            (header::REFERRER_POLICY, "same-origin"),
            (header::CACHE_CONTROL, "no-store"),
            (header::STRICT_TRANSPORT_SECURITY, "max-age=63072000"),
            (HeaderName::from_static("permissions-policy"), "camera=(), geolocation=(), microphone=()"),
            (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
            (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
        ];
        Self(headers.into_iter().map(|(name, value)| (name, HeaderValue::from_static(value))).collect())
    }
}

impl SecurityHeaders {
    /// Creates the layer with the default headers.
    ///
    /// ```
    /// use axum::Router;
    /// use axum::body::Body;
    /// use axum::http::Request;
    /// use axum::routing::get;
    /// use tower_service::Service;
    /// use watertight::web::SecurityHeaders;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let mut routes: Router = Router::new().route("/", get(|| async {})).layer(SecurityHeaders::new());
    ///
    /// let response = routes.call(Request::get("/").body(Body::empty())?).await?;
    /// assert_eq!(response.headers()["cache-control"], "no-store");
    /// assert_eq!(response.headers()["x-content-type-options"], "nosniff");
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a header or replaces the value of a default header.
    ///
    /// ```
    /// use axum::Router;
    /// use axum::body::Body;
    /// use axum::http::header::{REFERRER_POLICY, STRICT_TRANSPORT_SECURITY};
    /// use axum::http::{HeaderValue, Request};
    /// use axum::routing::get;
    /// use tower_service::Service;
    /// use watertight::web::SecurityHeaders;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let transport = HeaderValue::from_static("max-age=63072000; includeSubDomains");
    /// let headers = SecurityHeaders::new().with(STRICT_TRANSPORT_SECURITY, transport);
    /// let mut routes: Router = Router::new().route("/", get(|| async {})).layer(headers);
    ///
    /// let response = routes.call(Request::get("/").body(Body::empty())?).await?;
    /// assert_eq!(response.headers()[STRICT_TRANSPORT_SECURITY], "max-age=63072000; includeSubDomains");
    /// assert_eq!(response.headers()[REFERRER_POLICY], "same-origin");
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn with(self, name: HeaderName, value: HeaderValue) -> Self {
        let mut headers: Vec<_> = self.0.iter().filter(|(other, _)| *other != name).cloned().collect();
        headers.push((name, value));
        Self(headers.into())
    }
}

impl<S> Layer<S> for SecurityHeaders {
    type Service = SecureResponses<S>;

    fn layer(&self, inner: S) -> Self::Service {
        SecureResponses { inner, headers: Arc::clone(&self.0) }
    }
}

/// The service that [`SecurityHeaders`] returns.
#[derive(Debug, Clone)]
pub struct SecureResponses<S> {
    inner: S,
    headers: Arc<[(HeaderName, HeaderValue)]>,
}

impl<S, B, C> Service<Request<B>> for SecureResponses<S>
where
    S: Service<Request<B>, Response = Response<C>>,
    S::Future: Send + 'static,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<S::Response, S::Error>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let headers = Arc::clone(&self.headers);
        let handled = self.inner.call(request);
        Box::pin(async move {
            let mut response = handled.await?;
            for (name, value) in headers.iter() {
                response.headers_mut().entry(name).or_insert_with(|| value.clone());
            }
            Ok(response)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_has_the_value_given_last() {
        let policy = HeaderValue::from_static("default-src 'self'");
        let headers = SecurityHeaders::new().with(header::CONTENT_SECURITY_POLICY, policy.clone());
        assert_eq!(headers.0.len(), SecurityHeaders::new().0.len());
        let policies: Vec<_> =
            headers.0.iter().filter(|(name, _)| name == header::CONTENT_SECURITY_POLICY).collect();
        assert_eq!(policies, [&(header::CONTENT_SECURITY_POLICY, policy)]);
        assert_eq!(headers.with(header::AGE, HeaderValue::from_static("1")).0.len(), 9);
    }
}
