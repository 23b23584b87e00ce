//! Hours until midnight and past it, and days with a break.

use anyhow::Result;
use chrono::{DateTime, NaiveTime, TimeDelta, Utc};
use watertight::BookingError;
use watertight::content::OpeningHours;
use watertight::scheduling::{BookingRecord, NewBooking, Reschedule, SlotQuery};

use super::{Shop, at, time};
use crate::auth::World;

fn hours(day_of_week: u8, opens: &str, closes: &str) -> OpeningHours {
    OpeningHours { day_of_week, opens: time(opens), closes: time(closes), label: None }
}

async fn starts(shop: &Shop, day: &str) -> Result<Vec<DateTime<Utc>>> {
    let day = day.parse()?;
    let query =
        SlotQuery { step: std::time::Duration::from_mins(30), ..SlotQuery::new(shop.service.id, day, day) };
    let slots = shop.tenant.scheduling().free_slots(&query).await?;
    Ok(slots.into_iter().map(|slot| slot.start).collect())
}

fn every_half_hour(from: DateTime<Utc>, count: i32) -> Vec<DateTime<Utc>> {
    (0..count).map(|n| from + TimeDelta::minutes(30) * n).collect()
}

/// Monday, 3 March 2098, from 22:00 to 02:00 on Tuesday.
#[tokio::test]
async fn hours_go_past_midnight() -> Result<()> {
    let world = World::new().await?;
    let shop = Shop::open(world.clinic.clone(), &["maya"]).await?;
    let scheduling = shop.tenant.scheduling();
    shop.tenant.content().save_hours(&[hours(1, "22:00", "02:00")]).await?;
    assert_eq!(starts(&shop, "2098-03-03").await?, every_half_hour(at("22:00"), 4));
    assert_eq!(starts(&shop, "2098-03-04").await?, every_half_hour(at("22:00") + TimeDelta::hours(2), 3));
    let night = scheduling.book(&shop.booking("23:30")).await?;
    assert_eq!(night.span().1, at("23:30") + TimeDelta::hours(1));
    let early = at("00:30") + TimeDelta::days(1);
    scheduling.reschedule(night.id, Reschedule::to(early)).await?;
    let late = NewBooking { start: at("01:30") + TimeDelta::days(1), ..shop.booking("10:00") };
    assert!(matches!(scheduling.book(&late).await, Err(BookingError::OutsideHours { .. })));
    // Closing Tuesday leaves the hours that began on Monday.
    shop.tenant.content().save_override("2098-03-04".parse()?, None, None).await?;
    scheduling.reschedule(night.id, Reschedule::to(at("22:00"))).await?;
    scheduling.book(&NewBooking { start: early, ..shop.booking("10:00") }).await?;
    Ok(())
}

#[tokio::test]
async fn a_booking_crosses_midnight_where_the_business_is_open_on_both_sides() -> Result<()> {
    let world = World::new().await?;
    let shop = Shop::open(world.clinic.clone(), &["maya"]).await?;
    let (content, scheduling) = (shop.tenant.content(), shop.tenant.scheduling());
    let evening = hours(1, "20:00", "00:00");
    content.save_hours(std::slice::from_ref(&evening)).await?;
    assert_eq!(starts(&shop, "2098-03-03").await?, every_half_hour(at("20:00"), 7), "until 24:00");
    let across = shop.booking("23:30");
    assert!(matches!(scheduling.book(&across).await, Err(BookingError::OutsideHours { .. })));
    content.save_hours(&[evening, hours(2, "00:00", "03:00")]).await?;
    assert_eq!(starts(&shop, "2098-03-03").await?, every_half_hour(at("20:00"), 8));
    let booked = scheduling.book(&across).await?;
    scheduling.cancel(booked.id, "").await?;
    // Open around the clock.
    content.save_hours(&(0..7).map(|day| hours(day, "00:00", "00:00")).collect::<Vec<_>>()).await?;
    assert_eq!(starts(&shop, "2098-03-03").await?, every_half_hour(at("00:00"), 48));
    scheduling.book(&across).await?;
    Ok(())
}

#[tokio::test]
async fn a_day_can_have_a_break() -> Result<()> {
    let world = World::new().await?;
    let shop = Shop::open(world.clinic.clone(), &["maya"]).await?;
    let (content, scheduling) = (shop.tenant.content(), shop.tenant.scheduling());
    let date = "2098-03-03".parse()?;
    let spans = [(time("08:00"), time("10:00")), (time("19:00"), NaiveTime::MIN)];
    let saved = content.save_override_spans(date, &spans, Some("inventory")).await?;
    assert_eq!(saved.len(), 2);
    assert_eq!(content.get_overrides(date, date).await?, saved);
    let mut expected = every_half_hour(at("08:00"), 3);
    expected.extend(every_half_hour(at("19:00"), 9));
    assert_eq!(starts(&shop, "2098-03-03").await?, expected);
    scheduling.book(&shop.booking("23:00")).await?;
    assert!(matches!(scheduling.book(&shop.booking("12:00")).await, Err(BookingError::OutsideHours { .. })));
    // One span, no span, and none of it replace both rows.
    assert_eq!(content.save_override(date, Some(spans[0]), None).await?.id, saved[0].id);
    assert_eq!(content.get_overrides(date, date).await?.len(), 1);
    content.save_override_spans(date, &[], None).await?;
    assert!(starts(&shop, "2098-03-03").await?.is_empty());
    assert!(content.delete_override(date).await?);
    assert_eq!(starts(&shop, "2098-03-03").await?.len(), 15);
    Ok(())
}

/// A time that another program has written: PostgreSQL has the time 24:00.
#[tokio::test]
async fn hours_until_24_00_are_read() -> Result<()> {
    let world = World::new().await?;
    let shop = Shop::open(world.clinic.clone(), &["maya"]).await?;
    world.owner().await?.run("UPDATE business_hours SET opens = '20:00', closes = '24:00'", []).await?;
    assert_eq!(starts(&shop, "2098-03-03").await?, every_half_hour(at("20:00"), 7));
    assert_eq!(shop.tenant.content().get_hours().await?[0].closes, NaiveTime::MIN);
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn concurrent_overrides_of_a_date_are_those_of_one_call() -> Result<()> {
    let world = World::new().await?;
    let content = world.clinic.content();
    let date = "2098-03-03".parse()?;
    for round in 0..50 {
        let sets = [1, 2, 3].map(|n| {
            (0..n).map(|hour| (time(&format!("{:02}:00", n * 4 + hour)), time("20:30"))).collect::<Vec<_>>()
        });
        let calls = sets.iter().map(|set| content.save_override_spans(date, set, None));
        futures_util::future::join_all(calls).await.into_iter().collect::<Result<Vec<_>, _>>()?;
        let saved = content.get_overrides(date, date).await?;
        let saved: Vec<_> = saved.into_iter().filter_map(|row| row.opens.zip(row.closes)).collect();
        assert!(sets.contains(&saved), "round {round}: {saved:?}");
    }
    Ok(())
}
