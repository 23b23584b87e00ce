//! Renewal of active sessions and their cookies.

use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll};

use http::{Request, Response};
use tower_layer::Layer;
use tower_service::Service;

use super::cookie::SetSessionCookie;

/// A layer that renews active sessions before they expire, and sets their cookies again.
///
/// A session is renewed during a request if its handler takes a [`LoggedIn`](super::LoggedIn) and the
/// threshold [`AuthSettings::renewal_threshold`](crate::auth::AuthSettings::renewal_threshold) is reached.
/// Without this layer every session ends at its original expiry.
#[derive(Debug, Clone, Copy, Default)]
pub struct RenewalLayer(());

impl RenewalLayer {
    /// Creates the layer.
    ///
    /// ```
    /// use axum::Router;
    /// use axum::routing::get;
    /// use watertight::web::{LoggedIn, RenewalLayer, Tenancy};
    ///
    /// async fn calendar(known: LoggedIn) -> String {
    ///     format!("The calendar of {}", known.user.handle)
    /// }
    ///
    /// fn routes(tenancy: Tenancy) -> Router {
    ///     Router::new().route("/calendar", get(calendar)).layer(RenewalLayer::new()).with_state(tenancy)
    /// }
    /// ```
    #[must_use]
    pub const fn new() -> Self {
        Self(())
    }
}

impl<S> Layer<S> for RenewalLayer {
    type Service = RenewedSessions<S>;

    fn layer(&self, inner: S) -> Self::Service {
        RenewedSessions { inner }
    }
}

/// The service that [`RenewalLayer`] returns.
#[derive(Debug, Clone)]
pub struct RenewedSessions<S> {
    inner: S,
}

/// A request extension through which the extractor passes the renewed cookie to the layer.
#[derive(Clone, Default)]
pub(super) struct Renewal(Arc<OnceLock<SetSessionCookie>>);

impl Renewal {
    pub(super) fn tell(&self, cookie: SetSessionCookie) {
        // A second extractor of the same request would pass the same session.
        let _ = self.0.set(cookie);
    }
}

impl<S, B, C> Service<Request<B>> for RenewedSessions<S>
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

    fn call(&mut self, mut request: Request<B>) -> Self::Future {
        let renewal = Renewal::default();
        request.extensions_mut().insert(renewal.clone());
        let handled = self.inner.call(request);
        Box::pin(async move {
            let mut response = handled.await?;
            if let Some(cookie) = renewal.0.get() {
                // A handler that logged the user out has already removed the cookie.
                cookie.clone().add_unless_set(response.headers_mut());
            }
            Ok(response)
        })
    }
}
