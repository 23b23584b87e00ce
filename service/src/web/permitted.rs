//! Guards of routes by permission.

use std::fmt;
use std::marker::PhantomData;
use std::ops::Deref;

use axum_core::extract::{FromRef, FromRequestParts};
use axum_core::response::{IntoResponse, Response};
use http::StatusCode;
use http::request::Parts;

use super::session::{LoggedIn, SessionRejection};
use super::tenancy::Tenancy;
use crate::auth::{Permission, RolePermissions};

/// A permission as a type, for [`Permitted`].
pub trait RequiredPermission {
    /// The permission.
    const PERMISSION: Permission;
}

/// The logged-in user of a request, who has a permission.
///
/// A handler that takes it rejects requests without a logged-in user (401) and users without the permission (403). The
/// state of the router contains the [`RolePermissions`].
///
/// ```
/// use axum::{Router, extract::FromRef, routing::get};
/// use watertight::auth::{Permission, Role, RolePermissions};
/// use watertight::web::{Permitted, RequiredPermission, Tenancy};
///
/// struct ReadTakings;
///
/// impl RequiredPermission for ReadTakings {
///     const PERMISSION: Permission = Permission::new("takings:read");
/// }
///
/// #[derive(Clone)]
/// struct App {
///     tenancy: Tenancy,
///     permissions: RolePermissions,
/// }
/// # impl FromRef<App> for Tenancy {
/// #     fn from_ref(app: &App) -> Self { app.tenancy.clone() }
/// # }
/// # impl FromRef<App> for RolePermissions {
/// #     fn from_ref(app: &App) -> Self { app.permissions.clone() }
/// # }
///
/// async fn takings(known: Permitted<ReadTakings>) -> String {
///     format!("{} may see them", known.user.handle)
/// }
///
/// let permissions = RolePermissions::new().grant(Role::BusinessOwner, [ReadTakings::PERMISSION]);
/// let routes: Router<App> = Router::new().route("/takings", get(takings));
/// ```
pub struct Permitted<P> {
    known: LoggedIn,
    permission: PhantomData<fn() -> P>,
}

impl<P> Permitted<P> {
    /// The user and the session.
    #[must_use]
    pub fn into_logged_in(self) -> LoggedIn {
        self.known
    }
}

impl<P> Deref for Permitted<P> {
    type Target = LoggedIn;

    fn deref(&self) -> &LoggedIn {
        &self.known
    }
}

impl<P> fmt::Debug for Permitted<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Permitted").field(&self.known).finish()
    }
}

impl<S, P> FromRequestParts<S> for Permitted<P>
where
    S: Send + Sync,
    P: RequiredPermission,
    Tenancy: FromRef<S>,
    RolePermissions: FromRef<S>,
{
    type Rejection = PermissionRejection;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, PermissionRejection> {
        let known = <LoggedIn as FromRequestParts<S>>::from_request_parts(parts, state).await?;
        if RolePermissions::from_ref(state).allows(&known.user, P::PERMISSION) {
            Ok(Self { known, permission: PhantomData })
        } else {
            Err(PermissionRejection::Forbidden { permission: P::PERMISSION })
        }
    }
}

/// The reason why a request is not permitted.
///
/// The rejection is a response. A handler that takes a `Result` answers with its own:
///
/// ```
/// use axum::http::StatusCode;
/// use watertight::auth::Permission;
/// use watertight::web::PermissionRejection;
///
/// let rejection = PermissionRejection::Forbidden { permission: Permission::new("takings:read") };
/// assert_eq!(rejection.status(), StatusCode::FORBIDDEN);
/// ```
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PermissionRejection {
    /// The request has no logged-in user.
    #[error(transparent)]
    Session(#[from] SessionRejection),
    /// The user lacks the permission: 403.
    #[error("the user lacks the permission {}", permission.as_str())]
    Forbidden {
        /// The permission. It is not part of the response.
        permission: Permission,
    },
}

impl PermissionRejection {
    /// The status of the response.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        match self {
            Self::Session(rejection) => rejection.status(),
            Self::Forbidden { .. } => StatusCode::FORBIDDEN,
        }
    }
}

impl IntoResponse for PermissionRejection {
    fn into_response(self) -> Response {
        match self {
            Self::Session(rejection) => rejection.into_response(),
            Self::Forbidden { .. } => (StatusCode::FORBIDDEN, "not permitted").into_response(),
        }
    }
}
