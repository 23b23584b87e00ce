//! Repeated requests: the same request has one effect, and another request with the same identity is refused.

use anyhow::Result;
use futures_util::future::join_all;
use watertight::BookingError;
use watertight::scheduling::{NewBooking, NewPayment, NewRefund, PaymentMethod, Reference, Reschedule};

use super::at;
use super::ledger::shop;

fn is_reused<T: std::fmt::Debug>(outcome: &Result<T, BookingError>) -> bool {
    matches!(outcome, Err(error @ (BookingError::IdentityReused { .. } | BookingError::IdempotencyKeyReused { .. }))
        if error.is_conflict())
}

#[tokio::test]
async fn a_key_of_a_booking_is_compared_with_the_request() -> Result<()> {
    let (world, shop) = shop().await?;
    let scheduling = shop.tenant.scheduling();
    let new = NewBooking { idempotency_key: Some("checkout-17".into()), ..shop.booking("10:00") };
    let booking = scheduling.book(&new).await?;
    for other in [
        NewBooking { start: at("12:00"), ..new.clone() },
        NewBooking { practitioner: Some(shop.practitioners[1].id), ..new.clone() },
        NewBooking { amount_cents: Some(1), ..new.clone() },
        NewBooking { amount_cents: Some(9_000), ..new.clone() },
        NewBooking { notes: Some("by the window".into()), ..new.clone() },
        NewBooking { buffer: std::time::Duration::from_mins(15), ..new.clone() },
    ] {
        assert!(is_reused(&scheduling.book(&other).await), "{other:?}");
    }
    // The booking as it is now, wherever it has been moved.
    let moved = scheduling.reschedule(booking.id, Reschedule::to(at("14:00"))).await?;
    assert_eq!(scheduling.book(&new).await?, moved);
    let there = NewBooking { start: at("14:00"), ..new.clone() };
    assert!(is_reused(&scheduling.book(&there).await), "the request for the new time is another one");
    scheduling.complete(booking.id).await?;
    assert_eq!(scheduling.book(&new).await?.status, "completed");

    let new = NewBooking { idempotency_key: Some("checkout-18".into()), ..shop.booking("16:00") };
    let booking = scheduling.book(&new).await?;
    scheduling.cancel(booking.id, "").await?;
    match scheduling.book(&new).await {
        Err(BookingError::NoLongerActive { what: "booking", id, status }) => {
            assert_eq!((id, status.as_str()), (booking.id, "cancelled"));
        }
        other => panic!("{other:?}"),
    }
    assert!(is_reused(&scheduling.book(&NewBooking { start: at("11:00"), ..new.clone() }).await));

    // A booking that an earlier version made has no digest.
    let new = NewBooking { idempotency_key: Some("checkout-19".into()), ..shop.booking("12:00") };
    let booking = scheduling.book(&new).await?;
    world.owner().await?.run("UPDATE bookings SET request_digest = NULL", []).await?;
    assert_eq!(scheduling.book(&new).await?.id, booking.id);
    assert!(is_reused(&scheduling.book(&NewBooking { start: at("09:00"), ..new }).await));
    Ok(())
}

#[tokio::test]
async fn a_repeated_move_changes_nothing() -> Result<()> {
    let (world, shop) = shop().await?;
    let scheduling = shop.tenant.scheduling();
    let booking = scheduling.book(&shop.booking("10:00")).await?;
    let moved = scheduling.reschedule(booking.id, Reschedule::to(at("12:00"))).await?;
    assert_eq!(scheduling.reschedule(booking.id, Reschedule::to(at("12:00"))).await?, moved);
    // Not even when the slot has begun, or closed since.
    let past = "UPDATE bookings SET datetime = '2020-01-01 12:00Z', end_time = '2020-01-01 13:00Z'";
    world.owner().await?.run(past, []).await?;
    let there = Reschedule::to("2020-01-01T12:00:00Z".parse()?);
    assert_eq!(scheduling.reschedule(booking.id, there).await?.id, booking.id);
    Ok(())
}

#[tokio::test]
async fn a_payment_has_one_effect_for_each_reference_and_key() -> Result<()> {
    let (_world, shop) = shop().await?;
    let scheduling = shop.tenant.scheduling();
    let booking = scheduling.book(&shop.booking("10:00")).await?.id;
    let second = scheduling.book(&shop.booking("12:00")).await?.id;
    let charge = NewPayment {
        amount_cents: Some(3_000),
        reference: Some(Reference::new("stripe", "pi_1")),
        ..NewPayment::new(PaymentMethod::Card)
    };
    let made = scheduling.record_payment(booking, &charge).await?;
    assert_eq!(scheduling.record_payment(booking, &charge).await?, made);
    for (booking, other) in [
        (second, charge.clone()),
        (booking, NewPayment { amount_cents: Some(3_001), ..charge.clone() }),
        (booking, NewPayment { amount_cents: None, ..charge.clone() }),
    ] {
        assert!(is_reused(&scheduling.record_payment(booking, &other).await), "{other:?}");
    }
    // One charge pays two bookings.
    let item = Reference { item: 2, ..Reference::new("stripe", "pi_1") };
    scheduling.record_payment(second, &NewPayment { reference: Some(item), ..charge.clone() }).await?;

    let till = NewPayment {
        idempotency_key: Some("till-4-311".into()),
        amount_cents: Some(1_000),
        ..NewPayment::new(PaymentMethod::Cash)
    };
    let made = scheduling.record_payment(booking, &till).await?;
    assert_eq!(scheduling.record_payment(booking, &till).await?, made);
    assert!(is_reused(&scheduling.record_payment(second, &till).await));
    let both = NewPayment { reference: charge.reference.clone(), ..till.clone() };
    assert!(
        is_reused(&scheduling.record_payment(booking, &both).await),
        "two payments have these identities"
    );

    let refund = NewRefund {
        amount_cents: Some(400),
        reference: Some(Reference::new("stripe", "re_1")),
        ..NewRefund::default()
    };
    let refunded = scheduling.record_refund(made.id, &refund).await?;
    assert_eq!(scheduling.record_refund(made.id, &refund).await?, refunded);
    let other = NewRefund { amount_cents: Some(401), ..refund.clone() };
    assert!(is_reused(&scheduling.record_refund(made.id, &other).await));
    let as_payment = NewRefund { reference: Some(Reference::new("stripe", "pi_1")), ..refund };
    assert!(is_reused(&scheduling.record_refund(made.id, &as_payment).await));
    assert_eq!(scheduling.get_payments(booking).await?.len(), 3);
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn concurrent_repeats_have_one_effect() -> Result<()> {
    let (_world, shop) = shop().await?;
    let scheduling = shop.tenant.scheduling();
    let bookings = [
        scheduling.book(&shop.booking("10:00")).await?.id,
        scheduling.book(&shop.booking("12:00")).await?.id,
    ];
    let charge = NewPayment {
        amount_cents: Some(1_000),
        reference: Some(Reference::new("stripe", "pi_1")),
        ..NewPayment::new(PaymentMethod::Card)
    };
    let attempts = (0..30).map(|n: usize| {
        let (tenant, charge, booking) = (shop.tenant.clone(), charge.clone(), bookings[n % 2]);
        async move { tenant.scheduling().record_payment(booking, &charge).await }
    });
    let outcomes = join_all(attempts).await;
    let mut made: Vec<_> = outcomes.iter().flatten().map(|made| made.id).collect();
    assert_eq!(made.len(), 15, "those of the booking that was first");
    made.dedup();
    assert_eq!(made.len(), 1);
    assert!(outcomes.iter().filter(|outcome| outcome.is_err()).all(is_reused));
    Ok(())
}
