//! The offer of a service: its duration and price, its practitioners, and the hours of the business.

use chrono::{DateTime, NaiveDate, NaiveTime, TimeDelta, Utc};
use chrono_tz::Tz;
use sea_orm::FromQueryResult;
use serde::Deserialize;
use uuid::Uuid;

use super::Scheduling;
use super::hours::Hours;
use super::spans::Span;
use crate::booking::BookingError;
use crate::tenant::TenantExecutor;
use crate::tenant::sql::statement;
use crate::vocabulary::MalformedRow;

/// A service as offered in a range of dates.
pub(super) struct Offer {
    pub(super) hours: Hours,
    pub(super) duration: TimeDelta,
    pub(super) duration_minutes: i32,
    pub(super) price_cents: i32,
    /// The requested practitioner, or every practitioner when none was requested.
    pub(super) practitioners: Vec<Uuid>,
    /// The database's time at the start of the transaction.
    pub(super) now: DateTime<Utc>,
}

#[derive(FromQueryResult)]
struct OfferRow {
    time_zone: Option<String>,
    duration_minutes: i32,
    price_cents: i32,
    weekly: serde_json::Value,
    overrides: serde_json::Value,
    practitioners: serde_json::Value,
    now: DateTime<Utc>,
}

#[derive(Deserialize)]
struct WeeklyHours {
    day: u32,
    opens: NaiveTime,
    closes: NaiveTime,
}

#[derive(Deserialize)]
struct HoursOverride {
    date: NaiveDate,
    opens: Option<NaiveTime>,
    closes: Option<NaiveTime>,
}

/// Reads an offer as one row, however many days the range has.
const OFFER: &str = r#"SELECT "profile"."time_zone", "service"."duration_minutes", "service"."price_cents",
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

impl<C: TenantExecutor> Scheduling<'_, C> {
    /// The offer of a service, by one practitioner or all, on the dates from one to another.
    pub(super) async fn offer(
        self,
        service: Uuid,
        practitioner: Option<Uuid>,
        from: NaiveDate,
        to: NaiveDate,
    ) -> Result<Offer, BookingError> {
        let select = statement(OFFER, [service.into(), from.into(), to.into(), practitioner.into()]);
        let row = self.db.query_one_raw(select).await?;
        let row = row.ok_or_else(|| BookingError::not_found("service", service))?;
        let row = OfferRow::from_query_result(&row, "")?;
        let practitioners: Vec<Uuid> = parsed("public.practitioners.id", row.practitioners)?;
        let hours = hours(row.time_zone, row.weekly, row.overrides)?;
        if let (Some(id), []) = (practitioner, practitioners.as_slice()) {
            return Err(BookingError::not_found("practitioner", id));
        }
        Ok(Offer {
            hours,
            duration: TimeDelta::minutes(row.duration_minutes.into()),
            duration_minutes: row.duration_minutes,
            price_cents: row.price_cents,
            practitioners,
            now: row.now,
        })
    }
}

fn hours(
    time_zone: Option<String>,
    weekly: serde_json::Value,
    overrides: serde_json::Value,
) -> Result<Hours, BookingError> {
    let time_zone = time_zone.ok_or(BookingError::NoProfile)?;
    let zone: Tz = time_zone.parse().map_err(|_| MalformedRow {
        column: "public.business_profile.time_zone",
        reason: format!("{time_zone:?} is not an IANA time zone"),
    })?;
    let weekly: Vec<WeeklyHours> = parsed("public.business_hours", weekly)?;
    let overrides: Vec<HoursOverride> = parsed("public.business_hours_overrides", overrides)?;
    Ok(Hours {
        zone,
        weekly: weekly.into_iter().map(|row| (row.day, row.opens, row.closes)).collect(),
        overrides: overrides.into_iter().map(|row| (row.date, row.opens.zip(row.closes))).collect(),
    })
}

fn parsed<T: serde::de::DeserializeOwned>(
    column: &'static str,
    json: serde_json::Value,
) -> Result<T, BookingError> {
    serde_json::from_value(json).map_err(|error| MalformedRow { column, reason: error.to_string() }.into())
}

impl Offer {
    /// Refuses a slot outside the opening hours or in the past.
    pub(super) fn check_open(&self, (start, end): Span) -> Result<(), BookingError> {
        let date = self.hours.date_of(start);
        let open = self.hours.open(date, date);
        let within = open.iter().any(|(opens, closes)| *opens <= start && end <= *closes);
        if within && start >= self.now { Ok(()) } else { Err(BookingError::OutsideHours { start }) }
    }
}
