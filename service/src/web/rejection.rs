//! Why a request is not handled.

use axum_core::response::{IntoResponse, Response};
use http::StatusCode;
use sea_orm::DbErr;

use crate::error::Error;
use crate::operations::RoutingError;
use crate::tenant::TenantIdError;

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

pub(super) fn failed(error: &Error) -> Response {
    tracing::error!(%error, "a request could not be handled");
    (StatusCode::INTERNAL_SERVER_ERROR, "something went wrong").into_response()
}
