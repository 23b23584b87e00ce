//! The values of a booking to make.

use std::time::Duration;

use chrono::{DateTime, Utc};
use serde_json::json;
use uuid::Uuid;
use watertight_entity::public::bookings;

use super::availability::SlotQuery;
use super::contact::{BookingClient, Contact};
use super::distance::Distance;
use crate::booking::request::{check_key, digest};
use crate::vocabulary::{InvalidInput, limits, text};

/// A booking to make with [`Scheduling::book`](super::Scheduling::book).
///
/// ```
/// use chrono::{TimeDelta, Utc};
/// use watertight::scheduling::NewBooking;
///
/// # let (service, client) = (uuid::Uuid::nil(), uuid::Uuid::nil());
/// let start = Utc::now() + TimeDelta::days(1);
/// let booking = NewBooking { outside_hours: true, ..NewBooking::new(service, None, client, start) };
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewBooking {
    /// The service, which sets the duration and the price.
    pub service: Uuid,
    /// The practitioner; `None` for a business without practitioners.
    pub practitioner: Option<Uuid>,
    /// The client: known, or the contact that a visitor typed.
    pub client: BookingClient,
    /// The start of the slot.
    pub start: DateTime<Utc>,
    /// The hold that the booking replaces.
    pub hold: Option<Uuid>,
    /// A key that makes retries safe: the same request with the same key returns the booking as it is now. At most 255
    /// characters. A retry can name another hold, and can change the notice and `outside_hours`.
    pub idempotency_key: Option<String>,
    /// The price in cents; `None` for the price of the service.
    pub amount_cents: Option<u32>,
    /// Notes of the staff.
    pub notes: Option<String>,
    /// As [`SlotQuery::buffer`](super::SlotQuery::buffer).
    pub buffer: Duration,
    /// As [`SlotQuery::notice`](super::SlotQuery::notice).
    pub notice: Duration,
    /// As [`SlotQuery::step`](super::SlotQuery::step); `None` for any start in the opening hours.
    ///
    /// A start that is not in the free slots of the step is refused.
    pub step: Option<Duration>,
    /// As [`SlotQuery::horizon`](super::SlotQuery::horizon).
    pub horizon: Option<Duration>,
    /// Allows a slot outside the opening hours or in the past: for the staff.
    ///
    /// The notice, the horizon and the step then have no effect.
    pub outside_hours: bool,
}

impl NewBooking {
    /// A booking within the opening hours, without a hold.
    ///
    /// ```
    /// use watertight::scheduling::{NewBooking, Slot};
    ///
    /// /// A slot that a client chose on the page of free slots.
    /// fn booking_of(slot: Slot, service: uuid::Uuid, client: uuid::Uuid) -> NewBooking {
    ///     NewBooking::new(service, slot.practitioner, client, slot.start)
    /// }
    ///
    /// # let (massage, olivia) = (uuid::Uuid::nil(), uuid::Uuid::nil());
    /// let slot = Slot::new("2026-03-02T15:00:00Z".parse()?, "2026-03-02T16:00:00Z".parse()?, None);
    /// let booking = booking_of(slot, massage, olivia);
    /// assert_eq!(booking.amount_cents, None, "the price of the service");
    /// assert!(!booking.outside_hours);
    /// # Ok::<(), chrono::ParseError>(())
    /// ```
    #[must_use]
    pub const fn new(service: Uuid, practitioner: Option<Uuid>, client: Uuid, start: DateTime<Utc>) -> Self {
        Self {
            service,
            practitioner,
            client: BookingClient::Known(client),
            start,
            hold: None,
            idempotency_key: None,
            amount_cents: None,
            notes: None,
            buffer: Duration::ZERO,
            notice: Duration::ZERO,
            step: None,
            horizon: None,
            outside_hours: false,
        }
    }

    /// A booking by an unproven visitor.
    ///
    /// A visitor can send any start and any contact. The start is one of the free slots of the next 366 days, in steps of 15
    /// minutes. The contact is kept with the booking and leaves the record of a known client unchanged.
    ///
    /// ```
    /// use std::time::Duration;
    /// use watertight::scheduling::{Contact, NewBooking, Slot};
    ///
    /// /// The pages offer a slot every half hour, four weeks ahead.
    /// fn booking_of(slot: Slot, service: uuid::Uuid, typed: Contact) -> NewBooking {
    ///     NewBooking {
    ///         step: Some(Duration::from_mins(30)),
    ///         horizon: Some(Duration::from_hours(28 * 24)),
    ///         ..NewBooking::by_visitor(service, slot.practitioner, typed, slot.start)
    ///     }
    /// }
    /// ```
    #[must_use]
    pub fn by_visitor(
        service: Uuid,
        practitioner: Option<Uuid>,
        contact: Contact,
        start: DateTime<Utc>,
    ) -> Self {
        Self {
            client: BookingClient::Contact(contact),
            step: Some(SlotQuery::STEP),
            horizon: Some(SlotQuery::HORIZON),
            ..Self::new(service, practitioner, Uuid::nil(), start)
        }
    }

    pub(super) fn check(&self) -> Result<Distance, InvalidInput> {
        text::check_optional("notes", self.notes.as_ref(), limits::TEXT_CHARS)?;
        check_key(self.idempotency_key.as_deref())?;
        self.client.contact().map_or(Ok(()), Contact::check)?;
        Distance::new(self.buffer, self.notice)?.with_step(self.step)?.with_horizon(self.horizon)
    }

    /// The digest of the request, without the conditions under which it is accepted.
    pub(super) fn digest(&self) -> Vec<u8> {
        let client = match &self.client {
            BookingClient::Known(id) => json!(id.to_string()),
            BookingClient::Contact(contact) => {
                json!([contact.email.as_str(), contact.first_name, contact.last_name, contact.phone])
            }
        };
        let request = json!([
            self.service.to_string(),
            self.practitioner.map(|id| id.to_string()),
            client,
            self.start.timestamp_micros(),
            self.amount_cents,
            self.notes,
            self.buffer.as_secs_f64(),
        ]);
        digest("book", &request)
    }

    /// Returns true if this request made a booking. A booking of an earlier version has no digest: its service,
    /// practitioner, client and start are compared.
    pub(super) fn made(&self, row: &bookings::Model) -> bool {
        if let Some(first) = &row.request_digest {
            return *first == self.digest();
        }
        let (client, start) = (BookingClient::Known(row.client_id), row.datetime.timestamp_micros());
        (row.service_id, row.practitioner_id, &client, start)
            == (self.service, self.practitioner, &self.client, self.start.timestamp_micros())
    }
}
