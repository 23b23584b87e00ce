//! The page with the free times and the form for the client's name.

use std::collections::BTreeMap;
use std::time::Duration;

use chrono::{DateTime, Utc};
use maud::{Markup, html};
use serde::Deserialize;
use uuid::Uuid;
use watertight::entity::public::{practitioners, services};
use watertight::scheduling::{Slot, SlotQuery};

use super::form::{Fault, Typed};
use super::{offered, price};
use crate::business::Business;
use crate::calendar::{Day, time};
use crate::extract::Query;
use crate::page::{self, Field};
use crate::problem::Problem;

/// The number of days to search for a free time.
const AHEAD_DAYS: u64 = 27;
pub(super) const STEP: Duration = Duration::from_mins(30);
/// The shortest notice. A client needs time to arrive, and a time must not pass while the client fills in the
/// form.
pub(super) const NOTICE: Duration = Duration::from_hours(1);
/// How far ahead a visitor can book.
pub(super) const HORIZON: Duration = Duration::from_hours(90 * 24);

#[derive(Deserialize)]
pub(crate) struct Wanted {
    service: String,
    with: Option<String>,
    day: Option<String>,
}

pub(crate) async fn times(business: Business, Query(wanted): Query<Wanted>) -> Result<Markup, Problem> {
    let typed = Typed {
        service: wanted.service,
        with: wanted.with.unwrap_or_default(),
        day: wanted.day.unwrap_or_default(),
        key: Uuid::new_v4().to_string(),
        ..Default::default()
    };
    Ok(Times::find(&business, &typed).await?.page(&typed, &[], None))
}

/// The free times of a requested service.
pub(super) struct Times<'b> {
    business: &'b Business,
    services: Vec<services::Model>,
    practitioners: Vec<practitioners::Model>,
    service: services::Model,
    with: Option<Uuid>,
    day: Day,
    free: BTreeMap<DateTime<Utc>, Slot>,
}

impl<'b> Times<'b> {
    /// Finds the free times of the typed day, or of the first day with free times.
    pub(super) async fn find(business: &'b Business, typed: &Typed) -> Result<Self, Problem> {
        let content = business.tenant.content();
        let (services, practitioners) = (content.get_services().await?, content.get_practitioners().await?);
        let service = offered(&services, &typed.service)?.clone();
        let with = match typed.with.as_str() {
            "" => None,
            id => {
                Some(practitioners.iter().find(|one| one.id.to_string() == id).ok_or(Problem::NotFound)?.id)
            }
        };
        let today = Day::today(business.zone);
        let (from, to) = match typed.day.as_str() {
            "" => (today, today.later(AHEAD_DAYS)),
            day => (day.parse()?, day.parse()?),
        };
        let query = SlotQuery {
            practitioner: with,
            step: STEP,
            notice: NOTICE,
            horizon: Some(HORIZON),
            ..SlotQuery::new(service.id, from.date(), to.date())
        };
        let slots = business.tenant.scheduling().free_slots(&query).await?;
        let day = slots.first().map_or(from, |slot| Day::of(slot.start, business.zone));
        let mut free = BTreeMap::new();
        for slot in slots.into_iter().filter(|slot| Day::of(slot.start, business.zone) == day) {
            free.entry(slot.start).or_insert(slot);
        }
        Ok(Self { business, services, practitioners, service, with, day, free })
    }

    pub(super) fn page(&self, typed: &Typed, faults: &[Fault], alert: Option<&str>) -> Markup {
        let content = html! {
            h1 { "Choose a time" }
            @if let Some(alert) = alert { (page::alert(alert)) }
            @if !faults.is_empty() {
                div.alert role="alert" {
                    p { "Please check:" }
                    ul { @for (field, fault) in faults { li { a href=(format!("#{field}")) { (fault) } } } }
                }
            }
            (self.search())
            h2 { (self.day.in_words()) }
            nav.days aria-label="Days" {
                a href=(self.link(self.day.earlier(1))) rel="prev" { "Day before" }
                a href=(self.link(self.day.later(1))) rel="next" { "Day after" }
            }
            @if self.free.is_empty() {
                p role="status" {
                    "Nothing is free on this day. "
                    a href=(format!("/book?service={}&with={}", self.service.id, typed.with)) { "Find the first that is" }
                    "."
                }
            } @else {
                (self.form(typed, faults))
            }
        };
        page::of(self.business, "Choose a time", &content)
    }

    fn link(&self, day: Day) -> String {
        let with = self.with.map(|id| id.to_string()).unwrap_or_default();
        format!("/book?service={}&with={with}&day={day}", self.service.id)
    }

    fn search(&self) -> Markup {
        html! {
            form.search method="get" action="/book" {
                div.field {
                    label for="search-service" { "Service" }
                    select id="search-service" name="service" {
                        @for service in &self.services {
                            option value=(service.id) selected[service.id == self.service.id] { (service.name) }
                        }
                    }
                }
                @if !self.practitioners.is_empty() {
                    div.field {
                        label for="search-with" { "With" }
                        select id="search-with" name="with" {
                            option value="" { "Anyone" }
                            @for one in &self.practitioners {
                                option value=(one.id) selected[Some(one.id) == self.with] { (one.name) }
                            }
                        }
                    }
                }
                div.field {
                    label for="search-day" { "Day" }
                    input id="search-day" name="day" type="date" value=(self.day) min=(Day::today(self.business.zone));
                }
                button { "Show times" }
            }
        }
    }

    fn form(&self, typed: &Typed, faults: &[Fault]) -> Markup {
        let fault =
            |name: &str| faults.iter().find(|(field, _)| *field == name).map(|(_, text)| text.as_str());
        let field = |name, label, kind, autocomplete, value, required| {
            Field { name, label, kind, autocomplete, value, required, fault: fault(name) }.markup()
        };
        html! {
            form method="post" action="/book" {
                input type="hidden" name="service" value=(self.service.id);
                input type="hidden" name="with" value=(typed.with);
                input type="hidden" name="day" value=(self.day);
                input type="hidden" name="key" value=(typed.key);
                fieldset.times id="slot" aria-describedby=[fault("slot").map(|_| "slot-fault")] {
                    legend { "Time" }
                    @if let Some(fault) = fault("slot") { p.fault id="slot-fault" { (fault) } }
                    @for slot in self.free.values() {
                        @let value = slot_value(slot);
                        label {
                            input type="radio" name="slot" value=(value) required checked[value == typed.slot];
                            span { (time(slot.start, self.business.zone)) }
                        }
                    }
                }
                fieldset {
                    legend { "About you" }
                    div.pair {
                        (field("first_name", "First name", "text", "given-name", &typed.first_name, true))
                        (field("last_name", "Last name", "text", "family-name", &typed.last_name, true))
                    }
                    (field("email", "Email", "email", "email", &typed.email, true))
                    (field("phone", "Telephone", "tel", "tel", &typed.phone, false))
                }
                p { (self.service.name) ", " (self.service.duration_minutes) " minutes, "
                    (price(self.service.price_cents, &self.service.currency)) "." }
                button.primary { "Book" }
            }
        }
    }
}

/// A slot as the form sends it: the start and the practitioner.
fn slot_value(slot: &Slot) -> String {
    let with = slot.practitioner.map(|id| id.to_string()).unwrap_or_default();
    format!("{}/{with}", slot.start.format("%Y-%m-%dT%H:%M:%SZ"))
}
