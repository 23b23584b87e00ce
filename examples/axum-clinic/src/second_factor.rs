//! Enrolling and disabling a second factor.

use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use base64::{Engine, engine::general_purpose::STANDARD};
use maud::{Markup, html};
use serde::Deserialize;
use watertight::auth::AuthError;
use watertight::auth::{BackupCodes, Password, TotpEnrollment};
use watertight::secrecy::ExposeSecret;
use watertight::web::{LoggedIn, SessionRejection};

use crate::account;
use crate::business::Business;
use crate::extract::Form;
use crate::login::WRONG_OR_LOCKED;
use crate::page::{self, Field};
use crate::problem::Problem;

#[derive(Deserialize)]
pub(crate) struct Code {
    code: String,
}

#[derive(Deserialize)]
pub(crate) struct Confirmed {
    password: String,
}

type Known = Result<LoggedIn, SessionRejection>;

pub(crate) async fn enroll(business: Business, known: Known) -> Result<Markup, Problem> {
    let known = known?;
    if known.user.totp_enabled {
        // Otherwise a person with access to a logged-in browser could replace the user's authenticator app.
        return Err(Problem::Outdated("There is a second factor. Turn it off first.".to_owned()));
    }
    let enrollment = business.tenant.auth().totp().enroll(known.session.id).await?;
    enrollment_page(&business, &enrollment)
}

pub(crate) async fn confirm(
    business: Business,
    known: Known,
    Form(typed): Form<Code>,
) -> Result<Response, Problem> {
    let known = known?;
    match business.tenant.auth().totp().confirm(known.session.id, &typed.code).await {
        Ok(codes) => Ok(codes_page(&business, &codes).into_response()),
        Err(AuthError::WrongTotpCode) => {
            let alert = "The code is wrong. Enter the one that the app shows now.";
            Ok((StatusCode::UNPROCESSABLE_ENTITY, again_page(&business, alert)).into_response())
        }
        Err(AuthError::NotEnrolled) => {
            Err(Problem::Outdated("That took too long. Set the app up again, from your account.".to_owned()))
        }
        Err(error) => Err(error.into()),
    }
}

pub(crate) async fn turn_off(
    business: Business,
    known: Known,
    Form(typed): Form<Confirmed>,
) -> Result<Response, Problem> {
    let known = known?;
    // The same words as on the login page: a right password is never called wrong.
    let refused = || {
        let page = account::with_alert(&business, &known, Some(WRONG_OR_LOCKED));
        Ok((StatusCode::FORBIDDEN, page).into_response())
    };
    let Ok(password) = Password::to_verify(typed.password) else { return refused() };
    match business.tenant.auth().totp().disable(known.user.id, &password).await {
        Ok(()) => Ok(Redirect::to("/account").into_response()),
        Err(AuthError::LoginRefused(_)) => refused(),
        Err(error) => Err(error.into()),
    }
}

fn enrollment_page(business: &Business, enrollment: &TotpEnrollment) -> Result<Markup, Problem> {
    let picture = STANDARD.encode(enrollment.qr_svg()?.expose_secret());
    let content = html! {
        h1 { "Set up an authenticator app" }
        ol {
            li {
                p { "Scan this with the app:" }
                img.qr src=(format!("data:image/svg+xml;base64,{picture}")) width="240" height="240"
                    alt="A QR code that holds the key below";
                p { "Or type the key into it:" }
                p { code.key { (enrollment.secret().expose_base32().expose_secret()) } }
            }
            li { p { "Enter the six digits that it shows:" } (confirm_form()) }
        }
    };
    Ok(page::of(business, "Set up an authenticator app", &content))
}

fn again_page(business: &Business, alert: &str) -> Markup {
    let content = html! {
        h1 { "Set up an authenticator app" }
        (page::alert(alert))
        (confirm_form())
        form method="post" action="/account/second-factor" { button { "Begin again" } }
    };
    page::of(business, "Set up an authenticator app", &content)
}

fn confirm_form() -> Markup {
    let code = Field {
        name: "code",
        label: "Code",
        kind: "text",
        autocomplete: "one-time-code",
        value: "",
        required: true,
        fault: None,
    };
    html! {
        form.narrow method="post" action="/account/second-factor/confirm" {
            (code.markup())
            button.primary { "Confirm" }
        }
    }
}

fn codes_page(business: &Business, codes: &BackupCodes) -> Markup {
    let content = html! {
        h1 { "Your second factor is set up" }
        p role="status" {
            "Keep these backup codes where you keep what is valuable. Each logs you in once, when the app is not at \
             hand. They are shown this one time."
        }
        ul.codes { @for code in codes.expose_secrets() { li { code { (code) } } } }
        p { a.button href="/account" { "I have kept them" } }
    };
    page::of(business, "Backup codes", &content)
}
