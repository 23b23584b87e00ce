//! The page of the user's own account.

use maud::{Markup, html};
use watertight::web::{LoggedIn, SessionRejection};

use crate::business::Business;
use crate::page::{self, Field};
use crate::problem::Problem;
use crate::staff::runs_business;

pub(crate) async fn show(
    business: Business,
    known: Result<LoggedIn, SessionRejection>,
) -> Result<Markup, Problem> {
    Ok(with_alert(&business, &known?, None))
}

pub(crate) fn with_alert(business: &Business, known: &LoggedIn, alert: Option<&str>) -> Markup {
    let user = &known.user;
    let password = Field {
        name: "password",
        label: "Password",
        kind: "password",
        autocomplete: "current-password",
        value: "",
        required: true,
        fault: None,
    };
    let content = html! {
        h1 { (user.profile.display_name.as_deref().unwrap_or(user.handle.as_str())) }
        @if let Some(alert) = alert { (page::alert(alert)) }
        p { "You are logged in as " strong { (user.handle) } ", " (user.email) "." }
        @if runs_business(user) { p { a href="/day" { "To the day" } } }
        form method="post" action="/logout" { button { "Log out" } }
        section {
            h2 { "Second factor" }
            @if user.totp_enabled {
                p { "When you log in you are asked for a code of your authenticator app." }
                form.narrow method="post" action="/account/second-factor/off" {
                    (password.markup())
                    button { "Turn it off" }
                }
            } @else {
                p { "With a second factor, a stolen password alone does not log anyone in." }
                form method="post" action="/account/second-factor" {
                    button.primary { "Set up an authenticator app" }
                }
            }
        }
    };
    page::of(business, "Account", &content)
}
