//! Hundreds of concurrent requests for the same slots: each slot has one winner, and availability agrees.

use anyhow::Result;
use futures_util::future::join_all;
use watertight::BookingError;
use watertight::entity::public::bookings;
use watertight::scheduling::{BookingStatus, Hold, NewBooking, SlotQuery};

use super::{Shop, at, client};
use crate::auth::World;

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn every_slot_has_one_winner() -> Result<()> {
    let world = World::new().await?;
    let shop = Shop::open(world.clinic.clone(), &["maya", "tomas"]).await?;
    let elsewhere = world.clinic_elsewhere().await?;
    let mut clients = Vec::new();
    for n in 0..8 {
        clients.push(shop.tenant.scheduling().save_client(&client(&format!("client{n}"))).await?.id);
    }
    // Half-hours, so that neighbors overlap.
    let starts: Vec<_> = (18..33).map(|half| at(&format!("{:02}:{:02}", half / 2, half % 2 * 30))).collect();
    let attempts = (0..400_usize).map(|n| {
        let tenant = if n % 2 == 0 { shop.tenant.clone() } else { elsewhere.clone() };
        let (start, practitioner) = (starts[n * 7 % starts.len()], Some(shop.practitioners[n % 3 % 2].id));
        let (service, client) = (shop.service.id, clients[n % clients.len()]);
        async move {
            let scheduling = tenant.scheduling();
            let hold = match n % 4 {
                0 => Some(scheduling.hold(&Hold::new(service, practitioner, start)).await?.id),
                _ => None,
            };
            let booking = scheduling
                .book(&NewBooking { hold, ..NewBooking::new(service, practitioner, client, start) })
                .await?;
            if n % 10 == 3 {
                scheduling.cancel(booking.id, "changed their mind").await?;
            }
            Ok::<_, BookingError>(())
        }
    });
    let outcomes = join_all(attempts).await;
    let won = outcomes.iter().filter(|outcome| outcome.is_ok()).count();
    for error in outcomes.iter().filter_map(|outcome| outcome.as_ref().err()) {
        assert!(matches!(error, BookingError::SlotTaken { .. }), "{error:?}");
    }
    assert!(won > 10, "{won} of 400");

    let day = starts[0].date_naive();
    let (from, to) = (at("00:00"), at("23:59"));
    let all = shop.tenant.scheduling().get_bookings(from, to, None).await?;
    assert_eq!(all.len(), won);
    let live: Vec<_> =
        all.into_iter().filter(|row| row.status != BookingStatus::Cancelled.as_str()).collect();
    let overlaps = |a: &bookings::Model, b: &bookings::Model| {
        a.id != b.id
            && a.practitioner_id == b.practitioner_id
            && a.datetime < b.end_time
            && b.datetime < a.end_time
    };
    for a in &live {
        assert!(!live.iter().any(|b| overlaps(a, b)), "{a:?}");
    }
    let free = shop.tenant.scheduling().free_slots(&SlotQuery::new(shop.service.id, day, day)).await?;
    for slot in &free {
        let taken = |row: &bookings::Model| {
            row.practitioner_id == slot.practitioner && row.datetime < slot.end && row.end_time > slot.start
        };
        assert!(!live.iter().any(taken), "{slot:?}");
    }
    // Every slot that availability reports can be booked.
    for slot in free {
        let new = NewBooking::new(shop.service.id, slot.practitioner, shop.client.id, slot.start);
        match shop.tenant.scheduling().book(&new).await {
            Ok(booking) => drop(shop.tenant.scheduling().cancel(booking.id, "").await?),
            Err(error) => panic!("{slot:?}: {error}"),
        }
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn one_idempotency_key_makes_one_booking() -> Result<()> {
    let world = World::new().await?;
    let shop = Shop::open(world.clinic.clone(), &["maya"]).await?;
    let elsewhere = world.clinic_elsewhere().await?;
    let attempts = (0..60_usize).map(|n| {
        let tenant = if n % 2 == 0 { shop.tenant.clone() } else { elsewhere.clone() };
        let new = NewBooking { idempotency_key: Some("checkout-17".into()), ..shop.booking("10:00") };
        async move { tenant.scheduling().book(&new).await }
    });
    let booked = join_all(attempts).await.into_iter().collect::<Result<Vec<_>, _>>()?;
    assert!(booked.iter().all(|booking| booking == &booked[0]));
    assert_eq!(shop.tenant.scheduling().get_bookings(at("00:00"), at("23:59"), None).await?.len(), 1);
    Ok(())
}
