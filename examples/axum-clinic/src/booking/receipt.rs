//! The cookie with the code of a visitor's booking.
//!
//! A code in a path would be in the logs of every proxy and in the history of the browser.

use std::convert::Infallible;

use axum::extract::FromRequestParts;
use axum::http::header::{COOKIE, SET_COOKIE};
use axum::http::request::Parts;
use axum::http::{HeaderName, HeaderValue};
use axum::response::{IntoResponse, Redirect, Response};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};

use crate::problem::Problem;

const NAME: &str = "__Host-booking";
/// The longest text that can be a code, as typed.
pub(crate) const MOST_BYTES: usize = 64;

/// The code that the browser of the request has.
pub(crate) struct Receipt(pub(crate) Option<String>);

impl<S: Send + Sync> FromRequestParts<S> for Receipt {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        let texts = parts.headers.get_all(COOKIE).iter().filter_map(|value| value.to_str().ok());
        let mut pairs = texts.flat_map(|text| text.split(';')).filter_map(|pair| pair.trim().split_once('='));
        let value =
            pairs.find(|(name, _)| *name == NAME).and_then(|(_, value)| URL_SAFE_NO_PAD.decode(value).ok());
        let code = value.and_then(|code| String::from_utf8(code).ok());
        Ok(Self(code.filter(|code| code.len() <= MOST_BYTES)))
    }
}

/// Gives a browser a code for an hour, and sends it to the confirmation.
pub(crate) fn hand_over(code: &str) -> Result<Response, Problem> {
    let code = URL_SAFE_NO_PAD.encode(code);
    let cookie = format!("{NAME}={code}; HttpOnly; SameSite=Lax; Secure; Path=/; Max-Age=3600");
    let mut cookie = HeaderValue::from_str(&cookie).map_err(|_| Problem::NotFound)?;
    cookie.set_sensitive(true);
    let header: [(HeaderName, HeaderValue); 1] = [(SET_COOKIE, cookie)];
    Ok((header, Redirect::to("/booked")).into_response())
}
