//! Errors as pages: the page shows the remedy, and internal errors are logged.

use axum::extract::rejection::{FormRejection, PathRejection, QueryRejection};
use axum::http::StatusCode;
use axum::http::header::RETRY_AFTER;
use axum::response::{IntoResponse, Redirect, Response};
use maud::{Markup, html};
use sea_orm::DbErr;
use watertight::BookingError;
use watertight::Error;
use watertight::auth::AuthError;
use watertight::web::{SessionRejection, TenantRejection};

use crate::{page, visits};

#[derive(Debug)]
pub(crate) enum Problem {
    NotFound,
    MethodNotAllowed,
    /// The request is malformed.
    Malformed(StatusCode),
    /// The request has an invalid value.
    Invalid(String),
    /// The request is based on an outdated page.
    Outdated(String),
    /// The user has to log in first.
    LogIn,
    Forbidden,
    /// The address has made too many bookings.
    TooMany,
    Tenant(TenantRejection),
    Internal(Error),
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let (status, title, text) = match self {
            Self::LogIn => return Redirect::to("/login").into_response(),
            Self::NotFound => {
                (StatusCode::NOT_FOUND, "Not found", "There is no such page, or not any more.".to_owned())
            }
            Self::MethodNotAllowed => (
                StatusCode::METHOD_NOT_ALLOWED,
                "Not possible",
                "That cannot be done with this page.".to_owned(),
            ),
            Self::Malformed(status) => (
                status,
                "Not understood",
                "What your browser sent is incomplete. Go back, reload the page, and send it again."
                    .to_owned(),
            ),
            Self::Invalid(text) => (StatusCode::UNPROCESSABLE_ENTITY, "Please check", text),
            Self::Outdated(text) => (StatusCode::CONFLICT, "Things have changed", text),
            Self::Forbidden => (
                StatusCode::FORBIDDEN,
                "Not for you",
                "Your account may not see this. Ask the owner.".to_owned(),
            ),
            Self::TooMany => return too_many(),
            Self::Tenant(TenantRejection::Failed(error)) | Self::Internal(error) => return internal(&error),
            Self::Tenant(rejection) => return rejection.into_response(),
        };
        let content = html! {
            h1 { (title) }
            p role="alert" { (text) }
            p { a href="/" { "To the first page" } }
        };
        (status, page::plain(title, &content)).into_response()
    }
}

fn internal(error: &Error) -> Response {
    if error.is_unavailable() {
        tracing::warn!(%error, "a request was refused");
        return busy();
    }
    tracing::error!(%error, "a request failed");
    let text = "Something went wrong on our side. Try again later.";
    (StatusCode::INTERNAL_SERVER_ERROR, sorry(text)).into_response()
}

/// The page while too much is asked of the server.
pub(crate) fn busy() -> Response {
    let page = sorry("We are busy at the moment. Try again in a minute.");
    (StatusCode::SERVICE_UNAVAILABLE, [(RETRY_AFTER, "5")], page).into_response()
}

fn too_many() -> Response {
    let page = sorry("You have booked several times within an hour. Give us a call, or try again later.");
    let wait = visits::WINDOW.as_secs().to_string();
    (StatusCode::TOO_MANY_REQUESTS, [(RETRY_AFTER, wait)], page).into_response()
}

fn sorry(text: &str) -> Markup {
    page::plain("Sorry", &html! { h1 { "Sorry" } p role="alert" { (text) } })
}

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        if error.is_not_found() {
            Self::NotFound
        } else if error.is_invalid_input() {
            Self::Invalid(error.to_string())
        } else if error.is_conflict() {
            Self::Outdated(error.to_string())
        } else {
            Self::Internal(error)
        }
    }
}

impl From<AuthError> for Problem {
    fn from(error: AuthError) -> Self {
        Error::from(error).into()
    }
}

impl From<BookingError> for Problem {
    fn from(error: BookingError) -> Self {
        Error::from(error).into()
    }
}

impl From<DbErr> for Problem {
    fn from(error: DbErr) -> Self {
        Self::Internal(error.into())
    }
}

impl From<TenantRejection> for Problem {
    fn from(rejection: TenantRejection) -> Self {
        Self::Tenant(rejection)
    }
}

impl From<SessionRejection> for Problem {
    fn from(rejection: SessionRejection) -> Self {
        match rejection {
            SessionRejection::Tenant(rejection) => Self::Tenant(rejection),
            SessionRejection::Failed(error) => Self::Internal(error),
            _ => Self::LogIn,
        }
    }
}

impl From<FormRejection> for Problem {
    fn from(rejection: FormRejection) -> Self {
        Self::Malformed(rejection.status())
    }
}

impl From<QueryRejection> for Problem {
    fn from(rejection: QueryRejection) -> Self {
        Self::Malformed(rejection.status())
    }
}

impl From<PathRejection> for Problem {
    fn from(_: PathRejection) -> Self {
        Self::NotFound
    }
}
