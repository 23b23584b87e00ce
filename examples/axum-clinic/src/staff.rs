//! The extractor for users who may see the day.

use axum::extract::{FromRef, FromRequestParts};
use axum::http::request::Parts;
use watertight::auth::{Role, User};
use watertight::web::{LoggedIn, Tenancy};

use crate::problem::Problem;

/// A logged-in user who runs the business.
pub(crate) struct Staff(pub(crate) User);

/// Returns true if the user runs the business.
pub(crate) const fn runs_business(user: &User) -> bool {
    matches!(user.role, Role::BusinessOwner | Role::Admin | Role::SuperAdmin)
}

impl<S> FromRequestParts<S> for Staff
where
    S: Send + Sync,
    Tenancy: FromRef<S>,
{
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let known = <LoggedIn as FromRequestParts<S>>::from_request_parts(parts, state).await?;
        if runs_business(&known.user) { Ok(Self(known.user)) } else { Err(Problem::Forbidden) }
    }
}
