//! The cookie that identifies a device, after OWASP's device cookies.

use std::convert::Infallible;
use std::fmt;
use std::time::Duration;

use axum_core::extract::{FromRef, FromRequestParts};
use http::request::Parts;

use super::cookie::{SessionCookie, SetSessionCookie};
use super::tenancy::Tenancy;
use crate::auth::{DeviceToken, Login};
use crate::error::Error;

/// The device of a request, known by a cookie if a user has logged in from it.
///
/// Anyone can lock an account with failed logins. A login from a known device is not bound by that lock. The cookie has the
/// name and the attributes of the [`SessionCookie`], with `-device` after the name, and a lifetime of 400 days, which is as
/// long as browsers keep cookies. It remains when the session ends, and it does not log anyone in.
///
/// ```
/// use axum::response::{IntoResponse, Redirect};
/// use watertight::auth::LoginRequest;
/// use watertight::web::{Device, SessionCookie};
/// use watertight::{Error, TenantConnection};
///
/// async fn log_in(
///     tenant: TenantConnection,
///     cookie: SessionCookie,
///     device: Device,
///     request: LoginRequest,
/// ) -> Result<impl IntoResponse, Error> {
///     let request = LoginRequest { device: device.token(), ..request };
///     let login = tenant.auth().login(request).await?;
///     Ok((cookie.begin(&login)?, device.remember(&login)?, Redirect::to("/")))
/// }
/// ```
#[derive(Clone)]
pub struct Device {
    cookie: SessionCookie,
    token: Option<DeviceToken>,
}

const AGE: Duration = Duration::from_hours(400 * 24);

impl Device {
    /// The token of the device's cookie, for [`LoginRequest::device`](crate::auth::LoginRequest::device).
    #[must_use]
    pub fn token(&self) -> Option<DeviceToken> {
        self.token.clone()
    }

    /// Creates the response header that sets the cookie after a login.
    ///
    /// # Errors
    /// Never in practice: a token consists of letters, digits, `-`, `_` and `.`, which a header accepts.
    pub fn remember(&self, login: &Login) -> Result<SetSessionCookie, Error> {
        self.cookie.header(login.device.expose_secret(), AGE)
    }
}

impl<S> FromRequestParts<S> for Device
where
    S: Send + Sync,
    Tenancy: FromRef<S>,
{
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Infallible> {
        let cookie = Tenancy::from_ref(state).cookie.of_device();
        let token = cookie.read(&parts.headers).map(DeviceToken::new);
        Ok(Self { cookie, token })
    }
}

impl fmt::Debug for Device {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Device").field("is_known", &self.token.is_some()).finish_non_exhaustive()
    }
}
