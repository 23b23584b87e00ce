//! The logged-in user of a request.

use std::fmt;

use axum_core::extract::{FromRef, FromRequestParts, OptionalFromRequestParts};
use axum_core::response::{IntoResponse, Response};
use http::StatusCode;
use http::request::Parts;
use sea_orm::DbErr;
use secrecy::{ExposeSecret, SecretString};

use super::cookie::{SessionCookie, SetSessionCookie};
use super::rejection::{TenantRejection, failed, status_of};
use super::renewal::Renewal;
use super::tenancy::Tenancy;
use crate::auth::AuthError;
use crate::auth::{Session, User};
use crate::error::Error;
use crate::tenant::{TenantConnection, clock};

/// The logged-in user of a request, authenticated by the session's cookie.
///
/// A handler that takes `LoggedIn` rejects requests without a logged-in user. A handler that takes
/// `Option<LoggedIn>` accepts all requests. The application decides on the rights of the user:
///
/// ```
/// use axum::http::StatusCode;
/// use watertight::auth::Role;
/// use watertight::web::LoggedIn;
///
/// async fn takings(known: LoggedIn) -> Result<&'static str, StatusCode> {
///     if known.user.role != Role::BusinessOwner {
///         return Err(StatusCode::FORBIDDEN);
///     }
///     Ok("plenty")
/// }
/// # let routes: axum::Router<watertight::web::Tenancy> =
/// #     axum::Router::new().route("/", axum::routing::get(takings));
/// ```
#[non_exhaustive]
pub struct LoggedIn {
    /// The user, as read for this request.
    pub user: User,
    /// The session.
    pub session: Session,
    tenant: TenantConnection,
    token: SecretString,
    cookie: SessionCookie,
}

impl LoggedIn {
    /// The tenant's connection.
    #[must_use]
    pub const fn tenant(&self) -> &TenantConnection {
        &self.tenant
    }

    /// Ends the session. The returned header removes the cookie.
    ///
    /// ```
    /// use axum::Router;
    /// use axum::response::{IntoResponse, Redirect};
    /// use axum::routing::post;
    /// use watertight::web::{LoggedIn, SessionRejection, Tenancy};
    ///
    /// async fn log_out(known: LoggedIn) -> Result<impl IntoResponse, SessionRejection> {
    ///     Ok((known.log_out().await?, Redirect::to("/")))
    /// }
    ///
    /// let routes: Router<Tenancy> = Router::new().route("/logout", post(log_out));
    /// ```
    ///
    /// # Errors
    /// [`Error::Auth`] for an error of the database.
    pub async fn log_out(self) -> Result<SetSessionCookie, Error> {
        self.tenant.auth().logout(self.token.expose_secret()).await?;
        self.cookie.clear()
    }

    async fn find(parts: &mut Parts, tenancy: &Tenancy) -> Result<Self, SessionRejection> {
        let tenant = tenancy.tenant_of(parts).await?;
        let cookie = tenancy.cookie.clone();
        let token = cookie.read(&parts.headers).ok_or(SessionRejection::NotLoggedIn)?;
        let known = tenant.auth().authenticate(token).await?.ok_or(SessionRejection::NotLoggedIn)?;
        let mut session = known.session;
        // Without the layer that sets the cookie again, renewal has no effect on the browser.
        if let Some(renewal) = parts.extensions.get::<Renewal>().filter(|_| known.renewal_due) {
            let renewed = tenant.auth().sessions().renew(session.id).await?;
            session = renewed.ok_or(SessionRejection::NotLoggedIn)?;
            let now = clock::now(&tenant).await?;
            let age = (session.expires_at - now).to_std().unwrap_or_default();
            renewal.tell(cookie.header(token, age)?);
        }
        let token = token.into();
        Ok(Self { user: known.user, session, tenant, token, cookie })
    }
}

impl fmt::Debug for LoggedIn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LoggedIn")
            .field("user", &self.user)
            .field("session", &self.session)
            .finish_non_exhaustive()
    }
}

impl<S> FromRequestParts<S> for LoggedIn
where
    S: Send + Sync,
    Tenancy: FromRef<S>,
{
    type Rejection = SessionRejection;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, SessionRejection> {
        Self::find(parts, &Tenancy::from_ref(state)).await
    }
}

impl<S> OptionalFromRequestParts<S> for LoggedIn
where
    S: Send + Sync,
    Tenancy: FromRef<S>,
{
    type Rejection = SessionRejection;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Option<Self>, SessionRejection> {
        match Self::find(parts, &Tenancy::from_ref(state)).await {
            Ok(known) => Ok(Some(known)),
            Err(SessionRejection::NotLoggedIn) => Ok(None),
            Err(rejection) => Err(rejection),
        }
    }
}

/// The reason why a request has no logged-in user.
///
/// The rejection is a response. A handler that takes a `Result` answers with its own:
///
/// ```
/// use axum::http::StatusCode;
/// use axum::response::{IntoResponse, Redirect, Response};
/// use watertight::web::{LoggedIn, SessionRejection};
///
/// /// Sends a browser to the login page.
/// async fn calendar(known: Result<LoggedIn, SessionRejection>) -> Response {
///     match known {
///         Ok(known) => format!("The calendar of {}", known.user.handle).into_response(),
///         Err(SessionRejection::NotLoggedIn) => Redirect::to("/login").into_response(),
///         Err(other) => other.into_response(),
///     }
/// }
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// assert_eq!(SessionRejection::NotLoggedIn.status(), StatusCode::UNAUTHORIZED);
/// assert_eq!(calendar(Err(SessionRejection::NotLoggedIn)).await.status(), StatusCode::SEE_OTHER);
/// # }
/// ```
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SessionRejection {
    /// The request has no tenant.
    #[error(transparent)]
    Tenant(#[from] TenantRejection),
    /// The request has no valid session cookie: 401.
    ///
    /// The cookie is missing, duplicated or forged, or belongs to another tenant or to an expired session.
    #[error("log in")]
    NotLoggedIn,
    /// The lookup of the session failed: 500, or 503 if the database was not available. The reason is logged and not
    /// revealed.
    #[error(transparent)]
    Failed(#[from] Error),
}

impl From<AuthError> for SessionRejection {
    fn from(error: AuthError) -> Self {
        Self::Failed(error.into())
    }
}

impl From<DbErr> for SessionRejection {
    fn from(error: DbErr) -> Self {
        Self::Failed(error.into())
    }
}

impl SessionRejection {
    /// The status of the response.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        match self {
            Self::Tenant(rejection) => rejection.status(),
            Self::NotLoggedIn => StatusCode::UNAUTHORIZED,
            Self::Failed(error) => status_of(error),
        }
    }
}

impl IntoResponse for SessionRejection {
    fn into_response(self) -> Response {
        match self {
            Self::Tenant(rejection) => rejection.into_response(),
            Self::NotLoggedIn => (StatusCode::UNAUTHORIZED, "log in").into_response(),
            Self::Failed(error) => failed(&error),
        }
    }
}
