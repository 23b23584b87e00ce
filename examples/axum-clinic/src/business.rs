//! The business of a request.

use axum::extract::{FromRef, FromRequestParts};
use axum::http::request::Parts;
use watertight::BookingError;
use watertight::MalformedRow;
use watertight::TenantConnection;
use watertight::chrono_tz::Tz;
use watertight::web::Tenancy;

use crate::problem::Problem;

/// The tenant of the request, with the profile that every page shows.
pub(crate) struct Business {
    pub(crate) tenant: TenantConnection,
    pub(crate) name: String,
    pub(crate) slogan: Option<String>,
    pub(crate) phone: String,
    pub(crate) address: Option<String>,
    pub(crate) zone: Tz,
}

impl<S> FromRequestParts<S> for Business
where
    S: Send + Sync,
    Tenancy: FromRef<S>,
{
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let tenant = TenantConnection::from_request_parts(parts, state).await?;
        let profile = tenant.content().get_profile().await?.ok_or(Problem::NotFound)?;
        let zone = profile.time_zone.parse().map_err(|_| {
            let reason = format!("{:?} is not an IANA time zone", profile.time_zone);
            BookingError::from(MalformedRow::new("public.business_profile.time_zone", reason))
        });
        let address = [profile.street_address, profile.city].join(", ");
        Ok(Self {
            tenant,
            name: profile.name,
            slogan: profile.slogan,
            phone: profile.phone,
            address: Some(address).filter(|address| address.len() > 2),
            zone: zone?,
        })
    }
}
