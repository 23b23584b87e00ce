//! Renewal of sessions in use, with their cookies.

use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll};

use http::{Request, Response};
use tower_layer::Layer;
use tower_service::Service;

use super::cookie::SetSessionCookie;

/// Renews a session that is about to end when one of its requests is handled, and sets the cookie again. The setting
/// [`AuthSettings::renewal_threshold`](crate::auth::AuthSettings::renewal_threshold) decides when it is due.
///
/// It does so for requests whose handler takes a [`LoggedIn`](super::LoggedIn); without this layer every session ends
/// when its age is reached.
#[derive(Debug, Clone, Copy, Default)]
pub struct RenewalLayer(());

impl RenewalLayer {
    /// The layer.
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

/// What [`RenewalLayer`] makes of a service.
#[derive(Debug, Clone)]
pub struct RenewedSessions<S> {
    inner: S,
}

/// Where the extractor leaves the cookie that the layer takes along.
#[derive(Clone, Default)]
pub(super) struct Renewal(Arc<OnceLock<SetSessionCookie>>);

impl Renewal {
    pub(super) fn tell(&self, cookie: SetSessionCookie) {
        // A second extractor of the same request has nothing new to tell.
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
                // Whoever has just logged out stays so.
                cookie.clone().add_unless_set(response.headers_mut());
            }
            Ok(response)
        })
    }
}
