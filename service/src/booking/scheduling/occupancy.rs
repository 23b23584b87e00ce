//! Occupancy: the slots of a practitioner, or of a business without practitioners, that are taken.

use chrono::{DateTime, TimeDelta, Utc};
use sea_orm::sea_query::{Expr, ExprTrait, LockType};
use sea_orm::{ColumnTrait, Condition, DbErr, EntityTrait, QueryFilter, QuerySelect, Value};
use uuid::Uuid;
use watertight_entity::public::{business_profile, practitioners, slot_reservations};

use super::Scheduling;
use super::offer::Offer;
use super::spans::Span;
use crate::booking::BookingError;
use crate::tenant::TenantExecutor;
use crate::tenant::constraint::constraint;
use crate::tenant::sql::statement;
use crate::vocabulary::calendar::check_time;

/// Selects the bookings, time blocks and live holds that are closer to a span than their own buffer. The span includes the
/// buffer of the new appointment. Times are cut off two days from the span, because the database has times that no type
/// of this program can hold.
const BUSY: &str = r#"WITH "row" AS (
    SELECT "practitioner_id", "datetime" AS "start", "end_time" AS "end", "buffer_minutes" FROM "public"."bookings"
    WHERE "status" <> 'cancelled' AND "datetime" < $2::timestamptz + INTERVAL '24 hours'
        AND "end_time" > $1::timestamptz - INTERVAL '24 hours'
        AND ($3::uuid IS NULL OR "practitioner_id" IS NULL OR "practitioner_id" = $3) AND "id" IS DISTINCT FROM $4::uuid
    UNION ALL SELECT "practitioner_id", "start_time", "end_time", 0 FROM "public"."time_blocks"
    WHERE "start_time" < $2 AND "end_time" > $1 AND ($3::uuid IS NULL OR "practitioner_id" = $3)
    UNION ALL SELECT "practitioner_id", "datetime", "end_time", "buffer_minutes" FROM "public"."slot_reservations"
    WHERE "released_at" IS NULL AND "expires_at" > CURRENT_TIMESTAMP AND "datetime" < $2 + INTERVAL '24 hours'
        AND "end_time" > $1 - INTERVAL '24 hours'
        AND ($3::uuid IS NULL OR "practitioner_id" IS NULL OR "practitioner_id" = $3) AND "id" IS DISTINCT FROM $5::uuid)
    SELECT "row"."practitioner_id", greatest("row"."start", $1 - INTERVAL '48 hours') AS "from",
        least("row"."end", $2 + INTERVAL '48 hours') AS "to", "row"."buffer_minutes" FROM "row"
    WHERE "row"."start" < $2 + "row"."buffer_minutes" * INTERVAL '1 minute'
        AND "row"."end" > $1 - "row"."buffer_minutes" * INTERVAL '1 minute'"#;

/// Locks a practitioner alone and the business together with others, so that a booking of the whole business waits.
const LOCK_PRACTITIONER: &str = r#"SELECT "practitioner"."id" FROM "public"."business_profile" AS "profile",
    "public"."practitioners" AS "practitioner" WHERE "practitioner"."id" = $1
    FOR SHARE OF "profile" FOR NO KEY UPDATE OF "practitioner""#;

/// A taken span of one practitioner; `None` is the business as a whole.
#[derive(Debug, Clone, Copy)]
pub(super) struct Taken {
    practitioner: Option<Uuid>,
    span: Span,
    buffer: TimeDelta,
}

impl Taken {
    /// Returns true if an appointment of the practitioner, or of the whole business, would be at the same place.
    pub(super) fn concerns(&self, practitioner: Option<Uuid>) -> bool {
        self.practitioner.is_none() || practitioner.is_none() || self.practitioner == practitioner
    }

    /// The span that an appointment with a buffer may not overlap: two appointments are as far apart as the larger of
    /// their buffers.
    pub(super) fn blocks(&self, buffer: TimeDelta) -> Span {
        let buffer = buffer.max(self.buffer);
        (self.span.0 - buffer, self.span.1 + buffer)
    }
}

/// Rows that occupancy leaves out: those that a new booking replaces.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Replaced {
    pub(super) booking: Option<Uuid>,
    pub(super) hold: Option<Uuid>,
}

impl<C: TenantExecutor> Scheduling<'_, C> {
    /// The offer of a service for a slot at a start. Does not look at occupancy.
    pub(super) async fn slot(
        self,
        service: Uuid,
        practitioner: Option<Uuid>,
        start: DateTime<Utc>,
    ) -> Result<Offer, BookingError> {
        check_time("start", start)?;
        let day = start.date_naive();
        let offer = self.offer(service, practitioner, day, day).await?;
        offer.check_active()?;
        if practitioner.is_none() && !offer.practitioners.is_empty() {
            return Err(BookingError::PractitionerRequired);
        }
        Ok(offer)
    }

    /// The taken spans near a span, of one practitioner and of the business as a whole, or all.
    pub(super) async fn taken(
        self,
        (from, to): Span,
        practitioner: Option<Uuid>,
        buffer: TimeDelta,
        replaced: Replaced,
    ) -> Result<Vec<Taken>, BookingError> {
        let (from, to) = (from - buffer, to + buffer);
        let values: [Value; 5] =
            [from.into(), to.into(), practitioner.into(), replaced.booking.into(), replaced.hold.into()];
        let mut taken = Vec::new();
        for row in self.db.query_all_raw(statement(BUSY, values)).await? {
            taken.push(Taken {
                practitioner: row.try_get("", "practitioner_id")?,
                span: (row.try_get("", "from")?, row.try_get("", "to")?),
                buffer: TimeDelta::minutes(row.try_get::<i32>("", "buffer_minutes")?.into()),
            });
        }
        Ok(taken)
    }

    /// Locks a practitioner, or the business, until the transaction ends. Transactions that take slots of one
    /// practitioner run one after another, so a slot found free stays free. A transaction that takes a slot of the whole
    /// business runs alone. The database's exclusion constraints hold without this lock.
    pub(super) async fn lock(self, practitioner: Option<Uuid>) -> Result<(), BookingError> {
        let Some(id) = practitioner else {
            let select =
                business_profile::Entity::find().select_only().column(business_profile::Column::TenantId);
            let locked = select.lock(LockType::NoKeyUpdate).into_tuple::<Uuid>().one(self.db).await?;
            return locked.map(drop).ok_or(BookingError::NoProfile);
        };
        if self.db.query_one_raw(statement(LOCK_PRACTITIONER, [id.into()])).await?.is_some() {
            return Ok(());
        }
        let select = practitioners::Entity::find().filter(practitioners::Column::Id.eq(id));
        match select.one(self.db).await? {
            Some(_) => Err(BookingError::NoProfile),
            None => Err(BookingError::not_found("practitioner", id)),
        }
    }

    /// Refuses a taken slot. The practitioner, or the business, is locked.
    pub(super) async fn refuse_if_taken(
        self,
        span: Span,
        practitioner: Option<Uuid>,
        buffer_minutes: i32,
        replaced: Replaced,
    ) -> Result<(), BookingError> {
        // Expired holds are released, so that the exclusion constraint does not count them.
        let in_the_way = match practitioner {
            Some(id) => Condition::any()
                .add(slot_reservations::Column::PractitionerId.eq(id))
                .add(slot_reservations::Column::PractitionerId.is_null()),
            None => Condition::all(),
        };
        slot_reservations::Entity::update_many()
            .col_expr(slot_reservations::Column::ReleasedAt, slot_reservations::Column::ExpiresAt.into_expr())
            .filter(in_the_way)
            .filter(slot_reservations::Column::ReleasedAt.is_null())
            .filter(slot_reservations::Column::ExpiresAt.into_expr().lte(Expr::current_timestamp()))
            .exec(self.db)
            .await?;
        let buffer = TimeDelta::minutes(buffer_minutes.into());
        let overlaps = |(from, to): Span| from < span.1 && span.0 < to;
        let taken = self.taken(span, practitioner, buffer, replaced).await?;
        if taken.iter().any(|taken| taken.concerns(practitioner) && overlaps(taken.blocks(buffer))) {
            return Err(BookingError::SlotTaken { start: span.0 });
        }
        Ok(())
    }
}

/// Turns a violation of an exclusion constraint into [`BookingError::SlotTaken`].
pub(super) fn slot_taken(error: DbErr, start: DateTime<Utc>) -> BookingError {
    match constraint(&error) {
        Some("bookings_overlap_excl" | "slot_reservations_overlap_excl") => BookingError::SlotTaken { start },
        _ => error.into(),
    }
}

/// Selects the rows of a practitioner, or of the business as a whole.
pub(super) fn of_practitioner<T: ColumnTrait>(column: T, practitioner: Option<Uuid>) -> Condition {
    Condition::all().add(match practitioner {
        Some(id) => column.eq(id),
        None => column.is_null(),
    })
}
