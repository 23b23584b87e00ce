//! Bookings: how a slot is taken, by one and by no one else.

use chrono::{DateTime, Datelike, TimeDelta, Utc};
use sea_orm::sea_query::{Expr, OnConflict, Query};
use sea_orm::{
    ColumnTrait, Condition, DbErr, EntityTrait, FromQueryResult, QueryFilter, QueryOrder, QuerySelect,
    QueryTrait, Set,
};
use uuid::Uuid;
use watertight_entity::public::{bookings, clients};

use super::Scheduling;
use super::hours::Span;
use super::resource::{But, Terms};
use super::status::{BookingStatus, PaymentStatus};
use crate::booking::BookingError;
#[cfg(feature = "certificates")]
use crate::booking::payments;
use crate::tenant::TenantExecutor;
use crate::tenant::constraint::constraint;
use crate::vocabulary::InvalidInput;
use crate::vocabulary::code::CodeFormat;
use crate::vocabulary::{Change, text};

/// `XXXXXXXX`
const CODE: CodeFormat = CodeFormat::new(1, 8);

/// A booking to be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewBooking {
    /// The service, which says how long it takes and what it costs.
    pub service: Uuid,
    /// With whom; `None` where the business has no practitioners.
    pub practitioner: Option<Uuid>,
    /// For whom.
    pub client: Uuid,
    /// When it begins.
    pub start: DateTime<Utc>,
    /// The hold that it takes the place of.
    pub hold: Option<Uuid>,
    /// The same key gives the same booking, however often it is sent; at most 255 characters.
    pub idempotency_key: Option<String>,
    /// The price, where it is not the service's.
    pub amount_cents: Option<u32>,
    /// Whatever is to be remembered.
    pub notes: Option<String>,
    /// Whether it may be outside the opening hours, or in the past: for the staff, not for clients.
    pub outside_hours: bool,
}

impl NewBooking {
    /// A booking of a slot that no one holds, within the opening hours.
    #[must_use]
    pub const fn new(service: Uuid, practitioner: Option<Uuid>, client: Uuid, start: DateTime<Utc>) -> Self {
        Self {
            service,
            practitioner,
            client,
            start,
            hold: None,
            idempotency_key: None,
            amount_cents: None,
            notes: None,
            outside_hours: false,
        }
    }

    fn check(&self) -> Result<(), InvalidInput> {
        text::check_optional("notes", self.notes.as_ref(), usize::MAX)?;
        match &self.idempotency_key {
            Some(key) => text::check_word("idempotency key", key, 255),
            None => Ok(()),
        }
    }

    /// Whether a booking is what this asks for.
    fn is_of(&self, row: &bookings::Model) -> bool {
        let start = row.datetime.timestamp_micros();
        (row.service_id, row.practitioner_id, row.client_id, start)
            == (self.service, self.practitioner, self.client, self.start.timestamp_micros())
    }
}

/// Where a booking is moved to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reschedule {
    /// When it begins then. It takes as long as before.
    pub start: DateTime<Utc>,
    /// With whom.
    pub practitioner: Change<Uuid>,
    /// Whether it may be outside the opening hours, or in the past.
    pub outside_hours: bool,
}

impl Reschedule {
    /// To another time, with whom it was.
    #[must_use]
    pub const fn to(start: DateTime<Utc>) -> Self {
        Self { start, practitioner: Change::Keep, outside_hours: false }
    }
}

/// What a booking's row says, as types.
pub trait BookingRecord {
    /// The state that it is in.
    ///
    /// # Errors
    /// [`BookingError::InvalidInput`], which the table's CHECK keeps from happening.
    fn booking_status(&self) -> Result<BookingStatus, BookingError>;

    /// From when until before when it takes.
    fn span(&self) -> (DateTime<Utc>, DateTime<Utc>);
}

impl BookingRecord for bookings::Model {
    fn booking_status(&self) -> Result<BookingStatus, BookingError> {
        Ok(self.status.parse()?)
    }

    fn span(&self) -> (DateTime<Utc>, DateTime<Utc>) {
        (self.datetime.to_utc(), self.end_time.to_utc())
    }
}

pub(super) fn taken(error: DbErr, start: DateTime<Utc>) -> BookingError {
    match constraint(&error) {
        Some("bookings_overlap_excl" | "slot_reservations_overlap_excl") => BookingError::SlotTaken { start },
        _ => error.into(),
    }
}

/// Bookings.
impl<C: TenantExecutor> Scheduling<'_, C> {
    /// The slot of a service at a time, and the terms of it.
    pub(super) async fn slot(
        self,
        service: Uuid,
        practitioner: Option<Uuid>,
        start: DateTime<Utc>,
        outside_hours: bool,
    ) -> Result<(Terms, Span), BookingError> {
        if !(1..=9999).contains(&start.year()) {
            let reason = "is not in the years 1 to 9999".to_owned();
            return Err(InvalidInput { what: "start", value: start.to_string(), reason }.into());
        }
        // The business's own day is one of three by any clock.
        let day = start.date_naive();
        let (from, to) = (day.pred_opt().unwrap_or(day), day.succ_opt().unwrap_or(day));
        let terms = self.terms(service, practitioner, from, to).await?;
        if practitioner.is_none() && !terms.practitioners.is_empty() {
            return Err(BookingError::PractitionerRequired);
        }
        let span = (start, start + terms.duration);
        if !outside_hours {
            Self::refuse_if_closed(&terms, span)?;
        }
        Ok((terms, span))
    }

    /// Books a slot, straight away or in place of a hold. It gets a confirmation code of eight letters and digits that
    /// are not taken for one another.
    ///
    /// However many want one slot, one gets it: they wait for one another, and a constraint of the database would
    /// refuse what got past that.
    ///
    /// # Errors
    /// [`BookingError::SlotTaken`], [`BookingError::OutsideHours`], [`BookingError::HoldExpired`], [`BookingError::PractitionerRequired`],
    /// [`BookingError::IdempotencyKeyReused`], [`BookingError::NotFound`] for the service, the practitioner or the client,
    /// [`BookingError::NoProfile`], [`BookingError::InvalidInput`].
    pub async fn book(self, new: &NewBooking) -> Result<bookings::Model, BookingError> {
        new.check()?;
        let transaction = self.db.begin().await?;
        let scheduling = Scheduling::new(&transaction);
        scheduling.lock(new.practitioner).await?;
        // Asked first, so that a booking that was made is given again after its slot has begun.
        if let Some(made) = scheduling.booked_with(new).await? {
            return Ok(made);
        }
        let outside_hours = new.outside_hours;
        let (terms, span) = scheduling.slot(new.service, new.practitioner, new.start, outside_hours).await?;
        scheduling.refuse_if_taken(span, new.practitioner, But { hold: new.hold, booking: None }).await?;
        if let Some(hold) = new.hold {
            scheduling.use_hold(hold, new, span).await?;
        }
        let client = clients::Entity::find().filter(clients::Column::Id.eq(new.client));
        if client.one(&transaction).await?.is_none() {
            return Err(BookingError::not_found("client", new.client));
        }
        let booking = scheduling.insert_booking(new, &terms, span).await?;
        transaction.commit().await?;
        Ok(booking)
    }

    async fn booked_with(self, new: &NewBooking) -> Result<Option<bookings::Model>, BookingError> {
        let Some(key) = &new.idempotency_key else { return Ok(None) };
        let select = bookings::Entity::find().filter(bookings::Column::IdempotencyKey.eq(key));
        match select.one(self.db).await? {
            Some(made) if new.is_of(&made) => Ok(Some(made)),
            Some(_) => Err(BookingError::IdempotencyKeyReused { key: key.clone() }),
            None => Ok(None),
        }
    }

    async fn insert_booking(
        self,
        new: &NewBooking,
        terms: &Terms,
        (start, end): Span,
    ) -> Result<bookings::Model, BookingError> {
        let amount = new.amount_cents.map_or(Ok(terms.price_cents), i32::try_from);
        let amount = amount.map_err(|_| InvalidInput {
            what: "amount_cents",
            value: new.amount_cents.unwrap_or_default().to_string(),
            reason: "is more than an integer holds".to_owned(),
        })?;
        // A code that is taken is made anew; that another has the idempotency key by now is seen then too.
        for _ in 0..8 {
            let row = bookings::ActiveModel {
                confirmation_code: Set(CODE.generate()?),
                service_id: Set(new.service),
                practitioner_id: Set(new.practitioner),
                client_id: Set(new.client),
                datetime: Set(start.into()),
                end_time: Set(end.into()),
                duration: Set(terms.duration_minutes),
                amount_cents: Set(amount),
                notes: Set(new.notes.clone()),
                idempotency_key: Set(new.idempotency_key.clone()),
                ..Default::default()
            };
            let insert = bookings::Entity::insert(row)
                .on_conflict(
                    OnConflict::columns([bookings::Column::ConfirmationCode]).do_nothing().to_owned(),
                )
                .into_query()
                .returning(Query::returning().all())
                .to_owned();
            match self.db.query_one(&insert).await {
                Ok(Some(row)) => return Ok(bookings::Model::from_query_result(&row, "")?),
                Ok(None) => {}
                Err(error) if constraint(&error) == Some("bookings_idempotency_key_key") => {
                    return Err(BookingError::IdempotencyKeyReused {
                        key: new.idempotency_key.clone().unwrap_or_default(),
                    });
                }
                Err(error) => return Err(taken(error, start)),
            }
        }
        Err(BookingError::Database(DbErr::RecordNotInserted))
    }

    /// The booking of an identity; `None` when the tenant has none.
    ///
    /// # Errors
    /// What the database reports.
    pub async fn get_booking(self, id: Uuid) -> Result<Option<bookings::Model>, BookingError> {
        Ok(bookings::Entity::find().filter(bookings::Column::Id.eq(id)).one(self.db).await?)
    }

    /// The booking of a confirmation code, however it is typed; `None` when the tenant has none.
    ///
    /// # Errors
    /// What the database reports.
    pub async fn get_booking_by_code(self, code: &str) -> Result<Option<bookings::Model>, BookingError> {
        let code = CODE.normal_form(code);
        Ok(bookings::Entity::find().filter(bookings::Column::ConfirmationCode.eq(code)).one(self.db).await?)
    }

    /// The bookings that take place between two times, by start: of one practitioner, or of all. Cancelled ones too.
    ///
    /// # Errors
    /// What the database reports.
    pub async fn get_bookings(
        self,
        from: DateTime<Utc>,
        to: DateTime<Utc>,
        practitioner: Option<Uuid>,
    ) -> Result<Vec<bookings::Model>, BookingError> {
        let whose =
            Condition::all().add_option(practitioner.map(|id| bookings::Column::PractitionerId.eq(id)));
        let select = bookings::Entity::find()
            .filter(bookings::Column::Datetime.lt(to))
            .filter(bookings::Column::EndTime.gt(from))
            .filter(whose)
            .order_by_asc(bookings::Column::Datetime)
            .order_by_asc(bookings::Column::Id);
        Ok(select.all(self.db).await?)
    }

    /// The bookings of a client, newest first.
    ///
    /// # Errors
    /// What the database reports.
    pub async fn get_bookings_by_client(self, client: Uuid) -> Result<Vec<bookings::Model>, BookingError> {
        let select = bookings::Entity::find()
            .filter(bookings::Column::ClientId.eq(client))
            .order_by_desc(bookings::Column::Datetime);
        Ok(select.all(self.db).await?)
    }

    /// Moves a confirmed booking to another time, and perhaps to another practitioner.
    ///
    /// # Errors
    /// [`BookingError::NotFound`], [`BookingError::InvalidTransition`], [`BookingError::SlotTaken`], [`BookingError::OutsideHours`].
    pub async fn reschedule(self, id: Uuid, to: Reschedule) -> Result<bookings::Model, BookingError> {
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
        let (terms, _) = scheduling.slot(booking.service_id, practitioner, to.start, true).await?;
        let span = (to.start, to.start + TimeDelta::minutes(booking.duration.into()));
        if !to.outside_hours {
            Self::refuse_if_closed(&terms, span)?;
        }
        scheduling.lock(practitioner).await?;
        scheduling.refuse_if_taken(span, practitioner, But { booking: Some(id), hold: None }).await?;
        let moved = bookings::Entity::update_many()
            .col_expr(bookings::Column::Datetime, Expr::val(span.0))
            .col_expr(bookings::Column::EndTime, Expr::val(span.1))
            .col_expr(bookings::Column::PractitionerId, Expr::val(practitioner))
            .col_expr(bookings::Column::UpdatedAt, Expr::current_timestamp())
            .filter(bookings::Column::Id.eq(id))
            .exec_with_returning(&transaction)
            .await
            .map_err(|error| taken(error, to.start))?;
        transaction.commit().await?;
        moved.into_iter().next().ok_or_else(|| BookingError::not_found("booking", id))
    }

    /// Locks a booking until the transaction ends.
    pub(crate) async fn lock_booking(self, id: Uuid) -> Result<bookings::Model, BookingError> {
        let select = bookings::Entity::find().filter(bookings::Column::Id.eq(id)).lock_exclusive();
        select.one(self.db).await?.ok_or_else(|| BookingError::not_found("booking", id))
    }

    /// Cancels a confirmed booking: its slot is free again, and what gift certificates and packages have paid goes
    /// back to them.
    ///
    /// # Errors
    /// [`BookingError::NotFound`], [`BookingError::InvalidTransition`], [`BookingError::InvalidInput`].
    pub async fn cancel(self, id: Uuid, reason: &str) -> Result<bookings::Model, BookingError> {
        text::check("reason", reason, usize::MAX)?;
        let transaction = self.db.begin().await?;
        let booking =
            Scheduling::new(&transaction).move_to(id, BookingStatus::Cancelled, Some(reason)).await?;
        #[cfg(feature = "certificates")]
        let booking = Scheduling::new(&transaction).refunded(booking).await?;
        transaction.commit().await?;
        Ok(booking)
    }

    /// Refunds what certificates and packages have paid for a booking, which is cancelled.
    #[cfg(feature = "certificates")]
    async fn refunded(self, booking: bookings::Model) -> Result<bookings::Model, BookingError> {
        if payments::refund(self.db, booking.id).await? == 0 {
            return Ok(booking);
        }
        let mut row = sea_orm::IntoActiveModel::into_active_model(booking);
        row.payment_status = Set("refunded".to_owned());
        Ok(bookings::Entity::update(row).exec(self.db).await?)
    }

    /// Says that a confirmed booking took place.
    ///
    /// # Errors
    /// [`BookingError::NotFound`], [`BookingError::InvalidTransition`].
    pub async fn complete(self, id: Uuid) -> Result<bookings::Model, BookingError> {
        self.move_to(id, BookingStatus::Completed, None).await
    }

    /// Says that the client of a confirmed booking did not come.
    ///
    /// # Errors
    /// [`BookingError::NotFound`], [`BookingError::InvalidTransition`].
    pub async fn mark_no_show(self, id: Uuid) -> Result<bookings::Model, BookingError> {
        self.move_to(id, BookingStatus::NoShow, None).await
    }

    /// Says that a booking was paid, by what means and with what reference. Gift certificates and packages say so
    /// themselves.
    ///
    /// # Errors
    /// [`BookingError::NotFound`], [`BookingError::InvalidTransition`] when nothing is due, [`BookingError::InvalidInput`].
    pub async fn mark_paid(
        self,
        id: Uuid,
        method: &str,
        reference: Option<&str>,
    ) -> Result<bookings::Model, BookingError> {
        text::check("payment method", method, 32)?;
        text::check("payment reference", reference.unwrap_or_default(), 255)?;
        let update = bookings::Entity::update_many()
            .col_expr(bookings::Column::PaymentStatus, Expr::val(PaymentStatus::Paid))
            .col_expr(bookings::Column::PaymentMethod, Expr::val(method))
            .col_expr(bookings::Column::PaymentRef, Expr::val(reference.map(str::to_owned)))
            .col_expr(bookings::Column::UpdatedAt, Expr::current_timestamp())
            .filter(bookings::Column::Id.eq(id))
            .filter(bookings::Column::Status.ne(BookingStatus::Cancelled))
            .filter(bookings::Column::PaymentStatus.eq(PaymentStatus::Pending));
        if let Some(paid) = update.exec_with_returning(self.db).await?.into_iter().next() {
            return Ok(paid);
        }
        let booking = self.get_booking(id).await?.ok_or_else(|| BookingError::not_found("booking", id))?;
        let from = format!("{}, its payment {}", booking.status, booking.payment_status);
        Err(BookingError::InvalidTransition { what: "booking", from, to: "paid" })
    }

    /// Moves a confirmed booking to another state, in one statement.
    async fn move_to(
        self,
        id: Uuid,
        to: BookingStatus,
        reason: Option<&str>,
    ) -> Result<bookings::Model, BookingError> {
        let mut update = bookings::Entity::update_many()
            .col_expr(bookings::Column::Status, Expr::val(to))
            .col_expr(bookings::Column::UpdatedAt, Expr::current_timestamp())
            .filter(bookings::Column::Id.eq(id))
            .filter(bookings::Column::Status.eq(BookingStatus::Confirmed));
        if let Some(reason) = reason {
            update = update
                .col_expr(bookings::Column::CancelledAt, Expr::current_timestamp())
                .col_expr(bookings::Column::CancelReason, Expr::val(reason));
        }
        if let Some(moved) = update.exec_with_returning(self.db).await?.into_iter().next() {
            return Ok(moved);
        }
        let booking = self.get_booking(id).await?.ok_or_else(|| BookingError::not_found("booking", id))?;
        let to = match to {
            BookingStatus::Confirmed => "confirmed",
            BookingStatus::Cancelled => "cancelled",
            BookingStatus::Completed => "completed",
            BookingStatus::NoShow => "no_show",
        };
        Err(BookingError::InvalidTransition { what: "booking", from: booking.status, to })
    }
}
