//! Free slots, computed from the rows that both hand-written ways read.

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use chrono::{DateTime, Datelike, NaiveDate, NaiveTime, TimeDelta, TimeZone, Utc};
use chrono_tz::Tz;
use serde::Deserialize;
use serde_json::Value;
use uuid::Uuid;

/// The service, the profile, the hours and the practitioners in one row.
pub(crate) const TERMS: &str = r#"SELECT "profile"."time_zone", "service"."duration_minutes", "service"."price_cents",
    coalesce((SELECT jsonb_agg(jsonb_build_object('day', "h"."day_of_week", 'opens', "h"."opens", 'closes', "h"."closes"))
        FROM "business_hours" AS "h" WHERE "h"."tenant_id" = $5), '[]'::jsonb) AS "weekly",
    coalesce((SELECT jsonb_agg(jsonb_build_object('date', "o"."date", 'opens', "o"."opens", 'closes', "o"."closes"))
        FROM "business_hours_overrides" AS "o" WHERE "o"."tenant_id" = $5 AND "o"."date" BETWEEN $2 AND $3), '[]'::jsonb)
        AS "overrides",
    coalesce((SELECT jsonb_agg("p"."id" ORDER BY "p"."handle") FROM "practitioners" AS "p"
        WHERE "p"."tenant_id" = $5 AND ($4::uuid IS NULL OR "p"."id" = $4)), '[]'::jsonb) AS "practitioners",
    CURRENT_TIMESTAMP AS "now"
    FROM "services" AS "service" LEFT JOIN "business_profile" AS "profile"
        ON "profile"."tenant_id" = "service"."tenant_id"
    WHERE "service"."tenant_id" = $5 AND "service"."id" = $1"#;

/// The busy spans of practitioners between two times.
pub(crate) const BUSY: &str = r#"SELECT "practitioner_id", "datetime" AS "from", "end_time" AS "to" FROM "bookings"
    WHERE "tenant_id" = $4 AND "status" <> 'cancelled' AND "datetime" < $2 AND "end_time" > $1
        AND ($3::uuid IS NULL OR "practitioner_id" = $3)
    UNION ALL SELECT "practitioner_id", "start_time", "end_time" FROM "time_blocks"
    WHERE "tenant_id" = $4 AND "start_time" < $2 AND "end_time" > $1 AND ($3::uuid IS NULL OR "practitioner_id" = $3)
    UNION ALL SELECT "practitioner_id", "datetime", "end_time" FROM "slot_reservations"
    WHERE "tenant_id" = $4 AND "released_at" IS NULL AND "expires_at" > CURRENT_TIMESTAMP AND "datetime" < $2
        AND "end_time" > $1 AND ($3::uuid IS NULL OR "practitioner_id" = $3)"#;

pub(crate) type Span = (DateTime<Utc>, DateTime<Utc>);

/// The row of [`TERMS`].
pub(crate) struct Terms {
    zone: Tz,
    duration: TimeDelta,
    weekly: Vec<Weekly>,
    overrides: Vec<Override>,
    practitioners: Vec<Uuid>,
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

impl Terms {
    pub(crate) fn read(
        zone: &str,
        minutes: i32,
        weekly: Value,
        overrides: Value,
        practitioners: Value,
        now: DateTime<Utc>,
    ) -> Result<Self> {
        Ok(Self {
            zone: zone.parse().ok().context("a time zone")?,
            duration: TimeDelta::minutes(minutes.into()),
            weekly: serde_json::from_value(weekly)?,
            overrides: serde_json::from_value(overrides)?,
            practitioners: serde_json::from_value(practitioners)?,
            now,
        })
    }

    fn open_on(&self, date: NaiveDate) -> Vec<Span> {
        let at = |time| self.zone.from_local_datetime(&date.and_time(time)).earliest().map(|at| at.to_utc());
        let span = |opens, closes| at(opens).zip(at(closes));
        if let Some(of) = self.overrides.iter().find(|of| of.date == date) {
            return of
                .opens
                .zip(of.closes)
                .and_then(|(opens, closes)| span(opens, closes))
                .into_iter()
                .collect();
        }
        let day = date.weekday().num_days_from_sunday();
        self.weekly.iter().filter(|of| of.day == day).filter_map(|of| span(of.opens, of.closes)).collect()
    }

    /// The opening hours of the business, day by day.
    pub(crate) fn open(&self, from: NaiveDate, to: NaiveDate) -> Vec<Span> {
        from.iter_days().take_while(|date| *date <= to).flat_map(|date| self.open_on(date)).collect()
    }

    /// The number of free slots.
    pub(crate) fn free(&self, open: &[Span], busy: Vec<(Uuid, Span)>) -> usize {
        let mut by_practitioner: BTreeMap<Uuid, Vec<Span>> = BTreeMap::new();
        for (practitioner, span) in busy {
            by_practitioner.entry(practitioner).or_default().push(span);
        }
        let mut slots = Vec::new();
        for practitioner in &self.practitioners {
            let mut taken = by_practitioner.remove(practitioner).unwrap_or_default();
            taken.sort_unstable();
            for (opens, closes) in open {
                let mut start = *opens;
                while start + self.duration <= *closes {
                    let next = taken.partition_point(|(_, to)| *to <= start);
                    let free = taken.get(next).is_none_or(|(from, _)| *from >= start + self.duration);
                    if free && start >= self.now {
                        slots.push((start, *practitioner));
                    }
                    start += TimeDelta::minutes(15);
                }
            }
        }
        slots.sort_by_key(|(start, _)| *start);
        slots.len()
    }
}
