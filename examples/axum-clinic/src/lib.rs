//! A web application on watertight, in which clients book appointments and the owner sees the day.
//!
//! A clinic and a studio share the process and the database, each with its own host. Run it with
//! `cargo xtask clinic`. Modules to begin with:
//!
//! - [`router`]: the routes, and the four layers around all of them.
//! - `booking`: handlers that take a tenant's connection, and therefore reach only the tenant's rows.
//! - `login` and `second_factor`: a password, a TOTP code or a backup code, and a cookie.
//! - `staff`: an extractor of the application, which restricts the day to staff.
//! - `problem`: every error as a page and a status. Internal errors are logged and not shown.
//!
//! - `visits`: a limit on the bookings of one address.
//!
//! TLS and further rate limits are the task of a proxy.

mod account;
mod booking;
mod business;
mod calendar;
mod client_address;
mod day;
pub mod demo;
mod extract;
mod login;
mod page;
mod pending;
mod problem;
mod second_factor;
mod staff;
mod visits;

use axum::Router;
use axum::extract::{DefaultBodyLimit, FromRef, MatchedPath, Request};
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use watertight::web::{CsrfLayer, RenewalLayer, SecurityHeaders, Tenancy};

pub use crate::client_address::AddressSource;
use crate::pending::PendingLogins;
use crate::problem::Problem;
use crate::visits::Visits;

/// The largest size of a request, more than any form needs.
const MOST_BYTES: usize = 64 << 10;

#[derive(Clone, FromRef)]
struct App {
    tenancy: Tenancy,
    pending: PendingLogins,
    visits: Visits,
    addresses: AddressSource,
}

/// The application for the tenants of a tenancy, whose clients connect to it.
pub fn router(tenancy: Tenancy) -> Router {
    router_with(tenancy, AddressSource::Connection)
}

/// The application for the tenants of a tenancy.
pub fn router_with(tenancy: Tenancy, addresses: AddressSource) -> Router {
    Router::new()
        .route("/", get(booking::services))
        .route("/book", get(booking::times).post(booking::book))
        .route("/booked", get(booking::confirmation))
        .route("/booking", get(booking::find_form).post(booking::find))
        .route("/login", get(login::form).post(login::log_in))
        .route("/login/code", post(login::second_factor))
        .route("/logout", post(login::log_out))
        .route("/account", get(account::show))
        .route("/account/second-factor", post(second_factor::enroll))
        .route("/account/second-factor/confirm", post(second_factor::confirm))
        .route("/account/second-factor/off", post(second_factor::turn_off))
        .route("/day", get(day::show))
        .route("/day/{booking}", post(day::move_to))
        .route("/style.css", get(style))
        .fallback(async || Problem::NotFound)
        .method_not_allowed_fallback(async || Problem::MethodNotAllowed)
        .with_state(App { tenancy, pending: PendingLogins::default(), visits: Visits::default(), addresses })
        .layer(DefaultBodyLimit::max(MOST_BYTES))
        .layer(RenewalLayer::new())
        .layer(CsrfLayer::new())
        .layer(SecurityHeaders::new())
        .layer(middleware::from_fn(log))
}

async fn style() -> impl IntoResponse {
    let headers = [(CONTENT_TYPE, "text/css; charset=utf-8"), (CACHE_CONTROL, "public, max-age=3600")];
    (headers, include_str!("style.css"))
}

/// Logs requests by route, because paths and queries contain typed text.
async fn log(request: Request, next: Next) -> Response {
    let method = request.method().clone();
    let route = request.extensions().get::<MatchedPath>().map(|path| path.as_str().to_owned());
    let response = next.run(request).await;
    tracing::info!(%method, route = route.unwrap_or_default(), status = response.status().as_u16());
    response
}
