//! Why a request is not handled.

use axum_core::response::{IntoResponse, Response};
use http::StatusCode;

use crate::Error;

/// Why a request has no tenant.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TenantRejection {
    /// The request names no host: 400.
    #[error("the request names no host")]
    NoHost,
    /// The request names two hosts: 400.
    #[error("the request names more than one host")]
    AmbiguousHost,
    /// The request names something that is no host: 400.
    #[error("the request's host is malformed")]
    MalformedHost,
    /// The header that names the tenant is missing: 400.
    #[error("the request names no tenant")]
    NoTenantHeader,
    /// The header that names the tenant is there more than once: 400.
    #[error("the request names more than one tenant")]
    AmbiguousTenantHeader,
    /// The header that names the tenant holds no UUID, or the nil UUID: 400.
    #[error("the request's tenant is malformed")]
    MalformedTenantHeader,
    /// There is no such tenant: 404.
    #[error("not found")]
    UnknownTenant,
    /// The tenant could not be looked up: 500. What went wrong is logged, and not told.
    #[error(transparent)]
    Failed(#[from] Error),
}

impl TenantRejection {
    /// The status to answer with.
    #[must_use]
    pub const fn status(&self) -> StatusCode {
        match self {
            Self::UnknownTenant => StatusCode::NOT_FOUND,
            Self::Failed(_) => StatusCode::INTERNAL_SERVER_ERROR,
            _ => StatusCode::BAD_REQUEST,
        }
    }
}

impl IntoResponse for TenantRejection {
    fn into_response(self) -> Response {
        match self {
            Self::Failed(error) => failed(&error),
            told => (told.status(), told.to_string()).into_response(),
        }
    }
}

/// Why a request is of no one who has logged in.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SessionRejection {
    /// The request has no tenant.
    #[error(transparent)]
    Tenant(#[from] TenantRejection),
    /// No cookie, more than one, or one that is forged, of another tenant or of a session that has ended: 401.
    #[error("log in")]
    NotLoggedIn,
    /// The session could not be looked up: 500. What went wrong is logged, and not told.
    #[error(transparent)]
    Failed(#[from] Error),
}

impl SessionRejection {
    /// The status to answer with.
    #[must_use]
    pub const fn status(&self) -> StatusCode {
        match self {
            Self::Tenant(rejection) => rejection.status(),
            Self::NotLoggedIn => StatusCode::UNAUTHORIZED,
            Self::Failed(_) => StatusCode::INTERNAL_SERVER_ERROR,
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

fn failed(error: &Error) -> Response {
    tracing::error!(%error, "a request could not be handled");
    (StatusCode::INTERNAL_SERVER_ERROR, "something went wrong").into_response()
}
