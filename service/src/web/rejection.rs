//! Rejections of requests.

use axum_core::response::{IntoResponse, Response};
use http::{StatusCode, header};
use sea_orm::DbErr;

use crate::error::Error;
use crate::operations::RoutingError;
use crate::tenant::TenantIdError;

/// The reason why a request has no tenant.
///
/// The rejection is a response. A handler that takes a `Result` answers with its own:
///
/// ```
/// use axum::http::StatusCode;
/// use axum::response::{Html, IntoResponse, Response};
/// use watertight::TenantConnection;
/// use watertight::web::TenantRejection;
///
/// async fn welcome(tenant: Result<TenantConnection, TenantRejection>) -> Response {
///     match tenant {
///         Ok(_) => Html("<h1>Welcome</h1>").into_response(),
///         Err(TenantRejection::UnknownTenant) => {
///             (StatusCode::NOT_FOUND, Html("<h1>No clinic has this address</h1>")).into_response()
///         }
///         Err(other) => other.into_response(),
///     }
/// }
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// assert_eq!(welcome(Err(TenantRejection::UnknownTenant)).await.status(), StatusCode::NOT_FOUND);
/// assert_eq!(welcome(Err(TenantRejection::AmbiguousHost)).await.status(), StatusCode::BAD_REQUEST);
/// # }
/// ```
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TenantRejection {
    /// The request names no host: 400.
    #[error("the request has no host")]
    NoHost,
    /// The request names two hosts: 400.
    #[error("the request has more than one host")]
    AmbiguousHost,
    /// The host of the request is malformed: 400.
    #[error("the request's host is malformed")]
    MalformedHost,
    /// The header that names the tenant is missing: 400.
    #[error("the request names no tenant")]
    NoTenantHeader,
    /// The request has the header that names the tenant more than once: 400.
    #[error("the request names more than one tenant")]
    AmbiguousTenantHeader,
    /// The header that names the tenant contains no UUID, or the nil UUID: 400.
    #[error("the request's tenant is malformed")]
    MalformedTenantHeader,
    /// The tenant does not exist: 404.
    #[error("not found")]
    UnknownTenant,
    /// The lookup of the tenant failed: 500, or 503 if the database was not available. The reason is logged and not revealed.
    #[error(transparent)]
    Failed(#[from] Error),
}

impl From<RoutingError> for TenantRejection {
    fn from(error: RoutingError) -> Self {
        Self::Failed(error.into())
    }
}

impl From<TenantIdError> for TenantRejection {
    fn from(error: TenantIdError) -> Self {
        Self::Failed(error.into())
    }
}

impl From<DbErr> for TenantRejection {
    fn from(error: DbErr) -> Self {
        Self::Failed(error.into())
    }
}

impl TenantRejection {
    /// The status of the response.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        match self {
            Self::UnknownTenant => StatusCode::NOT_FOUND,
            Self::Failed(error) => status_of(error),
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

/// The seconds after which a client tries again.
const RETRY_AFTER: &str = "5";

pub(super) fn failed(error: &Error) -> Response {
    tracing::error!(%error, "a request failed");
    let status = status_of(error);
    match status {
        StatusCode::SERVICE_UNAVAILABLE => {
            (status, [(header::RETRY_AFTER, RETRY_AFTER)], "try again in some seconds").into_response()
        }
        _ => (status, "internal server error").into_response(),
    }
}

pub(super) fn status_of(error: &Error) -> StatusCode {
    if error.is_unavailable() { StatusCode::SERVICE_UNAVAILABLE } else { StatusCode::INTERNAL_SERVER_ERROR }
}
