//! A visitor books only what free slots offer, and not beyond the horizon.

use std::time::Duration;

use anyhow::Result;
use chrono::{DateTime, Days, TimeDelta, Utc};
use watertight::BookingError;
use watertight::scheduling::{Contact, Hold, NewBooking, Reschedule, SlotQuery};

use super::{Shop, time};
use crate::auth::World;

const DAY: Duration = Duration::from_hours(24);

/// Ten o'clock some days from now.
fn in_days(days: u64) -> DateTime<Utc> {
    (Utc::now().date_naive() + Days::new(days)).and_time(time("10:00")).and_utc()
}

fn visitor(shop: &Shop, start: DateTime<Utc>) -> NewBooking {
    let contact = Contact::new("Zoe", "Novak", "zoe@example.com".parse().expect("an email"));
    NewBooking::by_visitor(shop.service.id, Some(shop.practitioners[0].id), contact, start)
}

async fn book(shop: &Shop, start: DateTime<Utc>) -> Result<(), BookingError> {
    shop.tenant.scheduling().book(&visitor(shop, start)).await.map(drop)
}

#[tokio::test]
async fn a_start_beside_the_steps_is_refused() -> Result<()> {
    let world = World::new().await?;
    let shop = Shop::open(world.clinic.clone(), &["maya"]).await?;
    let start = in_days(2);
    let odd =
        [TimeDelta::seconds(1), TimeDelta::minutes(7), TimeDelta::microseconds(1), TimeDelta::seconds(-1)];
    for odd in odd {
        let refused = book(&shop, start + odd).await;
        assert!(
            matches!(refused, Err(BookingError::NotOffered { start: at }) if at == start + odd),
            "{refused:?}"
        );
        assert!(refused.is_err_and(|error| error.is_conflict()));
        let hold = Hold {
            step: Some(DAY / 96),
            ..Hold::new(shop.service.id, Some(shop.practitioners[0].id), start + odd)
        };
        let answer = shop.tenant.scheduling().hold(&hold).await;
        assert!(matches!(answer, Err(BookingError::NotOffered { .. })), "{answer:?}");
    }
    book(&shop, start + TimeDelta::minutes(15)).await?;
    // The staff is free.
    let known = NewBooking { start: start + TimeDelta::minutes(77), ..shop.booking("10:00") };
    let booking = shop.tenant.scheduling().book(&known).await?;
    let to = Reschedule { step: Some(DAY / 96), ..Reschedule::to(start + TimeDelta::minutes(181)) };
    let moved = shop.tenant.scheduling().reschedule(booking.id, to).await;
    assert!(matches!(moved, Err(BookingError::NotOffered { .. })), "{moved:?}");
    Ok(())
}

/// Every slot of two days is booked as offered, with a step that does not divide an hour.
#[tokio::test]
async fn every_offered_slot_is_accepted() -> Result<()> {
    let world = World::new().await?;
    let shop = Shop::open(world.clinic.clone(), &["maya"]).await?;
    let (step, day) = (Duration::from_mins(25), Utc::now().date_naive() + Days::new(1));
    let query = SlotQuery { step, ..SlotQuery::new(shop.service.id, day, day + Days::new(1)) };
    let slots = shop.tenant.scheduling().free_slots(&query).await?;
    assert!(slots.len() > 20);
    for slot in slots {
        let new = NewBooking { step: Some(step), ..visitor(&shop, slot.start) };
        match shop.tenant.scheduling().book(&new).await {
            Ok(_) | Err(BookingError::SlotTaken { .. }) => {}
            Err(other) => panic!("{slot:?}: {other}"),
        }
    }
    Ok(())
}

#[tokio::test]
async fn a_start_beyond_the_horizon_is_refused() -> Result<()> {
    let world = World::new().await?;
    let shop = Shop::open(world.clinic.clone(), &["maya"]).await?;
    let scheduling = shop.tenant.scheduling();
    let year_9999: DateTime<Utc> = "9999-12-30T10:00:00Z".parse()?;
    for far in [in_days(367), year_9999] {
        let refused = book(&shop, far).await;
        assert!(
            matches!(refused, Err(BookingError::TooFarAhead { start, latest })
            if start == far && latest < far),
            "{refused:?}"
        );
    }
    book(&shop, in_days(365)).await?;
    let (today, horizon) = (Utc::now().date_naive(), Some(10 * DAY));
    let query = SlotQuery { horizon, ..SlotQuery::new(shop.service.id, today, today + Days::new(40)) };
    let slots = scheduling.free_slots(&query).await?;
    let latest = Utc::now() + TimeDelta::days(10);
    assert!(slots.iter().all(|slot| slot.start <= latest) && slots.len() > 9 * 20, "{}", slots.len());
    let hold = Hold { horizon, ..Hold::new(shop.service.id, Some(shop.practitioners[0].id), in_days(12)) };
    assert!(matches!(scheduling.hold(&hold).await, Err(BookingError::TooFarAhead { .. })));
    let booking = scheduling.book(&NewBooking { start: in_days(3), ..shop.booking("10:00") }).await?;
    let to = Reschedule { horizon, ..Reschedule::to(in_days(12)) };
    assert!(matches!(scheduling.reschedule(booking.id, to).await, Err(BookingError::TooFarAhead { .. })));
    // The staff is free.
    let staff = NewBooking { outside_hours: true, ..visitor(&shop, in_days(400)) };
    scheduling.book(&staff).await?;
    for invalid in [Some(Duration::from_hours(24 * 366 * 101)), Some(Duration::MAX)] {
        let refused = scheduling.book(&NewBooking { horizon: invalid, ..visitor(&shop, in_days(4)) }).await;
        assert!(matches!(refused, Err(BookingError::InvalidInput(_))), "{refused:?}");
    }
    let no_step = NewBooking { step: Some(Duration::ZERO), ..visitor(&shop, in_days(4)) };
    assert!(matches!(scheduling.book(&no_step).await, Err(BookingError::InvalidInput(_))));
    Ok(())
}
