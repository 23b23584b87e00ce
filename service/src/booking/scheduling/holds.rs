//! Holds: slots kept for a client for some minutes.

use std::time::Duration;

use chrono::{DateTime, Utc};
use sea_orm::sea_query::{Expr, ExprTrait};
use sea_orm::{ColumnTrait, Condition, DbErr, EntityTrait, FromQueryResult, QueryFilter};
use uuid::Uuid;
use watertight_entity::public::{services, slot_reservations};

use super::Scheduling;
use super::distance::Distance;
use super::new_booking::NewBooking;
use super::occupancy::{Replaced, of_practitioner, slot_taken};
use super::retention;
use super::spans::Span;
use crate::booking::BookingError;
use crate::tenant::TenantExecutor;
use crate::tenant::constraint::constraint;
use crate::tenant::sql::{columns, seconds, statement};
use crate::vocabulary::InvalidInput;

/// A slot to hold with [`Scheduling::hold`], for example until the client has paid.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hold {
    /// An id that makes the hold safe to repeat; see [`Scheduling::hold`].
    pub id: Option<Uuid>,
    /// The service, which sets the duration.
    pub service: Uuid,
    /// The practitioner; `None` for a business without practitioners.
    pub practitioner: Option<Uuid>,
    /// The start of the slot.
    pub start: DateTime<Utc>,
    /// The duration of the hold by the database's clock: 10 minutes by default, an hour at most.
    pub ttl: Duration,
    /// As [`SlotQuery::buffer`](super::SlotQuery::buffer).
    pub buffer: Duration,
    /// As [`SlotQuery::notice`](super::SlotQuery::notice).
    pub notice: Duration,
    /// As [`NewBooking::step`].
    pub step: Option<Duration>,
    /// As [`SlotQuery::horizon`](super::SlotQuery::horizon).
    pub horizon: Option<Duration>,
}

impl Hold {
    /// A hold of ten minutes.
    ///
    /// ```
    /// use std::time::Duration;
    /// use watertight::scheduling::Hold;
    ///
    /// # let (massage, maya) = (uuid::Uuid::nil(), uuid::Uuid::nil());
    /// let hold = Hold::new(massage, Some(maya), "2026-03-02T15:00:00Z".parse()?);
    /// assert_eq!(hold.ttl, Duration::from_mins(10));
    /// // A bank transfer takes longer than a card.
    /// let hold = Hold { ttl: Duration::from_mins(30), ..hold };
    /// # Ok::<(), chrono::ParseError>(())
    /// ```
    #[must_use]
    pub const fn new(service: Uuid, practitioner: Option<Uuid>, start: DateTime<Utc>) -> Self {
        let (buffer, notice, ttl) = (Duration::ZERO, Duration::ZERO, Duration::from_mins(10));
        Self { id: None, service, practitioner, start, ttl, buffer, notice, step: None, horizon: None }
    }
}

fn live_hold() -> Condition {
    Condition::all()
        .add(slot_reservations::Column::ReleasedAt.is_null())
        .add(slot_reservations::Column::ExpiresAt.into_expr().gt(Expr::current_timestamp()))
}

/// Holds.
impl<C: TenantExecutor> Scheduling<'_, C> {
    /// Holds a slot. The slot is taken until the hold is booked, is released or expires.
    ///
    /// With an [`id`](Hold::id) a repeated call returns the hold that the first call has made, with its time of expiry. Without
    /// one, a repeated call is refused because of the own hold.
    ///
    /// ```no_run
    /// use watertight::scheduling::{Hold, NewBooking, Slot};
    /// use watertight::{BookingError, Tenant};
    ///
    /// # async fn example(
    /// #     tenant: &impl Tenant, slot: Slot, massage: uuid::Uuid, olivia: uuid::Uuid,
    /// # ) -> Result<(), BookingError> {
    /// let scheduling = tenant.scheduling();
    /// let hold = scheduling.hold(&Hold::new(massage, slot.practitioner, slot.start)).await?;
    /// // After the payment:
    /// let booking = NewBooking::new(massage, slot.practitioner, olivia, slot.start);
    /// scheduling.book(&NewBooking { hold: Some(hold.id), ..booking }).await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`BookingError::SlotTaken`], [`BookingError::OutsideHours`], [`BookingError::ShortNotice`], [`BookingError::TooFarAhead`],
    /// [`BookingError::NotOffered`], [`BookingError::ServiceInactive`], [`BookingError::PractitionerRequired`], [`BookingError::NotFound`] for the
    /// service or the practitioner, [`BookingError::NoProfile`], [`BookingError::InvalidInput`]. For the id of an existing hold:
    /// [`BookingError::HoldIdReused`] if it holds another slot, [`BookingError::HoldExpired`] if it is not live.
    pub async fn hold(self, hold: &Hold) -> Result<slot_reservations::Model, BookingError> {
        if hold.ttl < Duration::from_secs(1) || hold.ttl > Duration::from_hours(1) {
            let reason = "is not between one second and one hour";
            return Err(InvalidInput::new("ttl", format!("{:?}", hold.ttl), reason).into());
        }
        let distance = Distance::new(hold.buffer, hold.notice)?;
        let distance = distance.with_step(hold.step)?.with_horizon(hold.horizon)?;
        let transaction = self.db.begin().await?;
        let scheduling = Scheduling::new(&transaction);
        if let Some(held) = scheduling.held_before(hold).await? {
            return Ok(held);
        }
        let offer = scheduling.slot(hold.service, hold.practitioner, hold.start).await?;
        let (span, buffer) = (offer.span(hold.start), distance.buffer_minutes(offer.buffer_minutes));
        offer.check_open(span, distance)?;
        scheduling.lock(hold.practitioner).await?;
        // Another call with the same id can have been faster.
        if let Some(held) = scheduling.held_before(hold).await? {
            return Ok(held);
        }
        scheduling.refuse_if_taken(span, hold.practitioner, buffer, Replaced::default()).await?;
        let insert = statement(
            format!(
                r#"INSERT INTO "public"."slot_reservations" ("practitioner_id", "datetime", "end_time", "duration", "buffer_minutes", "expires_at", "id")
               VALUES ($1, $2, $3, $4, $5, CURRENT_TIMESTAMP + $6::float8 * INTERVAL '1 second', $7) RETURNING {}"#,
                columns::<slot_reservations::Entity>()
            ),
            [
                hold.practitioner.into(),
                span.0.into(),
                span.1.into(),
                offer.duration_minutes.into(),
                buffer.into(),
                seconds(hold.ttl),
                hold.id.unwrap_or_else(Uuid::new_v4).into(),
            ],
        );
        let row =
            transaction.query_one_raw(insert).await.map_err(|error| match (constraint(&error), hold.id) {
                (Some("slot_reservations_pkey"), Some(id)) => BookingError::HoldIdReused { id },
                _ => slot_taken(error, hold.start),
            })?;
        let row = row.ok_or(BookingError::Database(DbErr::RecordNotInserted))?;
        let reservation = slot_reservations::Model::from_query_result(&row, "")?;
        transaction.commit().await?;
        Ok(reservation)
    }

    /// Returns the hold that an earlier call with the same id has made.
    async fn held_before(self, hold: &Hold) -> Result<Option<slot_reservations::Model>, BookingError> {
        let Some(id) = hold.id else { return Ok(None) };
        let own = slot_reservations::Entity::find().filter(slot_reservations::Column::Id.eq(id));
        let Some(made) = own.clone().one(self.db).await? else { return Ok(None) };
        let service =
            services::Entity::find().filter(services::Column::Id.eq(hold.service)).one(self.db).await?;
        if made.practitioner_id != hold.practitioner
            || made.datetime.timestamp_micros() != hold.start.timestamp_micros()
            || service.is_some_and(|service| service.duration_minutes != made.duration)
        {
            return Err(BookingError::HoldIdReused { id });
        }
        own.filter(live_hold()).one(self.db).await?.map(Some).ok_or(BookingError::HoldExpired { id })
    }

    /// Releases a hold. Returns `false` when the hold was not live.
    ///
    /// # Errors
    /// [`BookingError::Database`].
    pub async fn release_hold(self, id: Uuid) -> Result<bool, BookingError> {
        let release = slot_reservations::Entity::update_many()
            .col_expr(slot_reservations::Column::ReleasedAt, Expr::current_timestamp())
            .filter(slot_reservations::Column::Id.eq(id))
            .filter(live_hold());
        Ok(release.exec(self.db).await?.rows_affected > 0)
    }

    /// Deletes the released and expired holds, and returns their number.
    ///
    /// # Errors
    /// [`BookingError::Database`].
    pub async fn cleanup_holds(self) -> Result<u64, BookingError> {
        Ok(retention::delete_holds(self.db).await?)
    }

    pub(super) async fn use_hold(
        self,
        id: Uuid,
        new: &NewBooking,
        (start, end): Span,
    ) -> Result<(), BookingError> {
        let release = slot_reservations::Entity::update_many()
            .col_expr(slot_reservations::Column::ReleasedAt, Expr::current_timestamp())
            .filter(slot_reservations::Column::Id.eq(id))
            .filter(of_practitioner(slot_reservations::Column::PractitionerId, new.practitioner))
            .filter(slot_reservations::Column::Datetime.lte(start))
            .filter(slot_reservations::Column::EndTime.gte(end))
            .filter(live_hold());
        match release.exec(self.db).await?.rows_affected {
            0 => Err(BookingError::HoldExpired { id }),
            _ => Ok(()),
        }
    }
}
