//! Holds and bookings without concurrency: effects, refusals and their reasons.

use std::time::Duration;

use anyhow::Result;
use chrono::Utc;
use sea_orm::{ActiveModelTrait, EntityTrait, IntoActiveModel, Set};
use uuid::Uuid;
use watertight::BookingError;
use watertight::InvalidInput;
use watertight::auth::Change;
use watertight::content::{BlockType, NewService, ServiceUpdate};
use watertight::entity::public::{bookings, slot_reservations};
use watertight::scheduling::{
    BookingRecord, BookingStatus, Hold, NewBooking, NewClient, NewPayment, PaymentMethod, Reference,
    Reschedule, SlotQuery,
};

use super::{Shop, at, client, hours};
use crate::auth::World;

async fn shop(practitioners: &[&str]) -> Result<(World, Shop)> {
    let world = World::new().await?;
    let shop = Shop::open(world.clinic.clone(), practitioners).await?;
    Ok((world, shop))
}

fn is_taken<T: std::fmt::Debug>(result: &Result<T, BookingError>) -> bool {
    matches!(result, Err(BookingError::SlotTaken { .. }))
}

#[tokio::test]
async fn a_booking_takes_its_slot_and_gets_a_code() -> Result<()> {
    let (_world, shop) = shop(&["maya"]).await?;
    let scheduling = shop.tenant.scheduling();
    let booking = scheduling.book(&shop.booking("10:00")).await?;
    assert_eq!(booking.span(), (at("10:00"), at("11:00")));
    assert_eq!((booking.duration, booking.amount_cents), (60, 9_000));
    assert_eq!(booking.booking_status()?, BookingStatus::Confirmed);
    assert_eq!(booking.confirmation_code.len(), 8);
    let typed = booking.confirmation_code.to_lowercase();
    assert_eq!(scheduling.get_booking_by_code(&format!(" {typed} ")).await?, Some(booking.clone()));
    assert_eq!(scheduling.get_booking_by_code(&format!("{typed}\0")).await?, None);
    assert_eq!(scheduling.get_booking(booking.id).await?, Some(booking.clone()));
    assert_eq!(scheduling.get_bookings_by_client(shop.client.id).await?, std::slice::from_ref(&booking));
    assert_eq!(scheduling.get_bookings(at("09:00"), at("10:00"), None).await?, []);
    assert_eq!(scheduling.get_bookings(at("10:30"), at("12:00"), booking.practitioner_id).await?, [booking]);

    for start in ["09:30", "10:00", "10:59"] {
        assert!(is_taken(&scheduling.book(&shop.booking(start)).await), "{start}");
    }
    scheduling.book(&shop.booking("09:00")).await?;
    scheduling.book(&shop.booking("11:00")).await?;
    Ok(())
}

#[tokio::test]
async fn practitioners_are_booked_independently_and_have_to_be_named() -> Result<()> {
    let (_world, shop) = shop(&["maya", "tomas"]).await?;
    let scheduling = shop.tenant.scheduling();
    scheduling.book(&shop.booking("10:00")).await?;
    let other = NewBooking { practitioner: Some(shop.practitioners[1].id), ..shop.booking("10:00") };
    scheduling.book(&other).await?;
    let nobody = NewBooking { practitioner: None, ..shop.booking("12:00") };
    assert!(matches!(scheduling.book(&nobody).await, Err(BookingError::PractitionerRequired)));
    let stranger = NewBooking { practitioner: Some(Uuid::new_v4()), ..shop.booking("12:00") };
    assert!(matches!(
        scheduling.book(&stranger).await,
        Err(BookingError::NotFound { what: "practitioner", .. })
    ));
    Ok(())
}

#[tokio::test]
async fn a_business_without_practitioners_is_booked_as_a_whole() -> Result<()> {
    let (_world, shop) = shop(&[]).await?;
    let scheduling = shop.tenant.scheduling();
    scheduling.book(&shop.booking("10:00")).await?;
    assert!(is_taken(&scheduling.book(&shop.booking("10:30")).await));
    let kept = scheduling.hold(&Hold::new(shop.service.id, None, at("13:00"))).await?;
    assert!(is_taken(&scheduling.book(&shop.booking("13:00")).await));
    scheduling.book(&NewBooking { hold: Some(kept.id), ..shop.booking("13:00") }).await?;
    Ok(())
}

#[tokio::test]
async fn only_staff_book_outside_the_hours() -> Result<()> {
    let (_world, shop) = shop(&["maya"]).await?;
    let scheduling = shop.tenant.scheduling();
    for start in ["08:30", "16:30", "20:00"] {
        let refused = scheduling.book(&shop.booking(start)).await;
        assert!(matches!(refused, Err(BookingError::OutsideHours { .. })), "{start}");
        scheduling.book(&NewBooking { outside_hours: true, ..shop.booking(start) }).await?;
    }
    let past = NewBooking { start: Utc::now() - hours(48), ..shop.booking("10:00") };
    assert!(matches!(scheduling.book(&past).await, Err(BookingError::OutsideHours { .. })));
    shop.tenant.content().save_override(at("10:00").date_naive(), None, Some("holiday")).await?;
    assert!(matches!(scheduling.book(&shop.booking("10:00")).await, Err(BookingError::OutsideHours { .. })));
    Ok(())
}

#[tokio::test]
async fn a_hold_keeps_the_slot_until_it_is_booked_released_or_expired() -> Result<()> {
    let (world, shop) = shop(&["maya"]).await?;
    let scheduling = shop.tenant.scheduling();
    let maya = Some(shop.practitioners[0].id);
    let hold = |start| Hold::new(shop.service.id, maya, at(start));
    let kept = scheduling.hold(&hold("10:00")).await?;
    assert!(is_taken(&scheduling.hold(&hold("10:30")).await));
    assert!(is_taken(&scheduling.book(&shop.booking("10:00")).await));
    let wrong = NewBooking { hold: Some(kept.id), ..shop.booking("14:00") };
    assert!(matches!(scheduling.book(&wrong).await, Err(BookingError::HoldExpired { .. })));
    let right = NewBooking { hold: Some(kept.id), ..shop.booking("10:00") };
    let booking = scheduling.book(&right).await?;
    assert!(!scheduling.release_hold(kept.id).await?, "it is booked");
    scheduling.cancel(booking.id, "").await?;
    assert!(
        matches!(scheduling.book(&right).await, Err(BookingError::HoldExpired { .. })),
        "a hold is booked once"
    );

    let kept = scheduling.hold(&hold("12:00")).await?;
    assert!(scheduling.release_hold(kept.id).await?);
    assert!(!scheduling.release_hold(kept.id).await?);
    scheduling.book(&shop.booking("12:00")).await?;

    let kept = scheduling.hold(&hold("14:00")).await?;
    world.owner().await?.run("UPDATE slot_reservations SET expires_at = now()", []).await?;
    let late = NewBooking { hold: Some(kept.id), ..shop.booking("14:00") };
    assert!(matches!(scheduling.book(&late).await, Err(BookingError::HoldExpired { .. })));
    scheduling.hold(&hold("14:00")).await?;
    assert_eq!(scheduling.cleanup_holds().await?, 3);
    assert_eq!(slot_reservations::Entity::find().all(&shop.tenant).await?.len(), 1);
    for ttl in [Duration::ZERO, Duration::from_hours(2)] {
        let refused = scheduling.hold(&Hold { ttl, ..hold("15:00") }).await;
        assert!(matches!(refused, Err(BookingError::InvalidInput(InvalidInput { what: "ttl", .. }))));
    }
    Ok(())
}

#[tokio::test]
async fn an_idempotency_key_returns_the_same_booking() -> Result<()> {
    let (_world, shop) = shop(&["maya"]).await?;
    let scheduling = shop.tenant.scheduling();
    let new = NewBooking { idempotency_key: Some("checkout-17".into()), ..shop.booking("10:00") };
    let booking = scheduling.book(&new).await?;
    assert_eq!(scheduling.book(&new).await?, booking);
    let other = NewBooking { start: at("12:00"), ..new.clone() };
    assert!(matches!(scheduling.book(&other).await, Err(BookingError::IdempotencyKeyReused { .. })));
    assert_eq!(bookings::Entity::find().all(&shop.tenant).await?.len(), 1);
    Ok(())
}

#[tokio::test]
async fn a_booking_moves_to_a_free_slot() -> Result<()> {
    let (_world, shop) = shop(&["maya", "tomas"]).await?;
    let scheduling = shop.tenant.scheduling();
    let booking = scheduling.book(&shop.booking("10:00")).await?;
    scheduling.book(&shop.booking("12:00")).await?;
    // The new time overlaps only the booking itself.
    let moved = scheduling.reschedule(booking.id, Reschedule::to(at("10:30"))).await?;
    assert_eq!(moved.span(), (at("10:30"), at("11:30")));
    assert!(is_taken(&scheduling.reschedule(booking.id, Reschedule::to(at("12:30"))).await));
    let outside = scheduling.reschedule(booking.id, Reschedule::to(at("08:00"))).await;
    assert!(matches!(outside, Err(BookingError::OutsideHours { .. })));
    let tomas = shop.practitioners[1].id;
    let to_tomas = Reschedule { practitioner: Change::Set(tomas), ..Reschedule::to(at("12:30")) };
    assert_eq!(scheduling.reschedule(booking.id, to_tomas).await?.practitioner_id, Some(tomas));
    scheduling.book(&shop.booking("10:00")).await?;
    let nobody = scheduling.reschedule(Uuid::new_v4(), to_tomas).await;
    assert!(matches!(nobody, Err(BookingError::NotFound { what: "booking", .. })));
    Ok(())
}

#[tokio::test]
async fn a_booking_ends_once_and_in_one_way() -> Result<()> {
    let (_world, shop) = shop(&["maya"]).await?;
    let scheduling = shop.tenant.scheduling();
    let cancelled = scheduling.book(&shop.booking("09:00")).await?;
    let cancelled = scheduling.cancel(cancelled.id, "caught a cold").await?;
    assert!(cancelled.cancelled_at.is_some() && cancelled.cancel_reason.as_deref() == Some("caught a cold"));
    let completed = scheduling.book(&shop.booking("10:00")).await?;
    scheduling.complete(completed.id).await?;
    let missed = scheduling.book(&shop.booking("11:00")).await?;
    scheduling.mark_no_show(missed.id).await?;
    for (id, was) in [(cancelled.id, "cancelled"), (completed.id, "completed"), (missed.id, "no_show")] {
        let outcomes = [
            ("cancelled", scheduling.cancel(id, "").await),
            ("completed", scheduling.complete(id).await),
            ("no_show", scheduling.mark_no_show(id).await),
            ("rescheduled", scheduling.reschedule(id, Reschedule::to(at("15:00"))).await),
        ];
        let now = scheduling.get_booking(id).await?.expect("it");
        for (to, refused) in outcomes {
            if to == was {
                assert_eq!(refused?, now, "a repeat changes nothing");
                continue;
            }
            assert!(
                matches!(&refused, Err(BookingError::InvalidTransition { from, .. }) if from == was),
                "{was}: {refused:?}"
            );
        }
    }
    assert!(is_taken(&scheduling.book(&shop.booking("10:00")).await), "what took place took up its slot");
    scheduling.book(&shop.booking("09:00")).await?;
    assert!(matches!(scheduling.complete(Uuid::new_v4()).await, Err(BookingError::NotFound { .. })));
    Ok(())
}

#[tokio::test]
async fn a_booking_is_paid_once() -> Result<()> {
    let (_world, shop) = shop(&["maya"]).await?;
    let scheduling = shop.tenant.scheduling();
    let booking = scheduling.book(&shop.booking("09:00")).await?;
    let card = NewPayment::new(PaymentMethod::Card);
    let charge = NewPayment { reference: Some(Reference::new("stripe", "pi_17")), ..card.clone() };
    scheduling.record_payment(booking.id, &charge).await?;
    let paid = scheduling.get_booking(booking.id).await?.expect("it");
    assert_eq!((paid.payment_status.as_str(), paid.payment_method.as_deref()), ("paid", Some("card")));
    assert_eq!(paid.payment_ref.as_deref(), Some("pi_17"));
    assert!(matches!(
        scheduling.record_payment(booking.id, &card).await,
        Err(BookingError::InvalidTransition { .. })
    ));
    let cancelled = scheduling.book(&shop.booking("10:00")).await?;
    scheduling.cancel(cancelled.id, "").await?;
    assert!(matches!(
        scheduling.record_payment(cancelled.id, &card).await,
        Err(BookingError::InvalidTransition { .. })
    ));
    assert!(matches!(
        scheduling.record_payment(Uuid::new_v4(), &card).await,
        Err(BookingError::NotFound { .. })
    ));
    Ok(())
}

#[tokio::test]
async fn the_database_itself_refuses_a_second_booking() -> Result<()> {
    let (world, shop) = shop(&["maya"]).await?;
    let booking = shop.tenant.scheduling().book(&shop.booking("10:00")).await?;
    let mut again = booking.clone().into_active_model();
    again.id = Set(Uuid::new_v4());
    again.confirmation_code = Set("OTHER".into());
    again.datetime = Set((at("10:59")).into());
    again.end_time = Set((at("11:59")).into());
    let refused = again.clone().insert(&shop.tenant).await.map_err(|error| error.to_string());
    assert!(refused.as_ref().is_err_and(|error| error.contains("bookings_overlap_excl")), "{refused:?}");
    again.status = Set("cancelled".into());
    again.insert(&shop.tenant).await?;
    // Another tenant's calendar is independent.
    let other = Shop::open(world.studio.clone(), &["maya"]).await?;
    other.tenant.scheduling().book(&other.booking("10:00")).await?;
    Ok(())
}

#[tokio::test]
async fn an_inactive_service_is_not_offered() -> Result<()> {
    let (_world, shop) = shop(&["maya"]).await?;
    let (content, scheduling) = (shop.tenant.content(), shop.tenant.scheduling());
    let day = at("10:00").date_naive();
    let query = SlotQuery::new(shop.service.id, day, day);
    let key = |new| NewBooking { idempotency_key: Some("k".into()), ..new };
    let booking = scheduling.book(&key(shop.booking("09:00"))).await?;
    let maya = booking.practitioner_id;
    let kept = scheduling.hold(&Hold::new(shop.service.id, maya, at("10:00"))).await?;
    content
        .update_service(shop.service.id, ServiceUpdate { active: false.into(), ..Default::default() })
        .await?;

    assert_eq!(scheduling.free_slots(&query).await?, []);
    let staff = NewBooking { outside_hours: true, ..shop.booking("12:00") };
    let held = NewBooking { hold: Some(kept.id), ..shop.booking("10:00") };
    let outside = Reschedule { outside_hours: true, ..Reschedule::to(at("13:00")) };
    let refusals = [
        scheduling.book(&shop.booking("12:00")).await.map(drop),
        scheduling.book(&staff).await.map(drop),
        scheduling.book(&held).await.map(drop),
        scheduling.hold(&Hold::new(shop.service.id, maya, at("12:00"))).await.map(drop),
        scheduling.reschedule(booking.id, Reschedule::to(at("13:00"))).await.map(drop),
        scheduling.reschedule(booking.id, outside).await.map(drop),
    ];
    for refused in refusals {
        assert!(
            matches!(&refused, Err(error @ BookingError::ServiceInactive { id })
                if *id == shop.service.id && error.is_conflict()),
            "{refused:?}"
        );
    }
    // A retry returns the booking that was made, and a booking that was made can end.
    assert_eq!(scheduling.book(&key(shop.booking("09:00"))).await?.id, booking.id);
    scheduling.complete(booking.id).await?;

    content
        .update_service(shop.service.id, ServiceUpdate { active: true.into(), ..Default::default() })
        .await?;
    assert!(!scheduling.free_slots(&query).await?.is_empty());
    scheduling.book(&held).await?;
    Ok(())
}

#[tokio::test]
async fn time_blocks_prevent_bookings() -> Result<()> {
    let (_world, shop) = shop(&["maya", "tomas"]).await?;
    let (content, scheduling) = (shop.tenant.content(), shop.tenant.scheduling());
    let maya = shop.practitioners[0].id;
    let block =
        content.create_time_block(maya, at("12:00"), at("13:00"), BlockType::Break, Some("lunch")).await?;
    assert!(is_taken(&scheduling.book(&shop.booking("11:30")).await));
    assert!(is_taken(&scheduling.hold(&Hold::new(shop.service.id, Some(maya), at("12:30"))).await));
    assert!(content.delete_time_block(block.id).await?);
    assert!(!content.delete_time_block(block.id).await?);
    scheduling.book(&shop.booking("11:30")).await?;
    let nobody =
        content.create_time_block(Uuid::new_v4(), at("12:00"), at("13:00"), BlockType::Hold, None).await;
    assert!(matches!(nobody, Err(BookingError::NotFound { .. })));
    let backwards = content.create_time_block(maya, at("13:00"), at("12:00"), BlockType::Hold, None).await;
    assert!(matches!(backwards, Err(BookingError::InvalidInput(InvalidInput { .. }))));
    Ok(())
}

#[tokio::test]
async fn missing_rows_are_named() -> Result<()> {
    let world = World::new().await?;
    let tenant = world.clinic.clone();
    let service = tenant.content().create_service(NewService::new("Massage", 60, 9_000)).await?;
    let day = at("10:00").date_naive();
    let query = SlotQuery::new(service.id, day, day);
    assert!(matches!(tenant.scheduling().free_slots(&query).await, Err(BookingError::NoProfile)));
    let shop = Shop::open(tenant, &["maya"]).await?;
    let scheduling = shop.tenant.scheduling();
    let no_client = NewBooking { client: Uuid::new_v4().into(), ..shop.booking("10:00") };
    assert!(matches!(scheduling.book(&no_client).await, Err(BookingError::NotFound { what: "client", .. })));
    let no_service = NewBooking { service: Uuid::new_v4(), ..shop.booking("10:00") };
    assert!(matches!(
        scheduling.book(&no_service).await,
        Err(BookingError::NotFound { what: "service", .. })
    ));
    for start in [chrono::DateTime::<Utc>::MIN_UTC, chrono::DateTime::<Utc>::MAX_UTC] {
        let never = NewBooking { start, outside_hours: true, ..shop.booking("10:00") };
        assert!(matches!(
            scheduling.book(&never).await,
            Err(BookingError::InvalidInput(InvalidInput { what: "start", .. }))
        ));
        let never = scheduling.hold(&Hold::new(shop.service.id, Some(shop.practitioners[0].id), start)).await;
        assert!(matches!(never, Err(BookingError::InvalidInput(InvalidInput { what: "start", .. }))));
    }
    let booking = scheduling.book(&shop.booking("10:00")).await?;
    let never = scheduling.reschedule(booking.id, Reschedule::to(chrono::DateTime::<Utc>::MAX_UTC)).await;
    assert!(matches!(never, Err(BookingError::InvalidInput(InvalidInput { what: "start", .. }))));
    for query in [
        SlotQuery { to: day.pred_opt().expect("a day"), ..query.clone() },
        SlotQuery { to: day + chrono::Days::new(366), ..query.clone() },
        SlotQuery::new(service.id, chrono::NaiveDate::MIN, chrono::NaiveDate::MIN),
        SlotQuery::new(service.id, chrono::NaiveDate::MAX, chrono::NaiveDate::MAX),
        SlotQuery { step: Duration::ZERO, ..query.clone() },
        SlotQuery { buffer: Duration::MAX, ..query.clone() },
    ] {
        assert!(
            matches!(
                scheduling.free_slots(&query).await,
                Err(BookingError::InvalidInput(InvalidInput { .. }))
            ),
            "{query:?}"
        );
    }
    Ok(())
}

#[tokio::test]
async fn a_client_is_saved_once_and_known_by_the_email() -> Result<()> {
    let world = World::new().await?;
    let scheduling = world.clinic.scheduling();
    let ann = scheduling.save_client(&NewClient { phone: Some("555".into()), ..client("ann") }).await?;
    let again = NewClient {
        last_name: "Smith".into(),
        notes: Some("left knee".into()),
        custom_fields: Some(serde_json::json!({"shoe": 40})),
        ..client("ann")
    };
    scheduling.save_client(&again).await?;
    let again = scheduling.save_client(&NewClient { last_name: "Smith".into(), ..client("ann") }).await?;
    assert_eq!(again.notes.as_deref(), Some("left knee"));
    assert_eq!(again.custom_fields, serde_json::json!({"shoe": 40}));
    let no_object = NewClient { custom_fields: Some(serde_json::json!([])), ..client("ann") };
    assert!(matches!(
        scheduling.save_client(&no_object).await,
        Err(BookingError::InvalidInput(InvalidInput { .. }))
    ));
    assert_eq!((again.id, again.last_name.as_str(), again.phone.as_deref()), (ann.id, "Smith", Some("555")));
    assert_eq!(scheduling.get_client_by_email(&"ANN@example.com".parse()?).await?, Some(again));
    assert_eq!(scheduling.get_client_by_email(&"bob@example.com".parse()?).await?, None);
    Ok(())
}

#[tokio::test]
async fn a_hold_with_an_id_is_not_refused_by_itself() -> Result<()> {
    let (_world, shop) = shop(&["maya", "tomas"]).await?;
    let scheduling = shop.tenant.scheduling();
    let maya = Some(shop.practitioners[0].id);
    let hold = Hold { id: Some(Uuid::new_v4()), ..Hold::new(shop.service.id, maya, at("10:00")) };
    let first = scheduling.hold(&hold).await?;
    assert_eq!(Some(first.id), hold.id);
    assert_eq!(scheduling.hold(&hold).await?, first);
    let (noon, desk) = (Hold { id: Some(Uuid::new_v4()), start: at("13:00"), ..hold.clone() }, &scheduling);
    let (one, two, three) = tokio::join!(desk.hold(&noon), desk.hold(&noon), desk.hold(&noon));
    assert!(one? == two? && three?.id == noon.id.expect("given"));

    let long = shop.tenant.content().create_service(NewService::new("Long massage", 90, 9_000)).await?;
    let other = shop.practitioners[1].id;
    for reused in [
        Hold { start: at("11:00"), ..hold.clone() },
        Hold { practitioner: Some(other), ..hold.clone() },
        Hold { service: long.id, ..hold.clone() },
    ] {
        assert!(matches!(scheduling.hold(&reused).await, Err(BookingError::HoldIdReused { .. })));
    }
    assert!(is_taken(&scheduling.hold(&Hold { id: Some(Uuid::new_v4()), ..hold.clone() }).await));
    assert!(scheduling.release_hold(first.id).await?);
    assert!(matches!(scheduling.hold(&hold).await, Err(BookingError::HoldExpired { .. })));
    Ok(())
}
