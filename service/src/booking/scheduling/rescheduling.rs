//! Rescheduling a booking.

use std::time::Duration;

use chrono::{DateTime, SubsecRound, TimeDelta, Utc};
use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};
use uuid::Uuid;
use watertight_entity::public::bookings;

use super::Scheduling;
use super::distance::Distance;
use super::occupancy::{Replaced, slot_taken};
use super::record::BookingRecord;
use super::status::BookingStatus;
use crate::booking::BookingError;
use crate::tenant::TenantExecutor;
use crate::vocabulary::Change;

/// The new start of a booking, and its new practitioner.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reschedule {
    /// The new start. The duration stays.
    pub start: DateTime<Utc>,
    /// The practitioner.
    pub practitioner: Change<Uuid>,
    /// As [`SlotQuery::buffer`](super::SlotQuery::buffer).
    pub buffer: Duration,
    /// As [`SlotQuery::notice`](super::SlotQuery::notice).
    pub notice: Duration,
    /// As [`NewBooking::step`](super::NewBooking::step).
    pub step: Option<Duration>,
    /// As [`SlotQuery::horizon`](super::SlotQuery::horizon).
    pub horizon: Option<Duration>,
    /// Allows a slot outside the opening hours or in the past, without notice, horizon and step.
    pub outside_hours: bool,
}

impl Reschedule {
    /// Another start with the same practitioner.
    ///
    /// ```
    /// use chrono::{DateTime, Utc};
    /// use watertight::scheduling::Reschedule;
    ///
    /// # let kai = uuid::Uuid::nil();
    /// let start: DateTime<Utc> = "2026-03-03T15:00:00Z".parse()?;
    /// let later = Reschedule::to(start);
    /// assert_eq!(later.practitioner.into_option(), None);
    /// // The practitioner is ill, so a colleague takes the appointment.
    /// let later = Reschedule { practitioner: kai.into(), ..later };
    /// # Ok::<(), chrono::ParseError>(())
    /// ```
    #[must_use]
    pub const fn to(start: DateTime<Utc>) -> Self {
        let (buffer, notice) = (Duration::ZERO, Duration::ZERO);
        let (step, horizon) = (None, None);
        Self { start, practitioner: Change::Keep, buffer, notice, step, horizon, outside_hours: false }
    }
}

/// Rescheduling.
impl<C: TenantExecutor> Scheduling<'_, C> {
    /// Moves a confirmed booking to another start, and to another practitioner if one is named. The booking keeps its
    /// duration, and its buffer becomes that of the service. A booking that is there already stays unchanged.
    ///
    /// ```no_run
    /// use watertight::scheduling::{Reschedule, Slot};
    /// use watertight::{BookingError, Change, Tenant};
    ///
    /// # async fn example(tenant: &impl Tenant, booking: uuid::Uuid, slot: Slot) -> Result<(), BookingError> {
    /// let practitioner = slot.practitioner.map_or(Change::Keep, Change::Set);
    /// let moved = Reschedule { practitioner, ..Reschedule::to(slot.start) };
    /// let booking = tenant.scheduling().reschedule(booking, moved).await?;
    /// println!("The appointment is at {}.", booking.datetime);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`BookingError::NotFound`], [`BookingError::InvalidTransition`], [`BookingError::SlotTaken`], [`BookingError::OutsideHours`],
    /// [`BookingError::ServiceInactive`], [`BookingError::ShortNotice`], [`BookingError::TooFarAhead`], [`BookingError::NotOffered`],
    /// [`BookingError::InvalidInput`].
    pub async fn reschedule(self, id: Uuid, to: Reschedule) -> Result<bookings::Model, BookingError> {
        let distance = Distance::new(to.buffer, to.notice)?.with_step(to.step)?.with_horizon(to.horizon)?;
        let transaction = self.db.begin().await?;
        let scheduling = Scheduling::new(&transaction);
        let booking = scheduling.lock_booking(id).await?;
        if booking.booking_status()? != BookingStatus::Confirmed {
            return Err(BookingError::InvalidTransition {
                what: "booking",
                from: booking.status,
                to: "rescheduled",
            });
        }
        let practitioner = to.practitioner.into_option().or(booking.practitioner_id);
        let offer = scheduling.slot(booking.service_id, practitioner, to.start).await?;
        let span = (to.start, to.start + TimeDelta::minutes(booking.duration.into()));
        let buffer = distance.buffer_minutes(offer.buffer_minutes);
        let there = (booking.practitioner_id, booking.buffer_minutes) == (practitioner, buffer);
        if there && booking.span() == (micros(span.0), micros(span.1)) {
            return Ok(booking);
        }
        if !to.outside_hours {
            offer.check_open(span, distance)?;
        }
        scheduling.lock(practitioner).await?;
        let replaced = Replaced { booking: Some(id), hold: None };
        scheduling.refuse_if_taken(span, practitioner, buffer, replaced).await?;
        let moved = bookings::Entity::update_many()
            .col_expr(bookings::Column::Datetime, Expr::val(span.0))
            .col_expr(bookings::Column::EndTime, Expr::val(span.1))
            .col_expr(bookings::Column::BufferMinutes, Expr::val(buffer))
            .col_expr(bookings::Column::PractitionerId, Expr::val(practitioner))
            .col_expr(bookings::Column::UpdatedAt, Expr::current_timestamp())
            .filter(bookings::Column::Id.eq(id))
            .exec_with_returning(&transaction)
            .await
            .map_err(|error| slot_taken(error, to.start))?;
        transaction.commit().await?;
        moved.into_iter().next().ok_or_else(|| BookingError::not_found("booking", id))
    }
}

/// A time as the database stores it, in microseconds.
fn micros(time: DateTime<Utc>) -> DateTime<Utc> {
    time.trunc_subsecs(6)
}
