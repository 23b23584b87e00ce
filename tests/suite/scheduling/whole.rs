//! A booking of the whole business blocks every practitioner, and the other way round.

use anyhow::Result;
use futures_util::future::join_all;
use sea_orm::{ActiveModelTrait, EntityTrait, IntoActiveModel, Set};
use uuid::Uuid;
use watertight::BookingError;
use watertight::entity::public::{bookings, slot_reservations};
use watertight::scheduling::{Hold, NewBooking, SlotQuery};

use super::{Shop, at, practitioner};
use crate::auth::World;

fn taken<T>(result: &Result<T, BookingError>) -> bool {
    matches!(result, Err(BookingError::SlotTaken { .. }))
}

#[tokio::test]
async fn a_practitioner_who_is_added_later_is_not_booked_beside_the_whole_business() -> Result<()> {
    let world = World::new().await?;
    let shop = Shop::open(world.clinic.clone(), &[]).await?;
    let (content, scheduling) = (shop.tenant.content(), shop.tenant.scheduling());
    scheduling.book(&shop.booking("10:00")).await?;
    scheduling.hold(&Hold::new(shop.service.id, None, at("12:00"))).await?;
    let maya = Some(content.save_practitioner(&practitioner("maya")).await?.id);
    let hers = |start| NewBooking { practitioner: maya, ..shop.booking(start) };
    for start in ["09:30", "10:00", "11:30", "12:30"] {
        assert!(taken(&scheduling.book(&hers(start)).await), "{start}");
        assert!(taken(&scheduling.hold(&Hold::new(shop.service.id, maya, at(start))).await), "{start}");
    }
    let day = at("10:00").date_naive();
    for practitioner in [None, maya] {
        let query = SlotQuery { practitioner, ..SlotQuery::new(shop.service.id, day, day) };
        let offered = scheduling.free_slots(&query).await?;
        let apart = |from, to| offered.iter().all(|slot| slot.end <= at(from) || slot.start >= at(to));
        assert!(!offered.is_empty() && apart("10:00", "11:00") && apart("12:00", "13:00"), "{offered:?}");
    }
    scheduling.book(&hers("14:00")).await?;
    Ok(())
}

/// An expired hold of the whole business, which the constraint counts until it is released, is released.
#[tokio::test]
async fn an_expired_hold_of_the_whole_business_blocks_no_practitioner() -> Result<()> {
    let world = World::new().await?;
    let shop = Shop::open(world.clinic.clone(), &[]).await?;
    let (content, scheduling) = (shop.tenant.content(), shop.tenant.scheduling());
    scheduling.hold(&Hold::new(shop.service.id, None, at("12:00"))).await?;
    world.owner().await?.run("UPDATE slot_reservations SET expires_at = now()", []).await?;
    let maya = Some(content.save_practitioner(&practitioner("maya")).await?.id);
    scheduling.hold(&Hold::new(shop.service.id, maya, at("12:00"))).await?;
    Ok(())
}

#[tokio::test]
async fn the_constraint_refuses_both_orders() -> Result<()> {
    let world = World::new().await?;
    let shop = Shop::open(world.clinic.clone(), &["maya"]).await?;
    let scheduling = shop.tenant.scheduling();
    let hers = scheduling.book(&shop.booking("10:00")).await?;
    let kept = scheduling.hold(&Hold::new(shop.service.id, hers.practitioner_id, at("12:00"))).await?;
    let mut whole = hers.clone().into_active_model();
    (whole.id, whole.practitioner_id) = (Set(Uuid::new_v4()), Set(None));
    whole.confirmation_code = Set("OTHER".into());
    let refused = whole.clone().insert(&shop.tenant).await.map_err(|error| error.to_string());
    assert!(refused.as_ref().is_err_and(|error| error.contains("bookings_overlap_excl")), "{refused:?}");
    let mut hold = kept.into_active_model();
    (hold.id, hold.practitioner_id) = (Set(Uuid::new_v4()), Set(None));
    let refused = hold.insert(&shop.tenant).await.map_err(|error| error.to_string());
    assert!(
        refused.as_ref().is_err_and(|error| error.contains("slot_reservations_overlap_excl")),
        "{refused:?}"
    );
    scheduling.cancel(hers.id, "").await?;
    whole.insert(&shop.tenant).await?;
    assert!(taken(&scheduling.book(&shop.booking("10:30")).await));
    // Another tenant's calendar is independent.
    let other = Shop::open(world.studio.clone(), &["maya"]).await?;
    other.tenant.scheduling().book(&other.booking("10:00")).await?;
    Ok(())
}

/// While a practitioner is added, one client books the whole business and another one the practitioner: one of them wins.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_the_business_and_a_practitioner_exactly_one_is_booked() -> Result<()> {
    let world = World::new().await?;
    for round in 0..20_usize {
        let shop = Shop::open(world.water.tenant(watertight_tests::new_tenant()?), &[]).await?;
        let (service, client) = (shop.service.id, shop.client.id);
        let ours = shop.tenant.clone();
        let whole = (0..3_usize).map(|n| {
            let tenant = shop.tenant.clone();
            let new = NewBooking::new(service, None, client, at("10:00"));
            let hold = Hold::new(service, None, at("10:00"));
            tokio::spawn(async move {
                match (n + round) % 2 {
                    0 => tenant.scheduling().book(&new).await.map(drop),
                    _ => tenant.scheduling().hold(&hold).await.map(drop),
                }
            })
        });
        let whole: Vec<_> = whole.collect();
        let maya = ours.content().save_practitioner(&practitioner("maya")).await?.id;
        let hers = (0..3_usize).map(|n| {
            let tenant = shop.tenant.clone();
            let new = NewBooking::new(service, Some(maya), client, at("10:30"));
            let hold = Hold::new(service, Some(maya), at("10:30"));
            tokio::spawn(async move {
                match (n + round) % 2 {
                    0 => tenant.scheduling().book(&new).await.map(drop),
                    _ => tenant.scheduling().hold(&hold).await.map(drop),
                }
            })
        });
        let outcomes = join_all(whole.into_iter().chain(hers.collect::<Vec<_>>())).await;
        let outcomes: Vec<_> = outcomes.into_iter().collect::<Result<_, _>>()?;
        assert_eq!(
            outcomes.iter().filter(|outcome| outcome.is_ok()).count(),
            1,
            "round {round}: {outcomes:?}"
        );
        for error in outcomes.iter().filter_map(|outcome| outcome.as_ref().err()) {
            assert!(
                matches!(error, BookingError::SlotTaken { .. } | BookingError::PractitionerRequired),
                "{error:?}"
            );
        }
        let booked = bookings::Entity::find().all(&shop.tenant).await?.len();
        assert_eq!(booked + slot_reservations::Entity::find().all(&shop.tenant).await?.len(), 1);
    }
    Ok(())
}
