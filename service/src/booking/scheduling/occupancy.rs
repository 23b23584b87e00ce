//! Occupancy: the slots of a practitioner, or of a business without practitioners, that are taken.

use std::collections::HashMap;

use chrono::{DateTime, Datelike, Utc};
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
use crate::vocabulary::InvalidInput;

/// Selects the bookings, time blocks and live holds that overlap a span.
const BUSY: &str = r#"SELECT "practitioner_id", "datetime" AS "from", "end_time" AS "to" FROM "public"."bookings"
    WHERE "status" <> 'cancelled' AND "datetime" < $2 AND "end_time" > $1
        AND ($3::uuid IS NULL OR "practitioner_id" = $3) AND "id" IS DISTINCT FROM $4::uuid
    UNION ALL SELECT "practitioner_id", "start_time", "end_time" FROM "public"."time_blocks"
    WHERE "start_time" < $2 AND "end_time" > $1 AND ($3::uuid IS NULL OR "practitioner_id" = $3)
    UNION ALL SELECT "practitioner_id", "datetime", "end_time" FROM "public"."slot_reservations"
    WHERE "released_at" IS NULL AND "expires_at" > CURRENT_TIMESTAMP AND "datetime" < $2 AND "end_time" > $1
        AND ($3::uuid IS NULL OR "practitioner_id" = $3) AND "id" IS DISTINCT FROM $5::uuid"#;

/// Rows that occupancy leaves out: those that a new booking replaces.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Replaced {
    pub(super) booking: Option<Uuid>,
    pub(super) hold: Option<Uuid>,
}

impl<C: TenantExecutor> Scheduling<'_, C> {
    /// The slot of a service at a start, with the service's offer. Does not look at occupancy.
    pub(super) async fn slot(
        self,
        service: Uuid,
        practitioner: Option<Uuid>,
        start: DateTime<Utc>,
        outside_hours: bool,
    ) -> Result<(Offer, Span), BookingError> {
        if !(1..=9999).contains(&start.year()) {
            let reason = "is not between the years 1 and 9999";
            return Err(InvalidInput::new("start", start.to_string(), reason).into());
        }
        // The business's local date is the date in UTC or one of its neighbors.
        let day = start.date_naive();
        let (from, to) = (day.pred_opt().unwrap_or(day), day.succ_opt().unwrap_or(day));
        let offer = self.offer(service, practitioner, from, to).await?;
        if practitioner.is_none() && !offer.practitioners.is_empty() {
            return Err(BookingError::PractitionerRequired);
        }
        let span = (start, start + offer.duration);
        if !outside_hours {
            offer.check_open(span)?;
        }
        Ok((offer, span))
    }

    /// The busy spans between two times by practitioner; `None` is the business as a whole.
    pub(super) async fn busy(
        self,
        (from, to): Span,
        practitioner: Option<Uuid>,
        replaced: Replaced,
    ) -> Result<HashMap<Option<Uuid>, Vec<Span>>, BookingError> {
        let values: [Value; 5] =
            [from.into(), to.into(), practitioner.into(), replaced.booking.into(), replaced.hold.into()];
        let mut busy: HashMap<_, Vec<Span>> = HashMap::new();
        for row in self.db.query_all_raw(statement(BUSY, values)).await? {
            let span = (row.try_get("", "from")?, row.try_get("", "to")?);
            busy.entry(row.try_get("", "practitioner_id")?).or_default().push(span);
        }
        Ok(busy)
    }

    /// Locks a practitioner, or the business, until the transaction ends. Transactions that take slots of one
    /// practitioner run one after another, so a slot found free stays free. The database's exclusion constraints hold
    /// without this lock.
    pub(super) async fn lock(self, practitioner: Option<Uuid>) -> Result<(), BookingError> {
        let locked: Option<Uuid> = if let Some(id) = practitioner {
            let select = practitioners::Entity::find()
                .select_only()
                .column(practitioners::Column::Id)
                .filter(practitioners::Column::Id.eq(id));
            select.lock(LockType::NoKeyUpdate).into_tuple().one(self.db).await?
        } else {
            let select =
                business_profile::Entity::find().select_only().column(business_profile::Column::TenantId);
            select.lock(LockType::NoKeyUpdate).into_tuple().one(self.db).await?
        };
        match (locked, practitioner) {
            (Some(_), _) => Ok(()),
            (None, Some(id)) => Err(BookingError::not_found("practitioner", id)),
            (None, None) => Err(BookingError::NoProfile),
        }
    }

    /// Refuses a taken slot. The practitioner, or the business, is locked.
    pub(super) async fn refuse_if_taken(
        self,
        span: Span,
        practitioner: Option<Uuid>,
        replaced: Replaced,
    ) -> Result<(), BookingError> {
        // Expired holds are released, so that the exclusion constraint does not count them.
        slot_reservations::Entity::update_many()
            .col_expr(slot_reservations::Column::ReleasedAt, slot_reservations::Column::ExpiresAt.into_expr())
            .filter(of_practitioner(slot_reservations::Column::PractitionerId, practitioner))
            .filter(slot_reservations::Column::ReleasedAt.is_null())
            .filter(slot_reservations::Column::ExpiresAt.into_expr().lte(Expr::current_timestamp()))
            .exec(self.db)
            .await?;
        let busy = self.busy(span, practitioner, replaced).await?;
        if busy.contains_key(&practitioner) {
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
