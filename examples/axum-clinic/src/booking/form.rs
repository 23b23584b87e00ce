//! The form for a booking, and its submission.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use chrono::{DateTime, Utc};
use serde::Deserialize;
use uuid::Uuid;
use watertight::BookingError;
use watertight::auth::Email;
use watertight::scheduling::{Contact, NewBooking};

use super::offered;
use super::receipt::hand_over;
use super::times::{HORIZON, NOTICE, STEP, Times};
use crate::business::Business;
use crate::client_address::ClientAddress;
use crate::extract::Form;
use crate::problem::Problem;
use crate::visits::Visits;

/// The fields as typed, so that the form can be shown again.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct Typed {
    pub(super) service: String,
    pub(super) with: String,
    pub(super) day: String,
    /// The idempotency key, created with the page: a form that is sent twice books once.
    pub(super) key: String,
    pub(super) slot: String,
    pub(super) first_name: String,
    pub(super) last_name: String,
    pub(super) email: String,
    pub(super) phone: String,
}

/// A field and the error of its value.
pub(super) type Fault = (&'static str, String);

struct Wanted {
    start: DateTime<Utc>,
    practitioner: Option<Uuid>,
    contact: Contact,
    key: Uuid,
}

impl Typed {
    fn check(&self) -> Result<Wanted, Vec<Fault>> {
        let mut faults = Vec::new();
        let slot = self.slot();
        if slot.is_none() {
            faults.push(("slot", "Choose a time.".to_owned()));
        }
        let named = |field, what, text: &str, faults: &mut Vec<Fault>| {
            let text = text.trim();
            if text.is_empty() {
                faults.push((field, format!("Enter your {what}.")));
            } else if text.chars().count() > 128 || text.chars().any(char::is_control) {
                faults.push((field, format!("Your {what} is too long, or contains control characters.")));
            }
            text.to_owned()
        };
        let first_name = named("first_name", "first name", &self.first_name, &mut faults);
        let last_name = named("last_name", "last name", &self.last_name, &mut faults);
        let email = self.email.parse::<Email>().ok();
        if email.is_none() {
            faults.push(("email", "Enter your email address, as name@example.com.".to_owned()));
        }
        let phone = self.phone.trim();
        if phone.chars().count() > 32 || phone.chars().any(char::is_control) {
            faults.push(("phone", "Enter a telephone number of at most 32 characters, or none.".to_owned()));
        }
        match (slot, email, faults.is_empty()) {
            (Some((start, practitioner)), Some(email), true) => {
                let phone = Some(phone.to_owned()).filter(|phone| !phone.is_empty());
                let contact = Contact { phone, ..Contact::new(first_name, last_name, email) };
                // A malformed key is replaced, because the key only protects its own sender.
                let key = self.key.parse().unwrap_or_else(|_| Uuid::new_v4());
                Ok(Wanted { start, practitioner, contact, key })
            }
            _ => Err(faults),
        }
    }

    fn slot(&self) -> Option<(DateTime<Utc>, Option<Uuid>)> {
        let (start, with) = self.slot.split_once('/')?;
        let start = DateTime::parse_from_rfc3339(start).ok()?.to_utc();
        let with = if with.is_empty() { None } else { Some(with.parse().ok()?) };
        Some((start, with))
    }
}

pub(crate) async fn book(
    business: Business,
    State(visits): State<Visits>,
    address: ClientAddress,
    Form(mut typed): Form<Typed>,
) -> Result<Response, Problem> {
    let services = business.tenant.content().get_services().await?;
    let service = offered(&services, &typed.service)?.id;
    let wanted = match typed.check() {
        Ok(wanted) => wanted,
        Err(faults) => {
            let page = Times::find(&business, &typed).await?.page(&typed, &faults, None);
            return Ok((StatusCode::UNPROCESSABLE_ENTITY, page).into_response());
        }
    };
    // Anyone can send this form: only the times that the page offers are booked.
    let booking = NewBooking {
        idempotency_key: Some(wanted.key.to_string()),
        step: Some(STEP),
        notice: NOTICE,
        horizon: Some(HORIZON),
        ..NewBooking::by_visitor(service, wanted.practitioner, wanted.contact, wanted.start)
    };
    let visit = visits.count(business.tenant.tenant_id(), address.0, wanted.key);
    let visit = visit.ok_or(Problem::TooMany)?;
    let refused = match business.tenant.scheduling().book(&booking).await {
        Ok(booked) => {
            visit.keep();
            return hand_over(&booked.confirmation_code);
        }
        Err(refused) => refused,
    };
    // A booking of unknown outcome counts, and so does the one that the key was used for.
    let is_booked = refused.database().is_some()
        || matches!(refused, BookingError::IdempotencyKeyReused { .. } | BookingError::NoLongerActive { .. });
    if is_booked {
        visit.keep();
    } else {
        visit.give_back();
    }
    let alert = match refused {
        BookingError::SlotTaken { .. } | BookingError::HoldExpired { .. } => {
            "Someone was quicker: that time has just been taken. Choose another."
        }
        BookingError::OutsideHours { .. }
        | BookingError::ShortNotice { .. }
        | BookingError::TooFarAhead { .. }
        | BookingError::NotOffered { .. }
        | BookingError::ServiceInactive { .. }
        | BookingError::PractitionerRequired => "That time is no longer available. Choose another.",
        BookingError::IdempotencyKeyReused { .. } | BookingError::NoLongerActive { .. } => {
            "You have booked with this page before. Check what it says, and book again."
        }
        error => return Err(error.into()),
    };
    typed.key = Uuid::new_v4().to_string();
    let page = Times::find(&business, &typed).await?.page(&typed, &[], Some(alert));
    Ok((StatusCode::CONFLICT, page).into_response())
}
