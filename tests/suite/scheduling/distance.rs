//! The buffer and the notice: availability, holds, bookings and rescheduling keep the same distance.

use std::time::Duration;

use anyhow::Result;
use chrono::{TimeDelta, Utc};
use sea_orm::{ActiveModelTrait, IntoActiveModel, Set};
use uuid::Uuid;
use watertight::BookingError;
use watertight::content::{BlockType, NewService, ServiceUpdate};
use watertight::scheduling::{Hold, NewBooking, Reschedule, SlotQuery};

use super::{Shop, at};
use crate::auth::World;

fn taken<T>(result: &Result<T, BookingError>) -> bool {
    matches!(result, Err(BookingError::SlotTaken { .. }))
}

#[tokio::test]
async fn the_buffer_of_a_service_is_kept_by_every_operation() -> Result<()> {
    let world = World::new().await?;
    let shop = Shop::open(world.clinic.clone(), &["maya"]).await?;
    let (content, scheduling) = (shop.tenant.content(), shop.tenant.scheduling());
    let maya = Some(shop.practitioners[0].id);
    let update = ServiceUpdate { buffer_minutes: 15.into(), ..Default::default() };
    assert_eq!(content.update_service(shop.service.id, update).await?.buffer_minutes, 15);
    let first = scheduling.book(&shop.booking("12:00")).await?;
    assert_eq!(first.buffer_minutes, 15);

    let day = at("12:00").date_naive();
    let offered = scheduling.free_slots(&SlotQuery::new(shop.service.id, day, day)).await?;
    assert!(offered.iter().all(|slot| slot.end <= at("11:45") || slot.start >= at("13:15")), "{offered:?}");
    let other = scheduling.book(&shop.booking("15:00")).await?;
    for close in ["10:50", "11:00", "13:00", "13:10"] {
        assert!(taken(&scheduling.book(&shop.booking(close)).await), "{close}");
        assert!(taken(&scheduling.hold(&Hold::new(shop.service.id, maya, at(close))).await), "{close}");
        assert!(taken(&scheduling.reschedule(other.id, Reschedule::to(at(close))).await), "{close}");
    }
    // A service without a buffer keeps the distance of the booking that has one, and the other way round.
    let plain = content.create_service(NewService::new("Talk", 30, 1_000)).await?.id;
    assert!(taken(&scheduling.book(&NewBooking { service: plain, ..shop.booking("13:10") }).await));
    let talk = scheduling.book(&NewBooking { service: plain, ..shop.booking("09:00") }).await?;
    assert_eq!(talk.buffer_minutes, 0);
    assert!(taken(&scheduling.book(&shop.booking("09:40")).await));
    scheduling.book(&shop.booking("09:45")).await?;
    // The distance is kept from time blocks, too.
    let maya = shop.practitioners[0].id;
    content.create_time_block(maya, at("14:30"), at("14:35"), BlockType::Break, None).await?;
    assert!(taken(&scheduling.book(&shop.booking("13:20")).await));
    scheduling.book(&shop.booking("13:15")).await?;
    for bad in [1441, u16::MAX] {
        let refused =
            content.create_service(NewService { buffer_minutes: bad, ..NewService::new("x", 60, 1) });
        assert!(matches!(refused.await, Err(BookingError::InvalidInput(_))));
    }
    Ok(())
}

#[tokio::test]
async fn a_buffer_of_the_request_is_kept_and_stored() -> Result<()> {
    let world = World::new().await?;
    let shop = Shop::open(world.clinic.clone(), &["maya"]).await?;
    let scheduling = shop.tenant.scheduling();
    let maya = Some(shop.practitioners[0].id);
    let buffer = Duration::from_mins(15);
    scheduling.book(&shop.booking("12:00")).await?;
    let close = NewBooking { buffer, ..shop.booking("13:10") };
    assert!(taken(&scheduling.book(&close).await));
    assert!(taken(&scheduling.hold(&Hold { buffer, ..Hold::new(shop.service.id, maya, at("13:10")) }).await));
    let held = scheduling.hold(&Hold { buffer, ..Hold::new(shop.service.id, maya, at("13:15")) }).await?;
    assert_eq!(held.buffer_minutes, 15);
    assert!(taken(&scheduling.book(&shop.booking("14:20")).await), "the hold keeps its distance");
    let moved = scheduling.book(&NewBooking { buffer, ..shop.booking("15:00") }).await?;
    let near = Reschedule { buffer, ..Reschedule::to(at("14:20")) };
    assert!(taken(&scheduling.reschedule(moved.id, near).await));
    Ok(())
}

/// The database keeps the time after an appointment free, whichever program writes the row.
#[tokio::test]
async fn the_constraint_includes_the_buffer() -> Result<()> {
    let world = World::new().await?;
    let shop = Shop::open(world.clinic.clone(), &["maya"]).await?;
    let buffer = Duration::from_mins(15);
    let booking = shop.tenant.scheduling().book(&NewBooking { buffer, ..shop.booking("12:00") }).await?;
    let mut again = booking.into_active_model();
    again.id = Set(Uuid::new_v4());
    again.confirmation_code = Set("OTHER".into());
    again.buffer_minutes = Set(0);
    again.datetime = Set(at("13:10").into());
    again.end_time = Set(at("14:10").into());
    let refused = again.clone().insert(&shop.tenant).await.map_err(|error| error.to_string());
    assert!(refused.as_ref().is_err_and(|error| error.contains("bookings_overlap_excl")), "{refused:?}");
    again.datetime = Set(at("13:15").into());
    again.insert(&shop.tenant).await?;
    Ok(())
}

#[tokio::test]
async fn notice_is_kept_by_every_operation() -> Result<()> {
    let world = World::new().await?;
    let shop = Shop::open(world.clinic.clone(), &["maya"]).await?;
    let scheduling = shop.tenant.scheduling();
    let maya = Some(shop.practitioners[0].id);
    let noon = (Utc::now() + TimeDelta::days(3)).date_naive().and_time(super::time("12:00")).and_utc();
    let notice = Duration::from_hours(24 * 7);
    let soon = NewBooking { start: noon, ..shop.booking("12:00") };
    let booked = scheduling.book(&NewBooking { start: at("12:00"), ..soon.clone() }).await?;
    let refusals = [
        scheduling.book(&NewBooking { notice, ..soon.clone() }).await.map(drop),
        scheduling.hold(&Hold { notice, ..Hold::new(shop.service.id, maya, noon) }).await.map(drop),
        scheduling.reschedule(booked.id, Reschedule { notice, ..Reschedule::to(noon) }).await.map(drop),
    ];
    for refused in refusals {
        assert!(
            matches!(&refused, Err(error @ BookingError::ShortNotice { .. }) if error.is_conflict()),
            "{refused:?}"
        );
    }
    scheduling.book(&NewBooking { notice, outside_hours: true, ..soon }).await?;
    Ok(())
}
