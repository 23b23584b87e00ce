//! The owner's day: the bookings of a day, and their status.

use std::collections::HashMap;

use axum::response::Redirect;
use maud::{Markup, html};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};
use serde::Deserialize;
use uuid::Uuid;
use watertight::entity::public::{bookings, clients, practitioners, services};
use watertight::scheduling::{BookingRecord, BookingStatus};

use crate::business::Business;
use crate::calendar::{Day, time};
use crate::extract::{Form, Path, Query};
use crate::page;
use crate::problem::Problem;
use crate::staff::Staff;

#[derive(Deserialize)]
pub(crate) struct Asked {
    date: Option<String>,
}

#[derive(Deserialize)]
pub(crate) struct Move {
    to: Destination,
    date: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum Destination {
    Completed,
    NoShow,
    Cancelled,
}

/// The bookings of a day, and the rows that they refer to.
struct Rows {
    bookings: Vec<bookings::Model>,
    clients: HashMap<Uuid, clients::Model>,
    services: HashMap<Uuid, services::Model>,
    practitioners: HashMap<Uuid, practitioners::Model>,
}

pub(crate) async fn show(
    business: Business,
    staff: Staff,
    Query(asked): Query<Asked>,
) -> Result<Markup, Problem> {
    let day = Day::typed(asked.date.as_deref(), business.zone)?;
    let rows = Rows::find(&business, day).await?;
    let content = html! {
        h1 { (day.in_words()) }
        nav.days aria-label="Days" {
            a href=(format!("/day?date={}", day.earlier(1))) rel="prev" { "Day before" }
            a href="/day" { "Today" }
            a href=(format!("/day?date={}", day.later(1))) rel="next" { "Day after" }
        }
        form.search method="get" action="/day" {
            div.field {
                label for="date" { "Day" }
                input id="date" name="date" type="date" value=(day) required;
            }
            button { "Show" }
        }
        @if rows.bookings.is_empty() { p role="status" { "No one has booked for this day." } }
        ol.appointments {
            @for booking in &rows.bookings { (rows.appointment(&business, day, booking)?) }
        }
        section.self {
            p { "You are logged in as " strong { (staff.0.handle) } ". " a href="/account" { "Account" } }
            form method="post" action="/logout" { button { "Log out" } }
        }
    };
    Ok(page::of(&business, &day.in_words(), &content))
}

pub(crate) async fn move_to(
    business: Business,
    staff: Staff,
    Path(id): Path<Uuid>,
    Form(asked): Form<Move>,
) -> Result<Redirect, Problem> {
    let day: Day = asked.date.parse()?;
    let scheduling = business.tenant.scheduling();
    match asked.to {
        Destination::Completed => scheduling.complete(id).await?,
        Destination::NoShow => scheduling.mark_no_show(id).await?,
        Destination::Cancelled => scheduling.cancel(id, &format!("cancelled by {}", staff.0.handle)).await?,
    };
    Ok(Redirect::to(&format!("/day?date={day}")))
}

impl Rows {
    async fn find(business: &Business, day: Day) -> Result<Self, Problem> {
        let tenant = &business.tenant;
        let (from, to) = day.span(business.zone);
        let bookings = tenant.scheduling().get_bookings(from, to, None).await?;
        let clients = bookings.iter().map(|booking| booking.client_id);
        let clients = clients::Entity::find().filter(clients::Column::Id.is_in(clients)).all(tenant).await?;
        let services = tenant.content().get_all_services().await?;
        let practitioners = tenant.content().get_practitioners().await?;
        Ok(Self {
            bookings,
            clients: clients.into_iter().map(|row| (row.id, row)).collect(),
            services: services.into_iter().map(|row| (row.id, row)).collect(),
            practitioners: practitioners.into_iter().map(|row| (row.id, row)).collect(),
        })
    }

    fn appointment(
        &self,
        business: &Business,
        day: Day,
        booking: &bookings::Model,
    ) -> Result<Markup, Problem> {
        let (from, to) = booking.span();
        let status = booking.booking_status()?;
        let client = self.clients.get(&booking.client_id);
        let known_as = client.map(|client| format!("{} {}", client.first_name, client.last_name));
        // A visitor's name and number are what was typed for this booking. Nobody has proved that they are the client's.
        let name = booking.contact_name.clone().or_else(|| known_as.clone()).unwrap_or_default();
        let phone = match booking.contact_name {
            Some(_) => booking.contact_phone.as_ref(),
            None => client.and_then(|client| client.phone.as_ref()),
        };
        let differs = booking.contact_name.is_some() && booking.contact_name != known_as;
        let with = booking.practitioner_id.and_then(|id| self.practitioners.get(&id));
        let button = |to, label| {
            html! { button name="to" value=(to) { (label) span.unseen { ", " (name) } } }
        };
        Ok(html! {
            li class=(status) {
                p.when {
                    span { (time(from, business.zone)) " – " (time(to, business.zone)) } " "
                    span.status { (in_words(status)) }
                }
                h2 { (name) }
                p {
                    @if let Some(service) = self.services.get(&booking.service_id) { (service.name) }
                    @if let Some(with) = with { ", with " (with.name) }
                }
                @if let Some(client) = client {
                    p.hint { (client.email) @if let Some(phone) = phone { " · " span.number { (phone) } } }
                    @if differs {
                        p.hint {
                            "Booked under this name by a visitor. The address belongs to " (known_as.unwrap_or_default())
                            @if let Some(phone) = &client.phone { " · " span.number { (phone) } } "."
                        }
                    }
                }
                @if status == BookingStatus::Confirmed {
                    form.moves method="post" action=(format!("/day/{}", booking.id)) {
                        input type="hidden" name="date" value=(day);
                        (button("completed", "Done"))
                        (button("no_show", "No show"))
                        (button("cancelled", "Cancel"))
                    }
                }
            }
        })
    }
}

const fn in_words(status: BookingStatus) -> &'static str {
    match status {
        BookingStatus::Confirmed => "expected",
        BookingStatus::Completed => "done",
        BookingStatus::NoShow => "did not come",
        BookingStatus::Cancelled => "cancelled",
        _ => "of another status",
    }
}
