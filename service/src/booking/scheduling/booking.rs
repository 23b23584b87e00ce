//! Booking a slot.

use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, Set};
use uuid::Uuid;
use watertight_entity::public::bookings;

use super::Scheduling;
use super::contact::Contact;
use super::new_booking::NewBooking;
use super::occupancy::{Replaced, slot_taken};
use super::offer::Offer;
use super::reading::CONFIRMATION_CODE;
use super::record::BookingRecord;
use super::status::BookingStatus;
use crate::booking::BookingError;
use crate::booking::codes::insert_with_code;
use crate::booking::payment_status::PaymentStatus;
use crate::tenant::TenantExecutor;
use crate::tenant::constraint::constraint;
use crate::vocabulary::currency::cents;

/// Booking.
impl<C: TenantExecutor> Scheduling<'_, C> {
    /// Books a slot, directly or instead of a hold. The booking gets a confirmation code of eight characters, without
    /// letters and digits that look alike.
    ///
    /// The name and the telephone number of a [`Contact`] are kept with the booking. A known client's record stays unchanged,
    /// and a refused booking creates no client.
    ///
    /// Concurrent bookings of one slot wait for one another, and one of them succeeds. An exclusion constraint of the
    /// database refuses overlapping rows of any other program.
    ///
    /// ```no_run
    /// use watertight::scheduling::{NewBooking, Slot};
    /// use watertight::{BookingError, Tenant};
    ///
    /// # async fn example(
    /// #     tenant: &impl Tenant, slot: Slot, massage: uuid::Uuid, olivia: uuid::Uuid, form: uuid::Uuid,
    /// # ) -> Result<(), BookingError> {
    /// let new = NewBooking {
    ///     // A second click on the same form returns the same booking.
    ///     idempotency_key: Some(form.to_string()),
    ///     ..NewBooking::new(massage, slot.practitioner, olivia, slot.start)
    /// };
    /// match tenant.scheduling().book(&new).await {
    ///     Ok(booking) => println!("Your code is {}.", booking.confirmation_code),
    ///     Err(BookingError::SlotTaken { .. }) => println!("This slot was just taken. Choose another."),
    ///     Err(other) => return Err(other),
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`BookingError::SlotTaken`], [`BookingError::OutsideHours`], [`BookingError::HoldExpired`], [`BookingError::PractitionerRequired`],
    /// [`BookingError::ServiceInactive`], [`BookingError::ShortNotice`], [`BookingError::TooFarAhead`], [`BookingError::NotOffered`],
    /// [`BookingError::IdempotencyKeyReused`], [`BookingError::NoLongerActive`] when the key made a booking that is cancelled,
    /// [`BookingError::NotFound`] for the service, the practitioner or the client,
    /// [`BookingError::NoProfile`], [`BookingError::InvalidInput`].
    pub async fn book(self, new: &NewBooking) -> Result<bookings::Model, BookingError> {
        let distance = new.check()?;
        let transaction = self.db.begin().await?;
        let scheduling = Scheduling::new(&transaction);
        scheduling.lock(new.practitioner).await?;
        // Looked up first, so that a retry returns the booking even after its slot has begun.
        if let Some(made) = scheduling.booked_with(new).await? {
            return Ok(made);
        }
        let offer = scheduling.slot(new.service, new.practitioner, new.start).await?;
        let (span, buffer) = (offer.span(new.start), distance.buffer_minutes(offer.buffer_minutes));
        if !new.outside_hours {
            offer.check_open(span, distance)?;
        }
        let replaced = Replaced { hold: new.hold, booking: None };
        scheduling.refuse_if_taken(span, new.practitioner, buffer, replaced).await?;
        if let Some(hold) = new.hold {
            scheduling.use_hold(hold, new, span).await?;
        }
        let client = scheduling.client_of(&new.client).await?;
        let booking = scheduling.insert_booking(new, client, &offer, buffer).await?;
        transaction.commit().await?;
        Ok(booking)
    }

    async fn booked_with(self, new: &NewBooking) -> Result<Option<bookings::Model>, BookingError> {
        let Some(key) = &new.idempotency_key else { return Ok(None) };
        let select = bookings::Entity::find().filter(bookings::Column::IdempotencyKey.eq(key));
        match select.one(self.db).await? {
            Some(made) if new.made(&made) => match made.booking_status()? {
                BookingStatus::Cancelled => {
                    Err(BookingError::NoLongerActive { what: "booking", id: made.id, status: made.status })
                }
                _ => Ok(Some(made)),
            },
            Some(_) => Err(BookingError::IdempotencyKeyReused { key: key.clone() }),
            None => Ok(None),
        }
    }

    async fn insert_booking(
        self,
        new: &NewBooking,
        client: Uuid,
        offer: &Offer,
        buffer_minutes: i32,
    ) -> Result<bookings::Model, BookingError> {
        let (start, end) = offer.span(new.start);
        let amount =
            new.amount_cents.map_or(Ok(offer.price_cents), |amount| cents("amount_cents", amount))?;
        let row = bookings::ActiveModel {
            service_id: Set(new.service),
            practitioner_id: Set(new.practitioner),
            client_id: Set(client),
            datetime: Set(start.into()),
            end_time: Set(end.into()),
            duration: Set(offer.duration_minutes),
            buffer_minutes: Set(buffer_minutes),
            amount_cents: Set(amount),
            currency: Set(offer.currency.clone()),
            // Nothing is due for a free booking.
            payment_status: Set(PaymentStatus::of(amount.into(), 0, 0).to_string()),
            notes: Set(new.notes.clone()),
            request_digest: Set(new.idempotency_key.as_ref().map(|_| new.digest())),
            idempotency_key: Set(new.idempotency_key.clone()),
            contact_name: Set(new.client.contact().map(Contact::name)),
            contact_phone: Set(new.client.contact().and_then(|contact| contact.phone.clone())),
            ..Default::default()
        };
        let inserted = insert_with_code(self.db, row, bookings::Column::ConfirmationCode, CONFIRMATION_CODE);
        inserted.await.map_err(|error| match error {
            BookingError::Database(error) if constraint(&error) == Some("bookings_idempotency_key_key") => {
                BookingError::IdempotencyKeyReused { key: new.idempotency_key.clone().unwrap_or_default() }
            }
            BookingError::Database(error) => slot_taken(error, start),
            error => error,
        })
    }
}
