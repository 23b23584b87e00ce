//! The least and the greatest dates and times: `InvalidInput`, and neither a panic nor the database's error.

use anyhow::Result;
use chrono::{DateTime, NaiveDate, NaiveTime, Utc};
use watertight::BookingError;
use watertight::content::{BlockType, NewReview, OpeningHours};
use watertight::scheduling::{Hold, NewBooking, Reschedule, SlotQuery};

use super::{Shop, at, time};
use crate::auth::World;

fn invalid<T: std::fmt::Debug>(result: &Result<T, BookingError>) -> bool {
    matches!(result, Err(BookingError::InvalidInput(_)))
}

#[tokio::test]
async fn extreme_times_are_invalid_input() -> Result<()> {
    let world = World::new().await?;
    let shop = Shop::open(world.clinic.clone(), &["maya"]).await?;
    let (content, scheduling) = (shop.tenant.content(), shop.tenant.scheduling());
    let maya = shop.practitioners[0].id;
    let booking = scheduling.book(&shop.booking("10:00")).await?;
    let year_zero: DateTime<Utc> = "0000-12-31T23:59:59Z".parse()?;
    let year_10_000: DateTime<Utc> = "+10000-01-01T00:00:00Z".parse()?;
    for time in [DateTime::<Utc>::MIN_UTC, year_zero, year_10_000, DateTime::<Utc>::MAX_UTC] {
        let staff = NewBooking { start: time, outside_hours: true, ..shop.booking("10:00") };
        assert!(invalid(&scheduling.book(&staff).await), "{time}");
        assert!(invalid(&scheduling.hold(&Hold::new(shop.service.id, Some(maya), time)).await), "{time}");
        let moved = Reschedule { outside_hours: true, ..Reschedule::to(time) };
        assert!(invalid(&scheduling.reschedule(booking.id, moved).await), "{time}");
        assert!(invalid(&scheduling.get_bookings(time, at("10:00"), None).await), "{time}");
        assert!(invalid(&scheduling.get_bookings(at("10:00"), time, None).await), "{time}");
        for (from, to) in [(time, at("10:00")), (at("10:00"), time)] {
            let block = content.create_time_block(maya, from, to, BlockType::Vacation, None).await;
            assert!(invalid(&block), "{time}");
        }
        let review = NewReview {
            reviewer_name: "Ann".into(),
            rating: 5,
            text: "Lovely".into(),
            source: "google".into(),
            tags: Vec::new(),
            published_at: Some(time),
        };
        assert!(invalid(&content.create_review(review).await), "{time}");
    }
    for date in [NaiveDate::MIN, year_zero.date_naive(), year_10_000.date_naive(), NaiveDate::MAX] {
        assert!(invalid(&content.save_override(date, None, None).await), "{date}");
        assert!(invalid(&content.save_override_spans(date, &[], None).await), "{date}");
        assert!(invalid(&content.delete_override(date).await), "{date}");
        assert!(invalid(&content.get_overrides(date, date).await), "{date}");
        let query = SlotQuery::new(shop.service.id, date, date);
        assert!(invalid(&scheduling.free_slots(&query).await), "{date}");
    }
    Ok(())
}

#[tokio::test]
async fn the_first_and_the_last_accepted_times_work() -> Result<()> {
    let world = World::new().await?;
    let shop = Shop::open(world.clinic.clone(), &["maya"]).await?;
    let (content, scheduling) = (shop.tenant.content(), shop.tenant.scheduling());
    let maya = shop.practitioners[0].id;
    let (first, last): (DateTime<Utc>, DateTime<Utc>) =
        ("0001-01-01T00:00:00Z".parse()?, "9999-12-31T23:59:59.999999Z".parse()?);
    let buffer = std::time::Duration::from_hours(24);
    for start in [first, last] {
        let staff = NewBooking { start, buffer, outside_hours: true, ..shop.booking("10:00") };
        scheduling.book(&staff).await?;
        content.save_override(start.date_naive(), Some((time("22:00"), time("21:59"))), None).await?;
        let day = start.date_naive();
        scheduling.free_slots(&SlotQuery { buffer, ..SlotQuery::new(shop.service.id, day, day) }).await?;
    }
    assert_eq!(scheduling.get_bookings(first, last, None).await?.len(), 1, "the end is not included");
    content.create_time_block(maya, first, last, BlockType::Vacation, None).await?;
    let day = at("10:00").date_naive();
    let query = SlotQuery { buffer, ..SlotQuery::new(shop.service.id, day, day) };
    assert_eq!(scheduling.free_slots(&query).await?, []);
    Ok(())
}

/// A row of another program, from before the database refused such times.
#[tokio::test]
async fn a_time_block_without_an_end_is_read() -> Result<()> {
    let world = World::new().await?;
    let shop = Shop::open(world.clinic.clone(), &["maya", "tomas"]).await?;
    let (content, scheduling) = (shop.tenant.content(), shop.tenant.scheduling());
    let maya = shop.practitioners[0].id;
    content.create_time_block(maya, at("09:00"), at("10:00"), BlockType::Vacation, None).await?;
    for column in ["start_time", "end_time"] {
        let earlier = format!("ALTER TABLE time_blocks DROP CONSTRAINT time_blocks_{column}_readable_check");
        world.owner().await?.run(&earlier, []).await?;
    }
    world
        .owner()
        .await?
        .run("UPDATE time_blocks SET start_time = '-infinity', end_time = 'infinity'", [])
        .await?;
    let day = at("10:00").date_naive();
    let slots = scheduling.free_slots(&SlotQuery::new(shop.service.id, day, day)).await?;
    assert!(!slots.is_empty() && slots.iter().all(|slot| slot.practitioner != Some(maya)));
    assert!(matches!(scheduling.book(&shop.booking("12:00")).await, Err(BookingError::SlotTaken { .. })));
    Ok(())
}

#[tokio::test]
async fn extreme_times_of_day_are_saved_or_invalid() -> Result<()> {
    let world = World::new().await?;
    let content = world.clinic.content();
    let hours = |opens, closes| [OpeningHours { day_of_week: 1, opens, closes, label: None }];
    let last = NaiveTime::from_hms_nano_opt(23, 59, 59, 999_999_999).expect("a time");
    let leap = NaiveTime::from_hms_nano_opt(23, 59, 59, 1_500_000_000).expect("a leap second");
    let tenth = NaiveTime::from_hms_nano_opt(0, 0, 0, 100).expect("a tenth of a microsecond");
    content.save_hours(&hours(NaiveTime::MIN, last)).await?;
    content.save_hours(&hours(last, NaiveTime::MIN)).await?;
    content.save_hours(&hours(NaiveTime::MIN, tenth)).await?;
    for bad in [hours(NaiveTime::MIN, leap), hours(leap, time("10:00")), hours(last, last)] {
        assert!(invalid(&content.save_hours(&bad).await), "{bad:?}");
    }
    Ok(())
}
