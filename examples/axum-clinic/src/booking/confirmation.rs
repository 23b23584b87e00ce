//! The confirmation of a booking. It does not name the client, because anyone with the code can see it.

use maud::{Markup, html};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};
use watertight::entity::public::{practitioners, services};
use watertight::scheduling::{BookingRecord, BookingStatus};

use super::price;
use crate::business::Business;
use crate::calendar::{Day, time};
use crate::extract::Path;
use crate::page;
use crate::problem::Problem;

pub(crate) async fn confirmation(business: Business, Path(code): Path<String>) -> Result<Markup, Problem> {
    if code.len() > 32 || !code.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-') {
        return Err(Problem::NotFound);
    }
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
