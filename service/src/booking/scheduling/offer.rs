//! The offer of a service: its duration and price, its practitioners, and the hours of the business.

use std::collections::HashMap;

use chrono::{DateTime, Days, NaiveDate, TimeDelta, Utc};
use chrono_tz::Tz;
use sea_orm::FromQueryResult;
use serde::Deserialize;
use uuid::Uuid;

use super::Scheduling;
use super::distance::Distance;
use super::hours::{Hours, LocalSpan};
use super::slots::starts;
use super::spans::Span;
use crate::booking::BookingError;
use crate::tenant::TenantExecutor;
use crate::tenant::sql::statement;
use crate::vocabulary::MalformedRow;

/// A service as offered in a range of dates.
pub(super) struct Offer {
    pub(super) service: Uuid,
    pub(super) active: bool,
    pub(super) hours: Hours,
    pub(super) duration: TimeDelta,
    pub(super) duration_minutes: i32,
    pub(super) buffer_minutes: i32,
    pub(super) price_cents: i32,
    pub(super) currency: String,
    /// The requested practitioner, or every practitioner when none was requested.
    pub(super) practitioners: Vec<Uuid>,
    /// The database's time at the start of the transaction.
    pub(super) now: DateTime<Utc>,
}

#[derive(FromQueryResult)]
struct OfferRow {
    time_zone: Option<String>,
    active: bool,
    duration_minutes: i32,
    buffer_minutes: i32,
    price_cents: i32,
    currency: String,
    weekly: serde_json::Value,
    overrides: serde_json::Value,
    practitioners: serde_json::Value,
    now: DateTime<Utc>,
}

/// Times are microseconds since midnight: PostgreSQL has the time 24:00.
#[derive(Deserialize)]
struct WeeklyHours {
    day: u32,
    opens: i64,
    closes: i64,
}

/// The date is a number of days since 1 January 2000, as PostgreSQL counts.
#[derive(Deserialize)]
struct HoursOverride {
    date: i64,
    opens: Option<i64>,
    closes: Option<i64>,
}

/// Reads an offer as one row, however many days the range has.
const OFFER: &str = r#"SELECT "profile"."time_zone", "service"."active", "service"."duration_minutes",
    "service"."buffer_minutes", "service"."price_cents", "service"."currency",
    coalesce((SELECT jsonb_agg(jsonb_build_object('day', "h"."day_of_week",
        'opens', (extract(epoch FROM "h"."opens") * 1000000)::int8,
        'closes', (extract(epoch FROM "h"."closes") * 1000000)::int8))
        FROM "public"."business_hours" AS "h"), '[]'::jsonb) AS "weekly",
    coalesce((SELECT jsonb_agg(jsonb_build_object('date', "o"."date" - DATE '2000-01-01',
        'opens', (extract(epoch FROM "o"."opens") * 1000000)::int8,
        'closes', (extract(epoch FROM "o"."closes") * 1000000)::int8))
        FROM "public"."business_hours_overrides" AS "o" WHERE "o"."date" BETWEEN $2 AND $3), '[]'::jsonb) AS "overrides",
    coalesce((SELECT jsonb_agg("p"."id" ORDER BY "p"."handle") FROM "public"."practitioners" AS "p"
        WHERE $4::uuid IS NULL OR "p"."id" = $4), '[]'::jsonb) AS "practitioners",
    CURRENT_TIMESTAMP AS "now"
    FROM "public"."services" AS "service" LEFT JOIN "public"."business_profile" AS "profile"
        ON "profile"."tenant_id" = "service"."tenant_id"
    WHERE "service"."id" = $1"#;

/// The days around a range whose hours matter: hours and slots go past midnight, a local date is at most a day from the
/// date in UTC, and clocks have skipped a day.
const MARGIN: Days = Days::new(4);

impl<C: TenantExecutor> Scheduling<'_, C> {
    /// The offer of a service, by one practitioner or all, on the dates from one to another.
    pub(super) async fn offer(
        self,
        service: Uuid,
        practitioner: Option<Uuid>,
        from: NaiveDate,
        to: NaiveDate,
    ) -> Result<Offer, BookingError> {
        let first = from.checked_sub_days(MARGIN).unwrap_or(from);
        let last = to.checked_add_days(MARGIN).unwrap_or(to);
        let select = statement(OFFER, [service.into(), first.into(), last.into(), practitioner.into()]);
        let row = self.db.query_one_raw(select).await?;
        let row = row.ok_or_else(|| BookingError::not_found("service", service))?;
        let row = OfferRow::from_query_result(&row, "")?;
        let practitioners: Vec<Uuid> = parsed("public.practitioners.id", row.practitioners)?;
        let hours = hours(row.time_zone, row.weekly, row.overrides)?;
        if let (Some(id), []) = (practitioner, practitioners.as_slice()) {
            return Err(BookingError::not_found("practitioner", id));
        }
        Ok(Offer {
            service,
            active: row.active,
            hours,
            duration: TimeDelta::minutes(row.duration_minutes.into()),
            duration_minutes: row.duration_minutes,
            buffer_minutes: row.buffer_minutes,
            price_cents: row.price_cents,
            currency: row.currency,
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
    let mut by_date: HashMap<NaiveDate, Vec<LocalSpan>> = HashMap::new();
    for row in overrides {
        let date = NaiveDate::from_ymd_opt(2000, 1, 1)
            .and_then(|epoch| epoch.checked_add_signed(TimeDelta::try_days(row.date)?));
        let date = date.ok_or_else(|| MalformedRow {
            column: "public.business_hours_overrides.date",
            reason: format!("{} days after 2000-01-01 is not a date", row.date),
        })?;
        by_date.entry(date).or_default().extend(row.opens.zip(row.closes).map(local_span));
    }
    Ok(Hours {
        zone,
        weekly: weekly.into_iter().map(|row| (row.day, local_span((row.opens, row.closes)))).collect(),
        overrides: by_date,
    })
}

/// Hours since midnight of their date. A closing time at or before the opening time is on the next day.
fn local_span((opens, closes): (i64, i64)) -> LocalSpan {
    let next_day = if closes <= opens { TimeDelta::days(1) } else { TimeDelta::zero() };
    (TimeDelta::microseconds(opens), TimeDelta::microseconds(closes) + next_day)
}

fn parsed<T: serde::de::DeserializeOwned>(
    column: &'static str,
    json: serde_json::Value,
) -> Result<T, BookingError> {
    serde_json::from_value(json).map_err(|error| MalformedRow { column, reason: error.to_string() }.into())
}

impl Offer {
    /// The slot at a start.
    pub(super) fn span(&self, start: DateTime<Utc>) -> Span {
        (start, start + self.duration)
    }

    /// Refuses a service that is not active.
    pub(super) fn check_active(&self) -> Result<(), BookingError> {
        if self.active { Ok(()) } else { Err(BookingError::ServiceInactive { id: self.service }) }
    }

    /// Refuses a slot outside the opening hours, in the past, before the notice has passed, beyond the horizon, or beside the
    /// steps of the free slots.
    pub(super) fn check_open(&self, (start, end): Span, distance: Distance) -> Result<(), BookingError> {
        if let Some(latest) = distance.latest(self.now).filter(|latest| start > *latest) {
            return Err(BookingError::TooFarAhead { start, latest });
        }
        let date = self.hours.date_of(start);
        // A service lasts a day at most; the database allows years.
        let last = self.hours.date_of(end).min(date.checked_add_days(MARGIN).unwrap_or(date));
        let open = self.hours.open(date, last);
        let within = open.iter().any(|(opens, closes)| *opens <= start && end <= *closes);
        if !within || start < self.now {
            return Err(BookingError::OutsideHours { start });
        }
        let earliest = self.now + distance.notice();
        if start < earliest {
            return Err(BookingError::ShortNotice { start, earliest });
        }
        let openings = || self.hours.openings(date, last);
        let is_start = |step| !starts(&openings(), end - start, step, |free| free == start).is_empty();
        if distance.step().is_some_and(|step| !is_start(step)) {
            return Err(BookingError::NotOffered { start });
        }
        Ok(())
    }
}
