//! Availability against an oracle that tries every minute.

use std::collections::BTreeSet;
use std::time::Duration;

use anyhow::Result;
use chrono::{DateTime, Datelike, NaiveDate, NaiveDateTime, NaiveTime, TimeDelta, TimeZone, Timelike, Utc};
use chrono_tz::Tz;
use sea_orm::{ActiveModelTrait, EntityTrait, Set};
use uuid::Uuid;
use watertight::TenantConnection;
use watertight::content::{BlockType, NewService, OpeningHours, Profile};
use watertight::entity::public::{bookings, slot_reservations, time_blocks};
use watertight::scheduling::{Slot, SlotQuery};

use super::{at, client, practitioner};
use crate::auth::World;

/// Time zones with clock changes of an hour and of half an hour, at different times, also at midnight in both directions,
/// and one zone without.
const ZONES: [(Tz, &str); 12] = [
    (Tz::America__New_York, "2098-03-09"),
    (Tz::America__New_York, "2098-11-02"),
    (Tz::Europe__Berlin, "2098-10-26"),
    (Tz::Australia__Lord_Howe, "2098-10-05"),
    (Tz::Asia__Kathmandu, "2098-06-01"),
    (Tz::Asia__Beirut, "2098-03-30"),
    (Tz::Asia__Beirut, "2098-10-26"),
    (Tz::Africa__Cairo, "2098-04-25"),
    (Tz::Africa__Cairo, "2098-10-31"),
    (Tz::America__Santiago, "2098-09-07"),
    (Tz::America__Havana, "2098-03-09"),
    (Tz::Atlantic__Azores, "2098-10-26"),
];

/// The calendar of a business, for both the oracle and the database.
struct Calendar {
    zone: Tz,
    weekly: Vec<(u32, NaiveTime, NaiveTime)>,
    overrides: Vec<(NaiveDate, Vec<(NaiveTime, NaiveTime)>)>,
    busy: Vec<Busy>,
}

struct Busy {
    practitioner: Option<Uuid>,
    from: DateTime<Utc>,
    to: DateTime<Utc>,
    buffer: i64,
}

impl Busy {
    /// Returns true if an appointment of the practitioner could be in the way of the row, or the other way round.
    fn concerns(&self, practitioner: Option<Uuid>) -> bool {
        self.practitioner.is_none() || practitioner.is_none() || self.practitioner == practitioner
    }
}

/// The minutes around the days of a query, with the local time of each and whether the business is open throughout it.
struct Minutes {
    first: DateTime<Utc>,
    local: Vec<NaiveDateTime>,
    open: Vec<bool>,
}

impl Calendar {
    /// The hours that begin on a date, as local times.
    fn hours_of(&self, date: NaiveDate) -> Vec<(NaiveDateTime, NaiveDateTime)> {
        let day = date.weekday().num_days_from_sunday();
        let weekly = self.weekly.iter().filter(|(of, ..)| *of == day).map(|(_, a, b)| (*a, *b));
        let overridden = self.overrides.iter().find(|(of, _)| *of == date);
        let spans = overridden.map_or_else(|| weekly.collect(), |(_, spans)| spans.clone());
        let next = date.succ_opt().expect("a day");
        spans
            .into_iter()
            .map(|(a, b)| (date.and_time(a), if b > a { date } else { next }.and_time(b)))
            .collect()
    }

    fn minutes(&self, query: &SlotQuery) -> Minutes {
        let days = (query.to - query.from).num_days();
        let first = (query.from - chrono::Days::new(5)).and_time(NaiveTime::MIN).and_utc();
        let all = (0..(days + 11) * 24 * 60).map(|minute| first + TimeDelta::minutes(minute));
        let local: Vec<_> = all.map(|minute| minute.with_timezone(&self.zone).naive_local()).collect();
        let dates = (query.from - chrono::Days::new(7)).iter_days();
        let dates = dates.take_while(|date| *date <= query.to + chrono::Days::new(7));
        let spans: Vec<_> = dates.flat_map(|date| self.hours_of(date)).collect();
        let open = local.iter().map(|at| spans.iter().any(|(a, b)| a <= at && at < b)).collect();
        Minutes { first, local, open }
    }

    fn free_at(&self, practitioner: Option<Uuid>, minute: DateTime<Utc>, buffer: i64) -> bool {
        let near = |busy: &Busy| {
            let distance = TimeDelta::minutes(buffer.max(busy.buffer));
            busy.concerns(practitioner)
                && busy.from - distance < minute + TimeDelta::minutes(1)
                && minute < busy.to + distance
        };
        !self.busy.iter().any(near)
    }

    /// Every slot, found minute by minute. Steps are counted from each opening: from the first minute within the hours
    /// that begin on one date.
    fn slots(
        &self,
        minutes: &Minutes,
        practitioner: Option<Uuid>,
        query: &SlotQuery,
        (duration, buffer): (usize, i64),
    ) -> BTreeSet<DateTime<Utc>> {
        let step = usize::try_from(query.step.as_secs() / 60).expect("minutes");
        let mut starts = BTreeSet::new();
        let dates = (query.from - chrono::Days::new(3)).iter_days();
        for date in dates.take_while(|date| *date <= query.to) {
            let hours = self.hours_of(date);
            let mut opened = None;
            for (n, at) in minutes.local.iter().enumerate() {
                if !hours.iter().any(|(a, b)| a <= at && at < b) {
                    opened = None;
                    continue;
                }
                let since = *opened.get_or_insert(n);
                let of_query = query.from <= at.date() && at.date() <= query.to;
                let mut span = n..n + duration;
                let minute =
                    |n: usize| minutes.first + TimeDelta::minutes(i64::try_from(n).expect("a minute"));
                if (n - since) % step == 0
                    && of_query
                    && span.all(|n| minutes.open[n] && self.free_at(practitioner, minute(n), buffer))
                {
                    starts.insert(minute(n));
                }
            }
        }
        starts
    }
}

struct Dice(fastrand::Rng);

impl Dice {
    fn minute(&mut self) -> NaiveTime {
        // Half of the times are around clock changes.
        let minute = if self.0.bool() { self.0.u32(0..5 * 60) } else { self.0.u32(0..24 * 60 - 1) };
        NaiveTime::from_num_seconds_from_midnight_opt(minute / 5 * 300, 0).expect("a time")
    }

    /// Hours of one day, until midnight, or past it.
    fn hours(&mut self) -> (NaiveTime, NaiveTime) {
        loop {
            let (a, b) = (self.minute(), if self.0.u8(0..6) == 0 { NaiveTime::MIN } else { self.minute() });
            if a != b || a == NaiveTime::MIN {
                return (a, b);
            }
        }
    }
}

async fn make(
    tenant: &TenantConnection,
    dice: &mut Dice,
    (zone, day): (Tz, NaiveDate),
    people: &[Uuid],
) -> Result<Calendar> {
    let content = tenant.content();
    content.save_profile(&Profile::new("Shop", "1", zone)).await?;
    let weekly: Vec<_> = (0..dice.0.usize(0..14))
        .map(|_| {
            let (from, to) = dice.hours();
            (dice.0.u32(0..7), from, to)
        })
        .collect();
    let rows = weekly.iter().map(|(day, opens, closes)| OpeningHours {
        day_of_week: u8::try_from(*day).expect("a day"),
        opens: *opens,
        closes: *closes,
        label: None,
    });
    content.save_hours(&rows.collect::<Vec<_>>()).await?;
    let mut overrides = Vec::new();
    for offset in 0..4 {
        let date = day - chrono::Days::new(1) + chrono::Days::new(offset);
        content.delete_override(date).await?;
        if dice.0.u8(0..4) == 0 {
            let spans: Vec<_> = (0..dice.0.usize(0..4)).map(|_| dice.hours()).collect();
            content.save_override_spans(date, &spans, None).await?;
            overrides.push((date, spans));
        }
    }
    bookings::Entity::delete_many().exec(tenant).await?;
    slot_reservations::Entity::delete_many().exec(tenant).await?;
    time_blocks::Entity::delete_many().exec(tenant).await?;
    let service = content.get_all_services().await?.remove(0);
    let ann = tenant.scheduling().save_client(&client("ann")).await?;
    let mut busy: Vec<Busy> = Vec::new();
    for n in 0..dice.0.usize(0..12) {
        let from = zone.from_utc_datetime(&day.and_hms_opt(0, 0, 0).expect("midnight")).to_utc()
            + TimeDelta::minutes(dice.0.i64(-24 * 12..72 * 12) * 5);
        let to = from + TimeDelta::minutes(dice.0.i64(1..40) * 5);
        let practitioner = people.get(dice.0.usize(0..=people.len())).copied();
        let mut buffer = dice.0.i32(0..4) * 10;
        let after = |to: DateTime<Utc>, buffer| to + TimeDelta::minutes(buffer);
        let overlaps = busy.iter().any(|busy| {
            busy.concerns(practitioner)
                && busy.from < after(to, buffer.into())
                && from < after(busy.to, busy.buffer)
        });
        // Cancelled, released and expired rows block no slot.
        let gone = dice.0.u8(0..4) == 0;
        match (dice.0.u8(0..3), practitioner) {
            (0, _) if gone || !overlaps => {
                bookings::ActiveModel {
                    confirmation_code: Set(format!("C{n}")),
                    service_id: Set(service.id),
                    client_id: Set(ann.id),
                    practitioner_id: Set(practitioner),
                    datetime: Set(from.into()),
                    end_time: Set(to.into()),
                    duration: Set(5),
                    buffer_minutes: Set(buffer),
                    amount_cents: Set(0),
                    status: Set(if gone {
                        "cancelled"
                    } else {
                        ["confirmed", "no_show", "completed"][n % 3]
                    }
                    .into()),
                    ..Default::default()
                }
                .insert(tenant)
                .await?;
            }
            (1, _) if gone || !overlaps => {
                let expired = gone && dice.0.bool();
                slot_reservations::ActiveModel {
                    practitioner_id: Set(practitioner),
                    datetime: Set(from.into()),
                    end_time: Set(to.into()),
                    duration: Set(5),
                    buffer_minutes: Set(buffer),
                    expires_at: Set((Utc::now() + TimeDelta::hours(if expired { -1 } else { 1 })).into()),
                    released_at: Set((gone && (!expired || overlaps)).then(|| Utc::now().into())),
                    ..Default::default()
                }
                .insert(tenant)
                .await
                .ok();
            }
            (2, Some(practitioner)) if !gone => {
                content.create_time_block(practitioner, from, to, BlockType::Vacation, None).await?;
                buffer = 0;
            }
            _ => continue,
        }
        if !gone {
            busy.push(Busy { practitioner, from, to, buffer: buffer.into() });
        }
    }
    Ok(Calendar { zone, weekly, overrides, busy })
}

#[tokio::test]
async fn availability_agrees_with_the_oracle() -> Result<()> {
    let world = World::new().await?;
    let seed = std::env::var("WATERTIGHT_AVAILABILITY_SEED").ok().map_or(Ok(17), |seed| seed.parse())?;
    let cases = std::env::var("WATERTIGHT_AVAILABILITY_CASES").ok().map_or(Ok(72), |cases| cases.parse())?;
    let mut dice = Dice(fastrand::Rng::with_seed(seed));
    let tenants = [(&world.clinic, vec!["maya", "tomas"]), (&world.studio, vec![])];
    let mut people = Vec::new();
    for (tenant, handles) in &tenants {
        let mut ids = Vec::new();
        for handle in handles {
            ids.push(tenant.content().save_practitioner(&practitioner(handle)).await?.id);
        }
        tenant.content().create_service(NewService::new("Massage", 60, 9_000)).await?;
        people.push(ids);
    }
    let mut found = 0;
    for case in 0..cases {
        let (zone, day) = ZONES[case % ZONES.len()];
        let day: NaiveDate = day.parse()?;
        let (tenant, people) = (tenants[case % 2].0, &people[case % 2]);
        let calendar = make(tenant, &mut dice, (zone, day), people).await?;
        let duration = dice.0.u16(1..18) * 5;
        let service = tenant.content().get_all_services().await?.remove(0);
        let buffer_minutes = dice.0.u16(0..3) * 5;
        let length = watertight::content::ServiceUpdate {
            duration_minutes: duration.into(),
            buffer_minutes: buffer_minutes.into(),
            ..Default::default()
        };
        tenant.content().update_service(service.id, length).await?;
        let practitioner = people.get(dice.0.usize(0..3)).copied();
        let query = SlotQuery {
            practitioner,
            step: Duration::from_mins(dice.0.u64(1..13) * 5),
            buffer: Duration::from_mins(dice.0.u64(0..4) * 5),
            ..SlotQuery::new(service.id, day - chrono::Days::new(1), day + chrono::Days::new(1))
        };
        let all = match (practitioner, people.as_slice()) {
            (Some(id), _) => vec![Some(id)],
            (None, []) => vec![None],
            (None, people) => people.iter().copied().map(Some).collect(),
        };
        let minutes = calendar.minutes(&query);
        let buffer = i64::try_from(query.buffer.as_secs() / 60)?.max(buffer_minutes.into());
        let mut expected: Vec<Slot> = all
            .into_iter()
            .flat_map(|practitioner| {
                let starts = calendar.slots(&minutes, practitioner, &query, (duration.into(), buffer));
                let end = TimeDelta::minutes(duration.into());
                starts.into_iter().map(move |start| Slot::new(start, start + end, practitioner))
            })
            .collect();
        let mut offered = tenant.scheduling().free_slots(&query).await?;
        assert!(offered.is_sorted_by_key(|slot| slot.start));
        offered.sort_unstable();
        expected.sort_unstable();
        assert_eq!(offered, expected, "seed {seed}, case {case}: {zone} {query:?} {:?}", calendar.weekly);
        found += offered.len();
    }
    assert!(found > cases * 5, "{found} slots in {cases} cases");
    Ok(())
}

#[tokio::test]
async fn slots_are_not_before_now_and_notice_is_kept() -> Result<()> {
    let world = World::new().await?;
    let shop = super::Shop::open(world.clinic.clone(), &[]).await?;
    let today = Utc::now().date_naive();
    let query = SlotQuery::new(shop.service.id, today, today + chrono::Days::new(2));
    for notice in [Duration::ZERO, Duration::from_hours(24)] {
        let earliest = |now: DateTime<Utc>| now + TimeDelta::from_std(notice).expect("a span");
        let before = Utc::now();
        let slots = shop.tenant.scheduling().free_slots(&SlotQuery { notice, ..query.clone() }).await?;
        let after = Utc::now();
        assert!(slots.iter().all(|slot| slot.start >= earliest(before)), "{notice:?}");
        // Every open quarter of an hour that is still in the future after the answer.
        let quarters = (0..3 * 96)
            .map(|quarter| today.and_time(NaiveTime::MIN).and_utc() + TimeDelta::minutes(15 * quarter));
        let open =
            |start: &DateTime<Utc>| (9..16).contains(&start.hour()) || start.time() == super::time("16:00");
        for start in quarters.filter(open).filter(|start| *start >= earliest(after)) {
            assert!(slots.iter().any(|slot| slot.start == start), "{notice:?} {start}");
        }
    }
    Ok(())
}

#[tokio::test]
async fn availability_takes_two_queries_for_any_range() -> Result<()> {
    let world = World::new().await?;
    let shop = super::Shop::open(world.clinic.clone(), &["maya", "tomas", "ruth"]).await?;
    let day = at("00:00").date_naive();
    for days in [0, 30, 365] {
        let query = SlotQuery::new(shop.service.id, day, day + chrono::Days::new(days));
        let before = world.water.rewrite_metrics();
        let slots = shop.tenant.scheduling().free_slots(&query).await?;
        let after = world.water.rewrite_metrics();
        assert_eq!(after.hits + after.misses - before.hits - before.misses, 2);
        // Four starts in each of eight hours, except the last three, for three practitioners.
        assert_eq!(slots.len(), (usize::try_from(days)? + 1) * 29 * 3);
    }
    Ok(())
}
