//! The cookie that identifies a session.

use std::convert::Infallible;
use std::fmt;
use std::time::Duration;

use axum_core::extract::{FromRef, FromRequestParts};
use axum_core::response::{IntoResponse, IntoResponseParts, Response, ResponseParts};
use cookie::{Cookie, SameSite};
use http::header::{COOKIE, SET_COOKIE};
use http::request::Parts;
use http::{HeaderMap, HeaderValue};
use zeroize::Zeroizing;

use super::tenancy::Tenancy;
use crate::auth::AuthError;
use crate::auth::{Login, SessionToken};
use crate::error::Error;
use crate::vocabulary::InvalidInput;

/// The configuration of the session cookie: its name and attributes.
///
/// The default name is `__Host-session`, with `Secure`, `HttpOnly`, `SameSite=Lax`, `Path=/`, and a lifetime
/// as long as the session.
///
/// Browsers accept a cookie with the prefix `__Host-` only from the host itself, over an encrypted
/// connection, without a `Domain` attribute. No other host, such as a subdomain, can set it ([RFC 6265bis,
/// section 4.1.3.2](https://datatracker.ietf.org/doc/html/draft-ietf-httpbis-rfc6265bis#section-4.1.3.2)).
/// Browsers also accept it without TLS from `localhost` and its subdomains.
///
/// A handler that logs a user in takes it as an argument:
///
/// ```
/// use axum::response::{IntoResponse, Redirect};
/// use watertight::auth::LoginRequest;
/// use watertight::web::SessionCookie;
/// use watertight::{Error, TenantConnection};
///
/// async fn log_in(tenant: TenantConnection, cookie: SessionCookie, request: LoginRequest) -> Result<impl IntoResponse, Error> {
///     let login = tenant.auth().login(request).await?;
///     Ok((cookie.begin(&login)?, Redirect::to("/")))
/// }
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionCookie {
    name: String,
    same_site: SameSite,
    secure: bool,
}

const PREFIX: &str = "__Host-";

impl Default for SessionCookie {
    fn default() -> Self {
        Self { name: format!("{PREFIX}session"), same_site: SameSite::Lax, secure: true }
    }
}

impl SessionCookie {
    /// Sets the name, after the prefix `__Host-`, for applications that share a host.
    ///
    /// ```
    /// use watertight::web::SessionCookie;
    ///
    /// // The desk and the web shop share a host, and each has its own sessions.
    /// let desk = SessionCookie::default().named("desk")?;
    /// let shop = SessionCookie::default().named("shop")?;
    /// assert_eq!((desk.name(), shop.name()), ("__Host-desk", "__Host-shop"));
    /// assert!(SessionCookie::default().named("front desk").is_err());
    /// # Ok::<(), watertight::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::InvalidInput`] for a name with characters other than ASCII letters, digits, `-` and `_`.
    pub fn named(mut self, name: &str) -> Result<Self, Error> {
        if name.is_empty() || !name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
        {
            let reason = "contains other characters than letters, digits, - and _, or is empty; choose \
                          another name"
                .to_owned();
            return Err(InvalidInput { what: "cookie name", value: name.to_owned(), reason }.into());
        }
        self.name = if self.secure { format!("{PREFIX}{name}") } else { name.to_owned() };
        Ok(self)
    }

    /// Sets the attribute `SameSite=Strict`.
    ///
    /// A user who follows a link from another site or an email is then not logged in on the first page.
    ///
    /// ```
    /// use axum::response::IntoResponse;
    /// use watertight::web::SessionCookie;
    ///
    /// let removed = SessionCookie::default().strict().clear()?.into_response();
    /// let header = &removed.headers()["set-cookie"];
    /// assert_eq!(header, "__Host-session=; HttpOnly; SameSite=Strict; Secure; Path=/; Max-Age=0");
    /// # Ok::<(), watertight::Error>(())
    /// ```
    #[must_use]
    pub fn strict(mut self) -> Self {
        self.same_site = SameSite::Strict;
        self
    }

    /// Omits the attribute `Secure` and the prefix `__Host-`, for hosts without TLS.
    ///
    /// Anyone who can read the network traffic can then take over the session. `localhost` does not need this
    /// setting.
    ///
    /// ```
    /// use watertight::web::SessionCookie;
    ///
    /// /// Tablets in the waiting room reach the test system at `http://10.0.0.5`.
    /// fn session_cookie(is_test_system: bool) -> SessionCookie {
    ///     let cookie = SessionCookie::default();
    ///     if is_test_system { cookie.dangerous_without_secure() } else { cookie }
    /// }
    ///
    /// assert_eq!(session_cookie(true).name(), "session");
    /// assert_eq!(session_cookie(false).name(), "__Host-session");
    /// ```
    #[must_use]
    pub fn dangerous_without_secure(mut self) -> Self {
        self.secure = false;
        self.name = self.name.trim_start_matches(PREFIX).to_owned();
        self
    }

    /// The name of the cookie, with its prefix.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Creates the response header that sets the cookie of a new session.
    ///
    /// # Errors
    /// Never in practice: a token consists of letters, digits, `-`, `_` and `.`, which a header accepts.
    pub fn begin(&self, login: &Login) -> Result<SetSessionCookie, Error> {
        // Both times come from the database, so the clock of the process is not involved.
        let age = login.session.expires_at - login.session.created_at;
        self.set(&login.token, age.to_std().unwrap_or_default())
    }

    /// Creates the response header for a session that the application created or renewed itself.
    ///
    /// ```
    /// use watertight::auth::SessionMetadata;
    /// use watertight::web::{SessionCookie, SetSessionCookie};
    /// use watertight::{Error, TenantConnection};
    ///
    /// /// Logs in a user after another system has authenticated the user.
    /// async fn begin(
    ///     tenant: &TenantConnection,
    ///     cookie: &SessionCookie,
    ///     user: uuid::Uuid,
    /// ) -> Result<SetSessionCookie, Error> {
    ///     let sessions = tenant.auth().sessions();
    ///     let session = sessions.create(user, &SessionMetadata::default()).await?;
    ///     let token = sessions.issue_token(session.id).await?;
    ///     let age = session.expires_at - session.created_at;
    ///     cookie.set(&token, age.to_std().unwrap_or_default())
    /// }
    /// ```
    ///
    /// # Errors
    /// As [`SessionCookie::begin`].
    pub fn set(&self, token: &SessionToken, age: Duration) -> Result<SetSessionCookie, Error> {
        self.header(token.expose_secret(), age)
    }

    /// Creates the response header that removes the cookie.
    ///
    /// # Errors
    /// Never in practice.
    pub fn clear(&self) -> Result<SetSessionCookie, Error> {
        self.header("", Duration::ZERO)
    }

    /// The cookie of the device, with the attributes of the session's.
    pub(super) fn of_device(&self) -> Self {
        Self { name: format!("{}-device", self.name), ..self.clone() }
    }

    pub(super) fn header(&self, token: &str, age: Duration) -> Result<SetSessionCookie, Error> {
        let cookie = Cookie::build((self.name.as_str(), token))
            .path("/")
            .http_only(true)
            .secure(self.secure)
            .same_site(self.same_site)
            .max_age(cookie::time::Duration::try_from(age).unwrap_or(cookie::time::Duration::MAX));
        let text = Zeroizing::new(cookie.to_string());
        let reason = "contains characters that the value of a cookie cannot have";
        let mut value = HeaderValue::from_str(&text)
            .map_err(|_| AuthError::InvalidSecret { what: "session token", reason })?;
        value.set_sensitive(true);
        Ok(SetSessionCookie { name: self.name.clone(), value })
    }

    /// The token in the cookie of a request.
    ///
    /// A request with two cookies of the name has none: a browser sends two only if another site set one of
    /// them.
    pub(super) fn read<'h>(&self, headers: &'h HeaderMap) -> Option<&'h str> {
        let texts = headers.get_all(COOKIE).iter().filter_map(|value| value.to_str().ok());
        let mut tokens = texts
            .flat_map(|text| text.split(';'))
            .filter_map(|pair| pair.trim().split_once('='))
            .filter(|(name, _)| *name == self.name)
            .map(|(_, token)| token);
        match (tokens.next(), tokens.next()) {
            (Some(token), None) => Some(token),
            _ => None,
        }
    }
}

impl Tenancy {
    /// Sets the configuration of the session cookie.
    ///
    /// ```no_run
    /// use watertight::web::{SessionCookie, Tenancy};
    /// use watertight::{Error, TenantId, Watertight};
    ///
    /// # async fn example(clinic: TenantId) -> Result<(), Error> {
    /// let water = Watertight::connect_from_env().await?;
    /// let tenancy = Tenancy::by_host(water, [("clinic.example.com", clinic)])?
    ///     .session_cookie(SessionCookie::default().named("desk")?.strict());
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn session_cookie(mut self, cookie: SessionCookie) -> Self {
        self.cookie = cookie;
        self
    }
}

impl<S> FromRequestParts<S> for SessionCookie
where
    S: Send + Sync,
    Tenancy: FromRef<S>,
{
    type Rejection = Infallible;

    async fn from_request_parts(_: &mut Parts, state: &S) -> Result<Self, Infallible> {
        Ok(Tenancy::from_ref(state).cookie)
    }
}

/// A response header that sets or removes the cookie of a session, or sets that of a device. `Debug` does not print the token.
#[derive(Clone)]
#[must_use = "the browser keeps its old cookie unless the response contains this value"]
pub struct SetSessionCookie {
    name: String,
    value: HeaderValue,
}

impl SetSessionCookie {
    /// Adds the header to a response, unless the response already sets the cookie.
    pub(super) fn add_unless_set(self, headers: &mut HeaderMap) {
        let sets_it = |value: &HeaderValue| {
            value.as_bytes().strip_prefix(self.name.as_bytes()).is_some_and(|rest| rest.starts_with(b"="))
        };
        if !headers.get_all(SET_COOKIE).iter().any(sets_it) {
            headers.append(SET_COOKIE, self.value);
        }
    }
}

impl fmt::Debug for SetSessionCookie {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SetSessionCookie").field("name", &self.name).finish_non_exhaustive()
    }
}

impl IntoResponseParts for SetSessionCookie {
    type Error = Infallible;

    fn into_response_parts(self, mut response: ResponseParts) -> Result<ResponseParts, Infallible> {
        response.headers_mut().append(SET_COOKIE, self.value);
        Ok(response)
    }
}

impl IntoResponse for SetSessionCookie {
    fn into_response(self) -> Response {
        (self, ()).into_response()
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn text(set: &SetSessionCookie) -> String {
        assert!(set.value.is_sensitive());
        assert!(!format!("{set:?}").contains("t.k"));
        set.value.to_str().unwrap().to_owned()
    }

    #[test]
    fn it_has_every_attribute_that_keeps_it() {
        let cookie = SessionCookie::default();
        let hour = Duration::from_hours(1);
        let set = text(&cookie.header("t.k", hour).unwrap());
        assert_eq!(set, "__Host-session=t.k; HttpOnly; SameSite=Lax; Secure; Path=/; Max-Age=3600");
        let cleared = text(&cookie.clear().unwrap());
        assert_eq!(cleared, "__Host-session=; HttpOnly; SameSite=Lax; Secure; Path=/; Max-Age=0");
        let own = text(&cookie.named("till").unwrap().strict().header("t.k", hour).unwrap());
        assert_eq!(own, "__Host-till=t.k; HttpOnly; SameSite=Strict; Secure; Path=/; Max-Age=3600");
        let plain = SessionCookie::default().dangerous_without_secure();
        let set = text(&plain.clone().header("t.k", hour).unwrap());
        assert_eq!(set, "session=t.k; HttpOnly; SameSite=Lax; Path=/; Max-Age=3600");
        assert_eq!(plain.named("till").unwrap().name(), "till");
        for bad in ["", "a b", "a=b", "a;b", "ä"] {
            assert!(SessionCookie::default().named(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn it_is_read_where_it_is_there_once() {
        let cookie = SessionCookie::default();
        let read = |values: &[&'static str]| {
            let mut headers = HeaderMap::new();
            for value in values {
                headers.append(COOKIE, HeaderValue::from_static(value));
            }
            cookie.read(&headers).map(str::to_owned)
        };
        assert_eq!(read(&["a=b; __Host-session=t.k; c=d"]).as_deref(), Some("t.k"));
        assert_eq!(read(&["a=b", "__Host-session=t.k"]).as_deref(), Some("t.k"), "as HTTP/2 may split it");
        assert_eq!(read(&[]), None);
        assert_eq!(read(&["session=t.k; __host-session=t.k; __Host-session"]), None);
        assert_eq!(read(&["__Host-session=t.k; __Host-session=t.k"]), None);
        assert_eq!(read(&["__Host-session=t.k", "__Host-session=other"]), None);
    }
}
