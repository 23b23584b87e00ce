//! The confirmation of a booking, and the form that finds it by its code. It does not name the client, because anyone with
//! the code can see it.

use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use maud::{Markup, html};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};
use serde::Deserialize;
use watertight::entity::public::{practitioners, services};
use watertight::scheduling::{BookingRecord, BookingStatus};

use super::price;
use super::receipt::{MOST_BYTES, Receipt, hand_over};
use crate::business::Business;
use crate::calendar::{Day, time};
use crate::extract::Form;
use crate::page::{self, Field};
use crate::problem::Problem;

#[derive(Deserialize)]
pub(crate) struct Typed {
    code: String,
}

pub(crate) async fn find_form(business: Business) -> Markup {
    find_page(&business, "", None)
}

pub(crate) async fn find(business: Business, Form(typed): Form<Typed>) -> Result<Response, Problem> {
    let code = typed.code.as_str();
    let scheduling = business.tenant.scheduling();
    let found = if code.len() <= MOST_BYTES { scheduling.get_booking_by_code(code).await? } else { None };
    if let Some(booking) = found {
        return hand_over(&booking.confirmation_code);
    }
    let page = find_page(&business, code, Some("There is no booking with this code."));
    Ok((StatusCode::NOT_FOUND, page).into_response())
}

fn find_page(business: &Business, typed: &str, fault: Option<&str>) -> Markup {
    let code = Field {
        name: "code",
        label: "Code of the booking",
        kind: "text",
        autocomplete: "off",
        value: typed,
        required: true,
        fault,
    };
    let content = html! {
        h1 { "Find your appointment" }
        form.narrow method="post" action="/booking" {
            (code.markup())
            button.primary { "Find" }
        }
    };
    page::of(business, "Find your appointment", &content)
}

pub(crate) async fn confirmation(business: Business, receipt: Receipt) -> Result<Markup, Problem> {
    let code = receipt.0.ok_or(Problem::NotFound)?;
    let tenant = &business.tenant;
    let booking = tenant.scheduling().get_booking_by_code(&code).await?.ok_or(Problem::NotFound)?;
    let service = services::Entity::find().filter(services::Column::Id.eq(booking.service_id));
    let service = service.one(tenant).await?.ok_or(Problem::NotFound)?;
    let practitioner = match booking.practitioner_id {
        Some(id) => {
            practitioners::Entity::find().filter(practitioners::Column::Id.eq(id)).one(tenant).await?
        }
        None => None,
    };
    let (from, to) = booking.span();
    let heading = match booking.booking_status()? {
        BookingStatus::Confirmed => "Your appointment is booked",
        BookingStatus::Cancelled => "Your appointment was cancelled",
        BookingStatus::Completed | BookingStatus::NoShow => "Your appointment is over",
        _ => "Your appointment",
    };
    let content = html! {
        h1 { (heading) }
        dl {
            dt { "What" } dd { (service.name) }
            dt { "When" }
            dd {
                (Day::of(from, business.zone).in_words()) ", " (time(from, business.zone)) " to "
                (time(to, business.zone))
            }
            @if let Some(practitioner) = practitioner { dt { "With" } dd { (practitioner.name) } }
            dt { "Price" } dd { (price(booking.amount_cents, &service.currency)) }
            dt { "Code" } dd { strong.key id="code" { (booking.confirmation_code) } }
        }
        p { "Keep the code: it is what we find your appointment by. To change it, call " span.number { (business.phone) } "." }
    };
    Ok(page::of(&business, heading, &content))
}
