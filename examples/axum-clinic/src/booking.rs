//! Booking an appointment: the services, the free times, and the confirmation.

mod confirmation;
mod form;
mod receipt;
mod times;

pub(crate) use self::confirmation::{confirmation, find, find_form};
pub(crate) use self::form::book;
pub(crate) use self::times::times;

use maud::{Markup, html};
use watertight::entity::public::services;

use crate::business::Business;
use crate::page;
use crate::problem::Problem;

pub(crate) async fn services(business: Business) -> Result<Markup, Problem> {
    let services = business.tenant.content().get_services().await?;
    let content = html! {
        h1 { "Book an appointment" }
        @if let Some(slogan) = &business.slogan { p.lead { (slogan) } }
        @if services.is_empty() { p { "Nothing is offered online at the moment. Give us a call." } }
        p { a href="/booking" { "Find the appointment that I have booked" } }
        ul.cards {
            @for service in &services {
                li {
                    h2 { (service.name) }
                    @if let Some(description) = &service.description { p { (description) } }
                    p.hint { (service.duration_minutes) " minutes · " (price(service.price_cents, &service.currency)) }
                    a.button href=(format!("/book?service={}", service.id)) {
                        "Choose a time" span.unseen { " for " (service.name) }
                    }
                }
            }
        }
    };
    Ok(page::of(&business, "Book an appointment", &content))
}

/// The service with a typed ID, if it is currently offered.
fn offered<'s>(services: &'s [services::Model], typed: &str) -> Result<&'s services::Model, Problem> {
    services.iter().find(|service| service.id.to_string() == typed).ok_or(Problem::NotFound)
}

fn price(cents: i32, currency: &str) -> String {
    let (whole, rest) = (cents / 100, cents % 100);
    match currency {
        "USD" => format!("${whole}.{rest:02}"),
        "EUR" => format!("€{whole}.{rest:02}"),
        "GBP" => format!("£{whole}.{rest:02}"),
        other => format!("{whole}.{rest:02} {other}"),
    }
}
