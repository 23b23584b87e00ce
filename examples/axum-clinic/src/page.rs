//! The layout of all pages.

use maud::{DOCTYPE, Markup, html};

use crate::business::Business;

/// A page of a business.
pub(crate) fn of(business: &Business, title: &str, content: &Markup) -> Markup {
    whole(&format!("{title} · {}", business.name), Some(&business.name), content, Some(business))
}

/// A page without a business.
pub(crate) fn plain(title: &str, content: &Markup) -> Markup {
    whole(title, None, content, None)
}

fn whole(title: &str, name: Option<&str>, content: &Markup, business: Option<&Business>) -> Markup {
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                title { (title) }
                link rel="stylesheet" href="/style.css";
                // Without an icon browsers request a missing one.
                link rel="icon" href="data:,";
            }
            body {
                a.skip href="#main" { "Skip to content" }
                header {
                    nav aria-label="Main" {
                        a.brand href="/" { (name.unwrap_or("Home")) }
                        a href="/day" { "Staff" }
                    }
                }
                main id="main" tabindex="-1" { (content) }
                @if let Some(business) = business {
                    footer {
                        p { (business.name) @if let Some(address) = &business.address { ", " (address) } }
                        p { "Telephone " (business.phone) }
                    }
                }
            }
        }
    }
}

/// An error message, which screen readers announce when the page loads.
pub(crate) fn alert(text: &str) -> Markup {
    html! { p.alert role="alert" { (text) } }
}

/// An input with its label, and the error of the typed value.
pub(crate) struct Field<'a> {
    pub(crate) name: &'a str,
    pub(crate) label: &'a str,
    pub(crate) kind: &'a str,
    /// The kind of value that browsers and password managers fill in.
    pub(crate) autocomplete: &'a str,
    pub(crate) value: &'a str,
    pub(crate) required: bool,
    pub(crate) fault: Option<&'a str>,
}

impl Field<'_> {
    pub(crate) fn markup(&self) -> Markup {
        let Self { name, label, kind, autocomplete, value, required, fault } = *self;
        let fault_id = fault.map(|_| format!("{name}-fault"));
        html! {
            div.field {
                label for=(name) { (label) @if !required { " " span.hint { "(optional)" } } }
                input id=(name) name=(name) type=(kind) autocomplete=(autocomplete) value=(value) required[required]
                    maxlength="255" aria-invalid=[fault.map(|_| "true")] aria-describedby=[fault_id.as_deref()];
                @if let (Some(fault), Some(id)) = (fault, &fault_id) { p.fault id=(id) { (fault) } }
            }
        }
    }
}
