//! What can be taken once at a time: a practitioner, or the business as a whole.

use std::collections::HashMap;

use chrono::{DateTime, NaiveDate, NaiveTime, TimeDelta, Utc};
use chrono_tz::Tz;
use sea_orm::sea_query::{Expr, ExprTrait, LockType};
use sea_orm::{ColumnTrait, Condition, EntityTrait, FromQueryResult, QueryFilter, QuerySelect, Value};
use serde::Deserialize;
use uuid::Uuid;
use watertight_entity::public::{business_profile, practitioners, slot_reservations};

use super::Scheduling;
use super::hours::{Hours, Span};
use crate::booking::BookingError;
use crate::tenant::TenantExecutor;
use crate::tenant::sql::statement;
use crate::vocabulary::MalformedRow;

/// What availability is made of, but for what is taken.
pub(super) struct Terms {
    pub(super) hours: Hours,
    pub(super) duration: TimeDelta,
    pub(super) duration_minutes: i32,
    pub(super) price_cents: i32,
    /// The practitioners asked for: all, when none was named.
    pub(super) practitioners: Vec<Uuid>,
    pub(super) now: DateTime<Utc>,
}

#[derive(FromQueryResult)]
struct Row {
    time_zone: Option<String>,
    duration_minutes: i32,
    price_cents: i32,
    weekly: serde_json::Value,
    overrides: serde_json::Value,
    practitioners: serde_json::Value,
    now: DateTime<Utc>,
}

#[derive(Deserialize)]
struct Weekly {
    day: u32,
    opens: NaiveTime,
    closes: NaiveTime,
}

#[derive(Deserialize)]
struct Override {
    date: NaiveDate,
    opens: Option<NaiveTime>,
    closes: Option<NaiveTime>,
}

/// All of it in one row, however long the range.
const TERMS: &str = r#"SELECT "profile"."time_zone", "service"."duration_minutes", "service"."price_cents",
    coalesce((SELECT jsonb_agg(jsonb_build_object('day', "h"."day_of_week", 'opens', "h"."opens", 'closes', "h"."closes"))
        FROM "public"."business_hours" AS "h"), '[]'::jsonb) AS "weekly",
    coalesce((SELECT jsonb_agg(jsonb_build_object('date', "o"."date", 'opens', "o"."opens", 'closes', "o"."closes"))
        FROM "public"."business_hours_overrides" AS "o" WHERE "o"."date" BETWEEN $2 AND $3), '[]'::jsonb) AS "overrides",
    coalesce((SELECT jsonb_agg("p"."id" ORDER BY "p"."handle") FROM "public"."practitioners" AS "p"
        WHERE $4::uuid IS NULL OR "p"."id" = $4), '[]'::jsonb) AS "practitioners",
    CURRENT_TIMESTAMP AS "now"
    FROM "public"."services" AS "service" LEFT JOIN "public"."business_profile" AS "profile"
        ON "profile"."tenant_id" = "service"."tenant_id"
    WHERE "service"."id" = $1"#;

/// What takes up practitioners, or the business, between two times.
const BUSY: &str = r#"SELECT "practitioner_id", "datetime" AS "from", "end_time" AS "to" FROM "public"."bookings"
    WHERE "status" <> 'cancelled' AND "datetime" < $2 AND "end_time" > $1
        AND ($3::uuid IS NULL OR "practitioner_id" = $3) AND "id" IS DISTINCT FROM $4::uuid
    UNION ALL SELECT "practitioner_id", "start_time", "end_time" FROM "public"."time_blocks"
    WHERE "start_time" < $2 AND "end_time" > $1 AND ($3::uuid IS NULL OR "practitioner_id" = $3)
    UNION ALL SELECT "practitioner_id", "datetime", "end_time" FROM "public"."slot_reservations"
    WHERE "released_at" IS NULL AND "expires_at" > CURRENT_TIMESTAMP AND "datetime" < $2 AND "end_time" > $1
        AND ($3::uuid IS NULL OR "practitioner_id" = $3) AND "id" IS DISTINCT FROM $5::uuid"#;

/// Rows that are not in the way of themselves.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct But {
    pub(super) booking: Option<Uuid>,
    pub(super) hold: Option<Uuid>,
}

fn read<T: serde::de::DeserializeOwned>(
    column: &'static str,
    json: serde_json::Value,
) -> Result<T, BookingError> {
    serde_json::from_value(json).map_err(|error| MalformedRow { column, reason: error.to_string() }.into())
}

impl<C: TenantExecutor> Scheduling<'_, C> {
    pub(super) async fn terms(
        self,
        service: Uuid,
        practitioner: Option<Uuid>,
        from: NaiveDate,
        to: NaiveDate,
    ) -> Result<Terms, BookingError> {
        let select = statement(TERMS, [service.into(), from.into(), to.into(), practitioner.into()]);
        let row = self.db.query_one_raw(select).await?;
        let row = row.ok_or_else(|| BookingError::not_found("service", service))?;
        let row = Row::from_query_result(&row, "")?;
        let zone = row.time_zone.ok_or(BookingError::NoProfile)?;
        let zone: Tz = zone.parse().map_err(|_| MalformedRow {
            column: "public.business_profile.time_zone",
            reason: format!("{zone:?} is no IANA time zone"),
        })?;
        let weekly: Vec<Weekly> = read("public.business_hours", row.weekly)?;
        let overrides: Vec<Override> = read("public.business_hours_overrides", row.overrides)?;
        let practitioners: Vec<Uuid> = read("public.practitioners.id", row.practitioners)?;
        if let (Some(id), []) = (practitioner, practitioners.as_slice()) {
            return Err(BookingError::not_found("practitioner", id));
        }
        Ok(Terms {
            hours: Hours {
                zone,
                weekly: weekly.into_iter().map(|row| (row.day, row.opens, row.closes)).collect(),
                overrides: overrides.into_iter().map(|row| (row.date, row.opens.zip(row.closes))).collect(),
            },
            duration: TimeDelta::minutes(row.duration_minutes.into()),
            duration_minutes: row.duration_minutes,
            price_cents: row.price_cents,
            practitioners,
            now: row.now,
        })
    }

    /// What is taken between two times, by practitioner; by `None` what takes up the business as a whole.
    pub(super) async fn busy(
        self,
        (from, to): Span,
        practitioner: Option<Uuid>,
        but: But,
    ) -> Result<HashMap<Option<Uuid>, Vec<Span>>, BookingError> {
        let values: [Value; 5] =
            [from.into(), to.into(), practitioner.into(), but.booking.into(), but.hold.into()];
        let mut busy: HashMap<_, Vec<Span>> = HashMap::new();
        for row in self.db.query_all_raw(statement(BUSY, values)).await? {
            let span = (row.try_get("", "from")?, row.try_get("", "to")?);
            busy.entry(row.try_get("", "practitioner_id")?).or_default().push(span);
        }
        Ok(busy)
    }

    /// Locks a practitioner, or the business, until the transaction ends: whoever takes slots of theirs waits. What
    /// is in the way of a slot is then found, and stays found. The constraints of the database do not rest on it.
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

    /// Refuses a slot that is taken. The practitioner, or the business, is locked.
    pub(super) async fn refuse_if_taken(
        self,
        span: Span,
        practitioner: Option<Uuid>,
        but: But,
    ) -> Result<(), BookingError> {
        // Holds that have expired are released, so that the constraint does not see them.
        slot_reservations::Entity::update_many()
            .col_expr(slot_reservations::Column::ReleasedAt, slot_reservations::Column::ExpiresAt.into_expr())
            .filter(of(slot_reservations::Column::PractitionerId, practitioner))
            .filter(slot_reservations::Column::ReleasedAt.is_null())
            .filter(slot_reservations::Column::ExpiresAt.into_expr().lte(Expr::current_timestamp()))
            .exec(self.db)
            .await?;
        let busy = self.busy(span, practitioner, but).await?;
        if busy.contains_key(&practitioner) {
            return Err(BookingError::SlotTaken { start: span.0 });
        }
        Ok(())
    }

    /// Refuses a slot in which the business is not open, or which has begun.
    pub(super) fn refuse_if_closed(terms: &Terms, (start, end): Span) -> Result<(), BookingError> {
        let date = terms.hours.date_of(start);
        let open = terms.hours.open(date, date);
        let within = open.iter().any(|(opens, closes)| *opens <= start && end <= *closes);
        if within && start >= terms.now { Ok(()) } else { Err(BookingError::OutsideHours { start }) }
    }
}

/// A condition on whose rows they are.
pub(super) fn of<T: ColumnTrait>(column: T, practitioner: Option<Uuid>) -> Condition {
    Condition::all().add(match practitioner {
        Some(id) => column.eq(id),
        None => column.is_null(),
    })
}
