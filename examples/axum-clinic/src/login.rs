//! Logging in with a password and, if required, a second factor, and logging out.

use axum::extract::State;
use axum::http::header::{RETRY_AFTER, USER_AGENT};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Redirect, Response};
use maud::{Markup, html};
use serde::Deserialize;
use uuid::Uuid;
use watertight::auth::AuthError;
use watertight::auth::{Login, LoginRefusal, LoginRequest, Password, SecondFactor, SessionMetadata};
use watertight::web::{Device, LoggedIn, SessionCookie};

use crate::business::Business;
use crate::client_address::ClientAddress;
use crate::extract::Form;
use crate::page::{self, Field};
use crate::pending::PendingLogins;
use crate::problem::Problem;
use crate::staff::runs_business;

#[derive(Deserialize)]
pub(crate) struct Credentials {
    name: String,
    password: String,
}

#[derive(Deserialize)]
pub(crate) struct Code {
    login: Uuid,
    code: String,
}

pub(crate) async fn form(business: Business) -> Markup {
    first_page(&business, "", None)
}

pub(crate) async fn log_in(
    business: Business,
    State(pending): State<PendingLogins>,
    cookie: SessionCookie,
    device: Device,
    address: ClientAddress,
    headers: HeaderMap,
    Form(typed): Form<Credentials>,
) -> Result<Response, Problem> {
    // A malformed name or password gets the same answer as a wrong one.
    let (Ok(identifier), Ok(password)) = (typed.name.parse(), Password::to_verify(typed.password)) else {
        return Ok(refused(&business, &typed.name, &LoginRefusal::BadCredentials));
    };
    let metadata = metadata(&headers, address);
    let request =
        LoginRequest { metadata, device: device.token(), ..LoginRequest::new(identifier, password) };
    match business.tenant.auth().login(request.clone()).await {
        Ok(login) => welcome(&cookie, &device, &login),
        Err(AuthError::LoginRefused(LoginRefusal::SecondFactorRequired)) => {
            let key = pending.keep(business.tenant.tenant_id(), request);
            Ok(second_page(&business, key, None).into_response())
        }
        Err(AuthError::LoginRefused(refusal)) => Ok(refused(&business, &typed.name, &refusal)),
        Err(error) => Err(error.into()),
    }
}

pub(crate) async fn second_factor(
    business: Business,
    State(pending): State<PendingLogins>,
    cookie: SessionCookie,
    device: Device,
    Form(typed): Form<Code>,
) -> Result<Response, Problem> {
    let tenant = business.tenant.tenant_id();
    let Some(mut request) = pending.take(tenant, typed.login) else {
        let alert = "That took too long. Log in again.";
        return Ok((StatusCode::FORBIDDEN, first_page(&business, "", Some(alert))).into_response());
    };
    // A TOTP code has only digits. A backup code rarely has only digits, and the user then takes another one.
    let is_totp = typed.code.chars().all(|c| c.is_ascii_digit() || c.is_whitespace());
    let code = typed.code.into();
    let factor = if is_totp { SecondFactor::Totp(code) } else { SecondFactor::BackupCode(code) };
    request.second_factor = Some(factor);
    match business.tenant.auth().login(request.clone()).await {
        Ok(login) => welcome(&cookie, &device, &login),
        Err(AuthError::LoginRefused(LoginRefusal::SecondFactorWrong)) => {
            let alert = "The code is wrong, or has been used. Enter the one that the app shows now.";
            let key = pending.keep(tenant, request);
            Ok((StatusCode::FORBIDDEN, second_page(&business, key, Some(alert))).into_response())
        }
        Err(AuthError::HashingQueueFull { .. }) => {
            let alert = "We are busy at the moment. Enter the code again in some seconds.";
            let key = pending.keep(tenant, request);
            let page = second_page(&business, key, Some(alert));
            Ok((StatusCode::SERVICE_UNAVAILABLE, [(RETRY_AFTER, "5")], page).into_response())
        }
        Err(AuthError::LoginRefused(refusal)) => Ok(refused(&business, "", &refusal)),
        Err(error) => Err(error.into()),
    }
}

pub(crate) async fn log_out(known: LoggedIn) -> Result<Response, Problem> {
    Ok((known.log_out().await?, Redirect::to("/")).into_response())
}

fn welcome(cookie: &SessionCookie, device: &Device, login: &Login) -> Result<Response, Problem> {
    let to = if runs_business(&login.user) { "/day" } else { "/account" };
    Ok((cookie.begin(login)?, device.remember(login)?, Redirect::to(to)).into_response())
}

/// The answer to a wrong password and on a locked account, the same on every page.
pub(crate) const WRONG_OR_LOCKED: &str = "The name or the password is wrong, or the account is locked: after five \
    failures it is for a quarter of an hour.";

/// The page after a refusal.
///
/// It always mentions locked accounts: to mention them only for locked accounts would reveal which names
/// exist.
fn refused(business: &Business, name: &str, refusal: &LoginRefusal) -> Response {
    let alert = match refusal {
        LoginRefusal::Inactive => "This account is not active. Ask the owner.",
        _ => WRONG_OR_LOCKED,
    };
    (StatusCode::FORBIDDEN, first_page(business, name, Some(alert))).into_response()
}

/// The metadata of a session from the connection and the browser.
fn metadata(headers: &HeaderMap, address: ClientAddress) -> SessionMetadata {
    let user_agent = headers.get(USER_AGENT).and_then(|value| value.to_str().ok());
    SessionMetadata {
        client_ip: address.0.map(Into::into),
        user_agent: user_agent.map(|text| text.chars().take(512).collect()),
        ..Default::default()
    }
}

fn first_page(business: &Business, name: &str, alert: Option<&str>) -> Markup {
    let field = |name, label, kind, autocomplete, value| {
        Field { name, label, kind, autocomplete, value, required: true, fault: None }.markup()
    };
    let content = html! {
        h1 { "Log in" }
        @if let Some(alert) = alert { (page::alert(alert)) }
        form.narrow method="post" action="/login" {
            (field("name", "Name or email", "text", "username", name))
            (field("password", "Password", "password", "current-password", ""))
            button.primary { "Log in" }
        }
    };
    page::of(business, "Log in", &content)
}

fn second_page(business: &Business, key: Uuid, alert: Option<&str>) -> Markup {
    let code = Field {
        name: "code",
        label: "Code of the app, or a backup code",
        kind: "text",
        autocomplete: "one-time-code",
        value: "",
        required: true,
        fault: None,
    };
    let content = html! {
        h1 { "One more step" }
        @if let Some(alert) = alert { (page::alert(alert)) }
        p { "Enter the six digits that your authenticator app shows now." }
        form.narrow method="post" action="/login/code" {
            input type="hidden" name="login" value=(key);
            (code.markup())
            button.primary { "Log in" }
        }
        p { a href="/login" { "Begin again" } }
    };
    page::of(business, "One more step", &content)
}
