//! Payments and refunds of a booking: the status follows from them, and neither a program nor concurrency exceeds an amount.

use anyhow::Result;
use futures_util::future::join_all;
use sea_orm::{ActiveModelTrait, EntityTrait, IntoActiveModel, Set};
use uuid::Uuid;
use watertight::BookingError;
use watertight::certificates::{NewCertificate, Purchase};
use watertight::content::ServiceUpdate;
use watertight::entity::public::{booking_payments, bookings};
use watertight::scheduling::{
    BookingRecord, NewBooking, NewPayment, NewRefund, PaymentMethod, PaymentRecord, PaymentStatus, Reference,
};

use super::Shop;
use crate::auth::World;

pub(super) async fn shop() -> Result<(World, Shop)> {
    let world = World::new().await?;
    let shop = Shop::open(world.clinic.clone(), &["maya", "tomas", "ruth"]).await?;
    Ok((world, shop))
}

fn cash(cents: u32) -> NewPayment {
    NewPayment { amount_cents: Some(cents), ..NewPayment::new(PaymentMethod::Cash) }
}

fn card(id: &str) -> NewPayment {
    NewPayment { reference: Some(Reference::new("stripe", id)), ..NewPayment::new(PaymentMethod::Card) }
}

async fn status(shop: &Shop, booking: Uuid) -> Result<(PaymentStatus, i32)> {
    let booking = shop.tenant.scheduling().get_booking(booking).await?.expect("the booking");
    Ok((booking.payment_status()?, booking.due_cents()))
}

#[tokio::test]
async fn the_status_follows_from_payments_and_refunds() -> Result<()> {
    let (_world, shop) = shop().await?;
    let scheduling = shop.tenant.scheduling();
    let booking = scheduling.book(&shop.booking("10:00")).await?.id;
    assert_eq!(status(&shop, booking).await?, (PaymentStatus::Pending, 9_000));
    let first = scheduling.record_payment(booking, &cash(4_000)).await?;
    assert_eq!((first.currency.as_str(), first.payment_method()?), ("USD", PaymentMethod::Cash));
    assert_eq!(status(&shop, booking).await?, (PaymentStatus::PartiallyPaid, 5_000));
    let high = scheduling.record_payment(booking, &cash(5_001)).await;
    assert!(
        matches!(high, Err(BookingError::ExceedsAmount { amount_cents: 5_001, most_cents: 5_000, .. })),
        "{high:?}"
    );
    let rest = scheduling.record_payment(booking, &card("pi_1")).await?;
    assert_eq!(
        (rest.amount_cents, rest.processor.as_deref(), rest.reference.as_deref()),
        (5_000, Some("stripe"), Some("pi_1"))
    );
    assert_eq!(status(&shop, booking).await?, (PaymentStatus::Paid, 0));

    let part = NewRefund { amount_cents: Some(1_000), ..NewRefund::default() };
    let refund = scheduling.record_refund(rest.id, &part).await?;
    assert_eq!(
        (refund.refund_of, refund.method.as_str(), refund.signed_cents()),
        (Some(rest.id), "card", -1_000)
    );
    assert_eq!(status(&shop, booking).await?, (PaymentStatus::PartiallyRefunded, 1_000));
    let high = NewRefund { amount_cents: Some(4_001), ..NewRefund::default() };
    let high = scheduling.record_refund(rest.id, &high).await;
    assert!(
        matches!(high, Err(BookingError::ExceedsAmount { what: "refund", most_cents: 4_000, .. })),
        "{high:?}"
    );
    for payment in [rest.id, first.id] {
        scheduling.record_refund(payment, &NewRefund::default()).await?;
        let again = scheduling.record_refund(payment, &NewRefund::default()).await;
        assert!(matches!(again, Err(BookingError::InvalidTransition { what: "payment", .. })), "{again:?}");
    }
    assert_eq!(status(&shop, booking).await?, (PaymentStatus::Refunded, 9_000));
    // Paid again, after a card that was the wrong one.
    scheduling.record_payment(booking, &card("pi_2")).await?;
    assert_eq!(status(&shop, booking).await?, (PaymentStatus::Paid, 0));
    let entries = scheduling.get_payments(booking).await?;
    assert_eq!((entries.len(), entries.iter().map(PaymentRecord::signed_cents).sum::<i64>()), (6, 9_000));
    for unknown in [refund.id, Uuid::new_v4()] {
        let unknown = scheduling.record_refund(unknown, &NewRefund::default()).await;
        assert!(matches!(unknown, Err(BookingError::NotFound { what: "payment", .. })));
    }
    Ok(())
}

#[tokio::test]
async fn a_mixed_payment_is_refunded_only_when_the_card_is() -> Result<()> {
    let (_world, shop) = shop().await?;
    let (scheduling, certificates) = (shop.tenant.scheduling(), shop.tenant.certificates());
    let purchase = Purchase::new("Olivia Hart".into(), "olivia@example.com".parse()?);
    let gift = certificates.issue(&NewCertificate::new(5_000, purchase)).await?;
    let booking = scheduling.book(&shop.booking("10:00")).await?.id;
    certificates.redeem(&gift.code, booking, None, None).await?;
    assert_eq!(status(&shop, booking).await?, (PaymentStatus::PartiallyPaid, 4_000));
    let charged = scheduling.record_payment(booking, &card("pi_1")).await?;
    assert_eq!((charged.amount_cents, status(&shop, booking).await?.0), (4_000, PaymentStatus::Paid));
    assert_eq!(scheduling.get_refunds_due().await?, []);

    let cancelled = scheduling.cancel(booking, "ill").await?;
    assert_eq!(cancelled.payment_status, "partially_refunded");
    assert_eq!(certificates.get(&gift.code).await?.expect("it").balance_cents, 5_000);
    let due = scheduling.get_refunds_due().await?;
    assert_eq!(
        (due.len(), due[0].payment, due[0].amount_cents, due[0].currency.as_str()),
        (1, charged.id, 4_000, "USD")
    );
    assert_eq!(
        (due[0].booking, due[0].method.as_str(), due[0].reference.as_deref()),
        (booking, "card", Some("pi_1"))
    );
    assert_eq!(scheduling.cancel(booking, "again").await?, cancelled, "a repeat changes nothing");

    let part =
        NewRefund { amount_cents: Some(1_500), method: Some(PaymentMethod::Cash), ..NewRefund::default() };
    scheduling.record_refund(charged.id, &part).await?;
    assert_eq!(scheduling.get_refunds_due().await?[0].amount_cents, 2_500);
    scheduling.record_refund(charged.id, &NewRefund::default()).await?;
    assert_eq!(scheduling.get_refunds_due().await?, []);
    assert_eq!(status(&shop, booking).await?.0, PaymentStatus::Refunded);
    assert_eq!(certificates.find_imbalances().await?, []);
    Ok(())
}

#[tokio::test]
async fn a_payment_by_certificate_is_refunded_in_whole() -> Result<()> {
    let (_world, shop) = shop().await?;
    let (scheduling, certificates) = (shop.tenant.scheduling(), shop.tenant.certificates());
    let purchase = Purchase::new("Olivia Hart".into(), "olivia@example.com".parse()?);
    let gift = certificates.issue(&NewCertificate::new(5_000, purchase)).await?;
    let booking = scheduling.book(&shop.booking("10:00")).await?.id;
    let redemption = certificates.redeem(&gift.code, booking, None, None).await?;
    let payment = scheduling.get_payments(booking).await?.remove(0);
    assert_eq!((payment.redemption_id, payment.amount_cents), (Some(redemption.id), 5_000));
    for refund in [
        NewRefund { amount_cents: Some(1), ..NewRefund::default() },
        NewRefund { method: Some(PaymentMethod::Cash), ..NewRefund::default() },
        NewRefund { method: Some(PaymentMethod::GiftCertificate), ..NewRefund::default() },
    ] {
        let refused = scheduling.record_refund(payment.id, &refund).await;
        assert!(matches!(refused, Err(BookingError::InvalidInput(_))), "{refund:?} {refused:?}");
    }
    let paid = scheduling.record_payment(booking, &NewPayment::new(PaymentMethod::GiftCertificate)).await;
    assert!(matches!(paid, Err(BookingError::InvalidInput(_))), "{paid:?}");
    scheduling.record_refund(payment.id, &NewRefund::default()).await?;
    assert_eq!(certificates.get(&gift.code).await?.expect("it").balance_cents, 5_000);
    assert_eq!(status(&shop, booking).await?, (PaymentStatus::Refunded, 9_000));
    certificates.redeem(&gift.code, booking, None, None).await?;
    scheduling.cancel(booking, "").await?;
    assert_eq!(certificates.find_imbalances().await?, []);
    Ok(())
}

#[tokio::test]
async fn the_currency_is_that_of_the_day_of_booking() -> Result<()> {
    let (_world, shop) = shop().await?;
    let (scheduling, certificates) = (shop.tenant.scheduling(), shop.tenant.certificates());
    let purchase = Purchase::new("Olivia Hart".into(), "olivia@example.com".parse()?);
    let dollars = certificates.issue(&NewCertificate::new(20_000, purchase)).await?;
    let booking = scheduling.book(&shop.booking("10:00")).await?;
    assert_eq!(booking.currency, "USD");
    let euros = ServiceUpdate { currency: "EUR".to_owned().into(), ..ServiceUpdate::default() };
    shop.tenant.content().update_service(shop.service.id, euros).await?;
    certificates.redeem(&dollars.code, booking.id, Some(1_000), None).await?;
    assert_eq!(scheduling.record_payment(booking.id, &cash(1)).await?.currency, "USD");
    let later = scheduling.book(&shop.booking("12:00")).await?;
    assert_eq!(later.currency, "EUR");
    assert!(matches!(
        certificates.redeem(&dollars.code, later.id, None, None).await,
        Err(BookingError::NotRedeemable { reason, .. }) if reason.contains("the booking is in EUR")
    ));
    let free = NewBooking { amount_cents: Some(0), ..shop.booking("14:00") };
    let free = scheduling.book(&free).await?;
    assert_eq!((free.payment_status()?, free.due_cents()), (PaymentStatus::Paid, 0));
    Ok(())
}

#[tokio::test]
async fn the_database_refuses_what_disagrees() -> Result<()> {
    let (world, shop) = shop().await?;
    let scheduling = shop.tenant.scheduling();
    let booking = scheduling.book(&shop.booking("10:00")).await?;
    let payment = scheduling.record_payment(booking.id, &cash(4_000)).await?;
    let row = scheduling.get_booking(booking.id).await?.expect("it").into_active_model();
    for changed in [
        bookings::ActiveModel { payment_status: Set("paid".into()), ..row.clone() },
        bookings::ActiveModel { payment_status: Set("pending".into()), ..row.clone() },
        bookings::ActiveModel { paid_cents: Set(9_000), payment_status: Set("paid".into()), ..row.clone() },
        bookings::ActiveModel { paid_cents: Set(9_001), payment_status: Set("paid".into()), ..row.clone() },
        bookings::ActiveModel {
            refunded_cents: Set(4_000),
            payment_status: Set("refunded".into()),
            ..row.clone()
        },
        bookings::ActiveModel { amount_cents: Set(3_999), ..row.clone() },
        bookings::ActiveModel { currency: Set("EUR".into()), ..row.clone() },
        bookings::ActiveModel { currency: Set("eur".into()), ..row.clone() },
    ] {
        let shown = format!("{changed:?}");
        assert!(changed.update(&shop.tenant).await.is_err(), "{shown}");
    }
    let entry = payment.clone().into_active_model();
    let other = booking_payments::ActiveModel { id: Set(Uuid::new_v4()), ..entry.clone() };
    let refund = booking_payments::ActiveModel {
        kind: Set("refund".into()),
        refund_of: Set(Some(payment.id)),
        ..other.clone()
    };
    for inserted in [
        other.clone(),
        refund.clone(),
        booking_payments::ActiveModel { amount_cents: Set(0), ..other.clone() },
        booking_payments::ActiveModel { kind: Set("refund".into()), ..other.clone() },
        booking_payments::ActiveModel { kind: Set("gift".into()), ..other.clone() },
    ] {
        let shown = format!("{inserted:?}");
        assert!(inserted.insert(&shop.tenant).await.is_err(), "{shown}");
    }
    // Not even with totals that agree: a refund of a refund, of another booking's payment, or of too much.
    let elsewhere = scheduling.book(&shop.booking("12:00")).await?;
    let theirs = scheduling.record_payment(elsewhere.id, &cash(4_000)).await?;
    for (refund_of, cents) in [(theirs.id, 4_000), (payment.id, 4_001), (Uuid::new_v4(), 1)] {
        let owner = world.owner().await?;
        let sql = "WITH r AS (INSERT INTO booking_payments (tenant_id, booking_id, kind, refund_of, method, amount_cents, currency) \
                   VALUES (watertight.tenant(), $1, 'refund', $2, 'cash', $3, 'USD')) UPDATE bookings SET paid_cents = 8001, \
                   refunded_cents = $3, payment_status = 'partially_refunded' WHERE id = $1";
        assert!(owner.run(sql, [booking.id.into(), refund_of.into(), cents.into()]).await.is_err());
    }
    // The application cannot change or delete an entry.
    let changed = booking_payments::ActiveModel { amount_cents: Set(1), ..entry };
    assert!(changed.update(&shop.tenant).await.is_err());
    assert!(booking_payments::Entity::delete_many().exec(&shop.tenant).await.is_err());
    assert_eq!(scheduling.get_payments(booking.id).await?, [payment]);
    // An application's own status follows from nothing.
    let own = bookings::ActiveModel { payment_status: Set("disputed".into()), ..row };
    let own = own.update(&shop.tenant).await?;
    let refused = scheduling.record_payment(own.id, &cash(1)).await;
    assert!(matches!(refused, Err(BookingError::InvalidTransition { .. })), "{refused:?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn concurrent_payments_and_refunds_never_exceed() -> Result<()> {
    let (world, shop) = shop().await?;
    let elsewhere = world.clinic_elsewhere().await?;
    let scheduling = shop.tenant.scheduling();
    let booking = scheduling.book(&shop.booking("10:00")).await?.id;
    let attempts = (0..40_u32).map(|n| {
        let tenant = if n % 2 == 0 { shop.tenant.clone() } else { elsewhere.clone() };
        async move { tenant.scheduling().record_payment(booking, &cash(700 + n)).await }
    });
    let outcomes = join_all(attempts).await;
    for error in outcomes.iter().filter_map(|outcome| outcome.as_ref().err()) {
        assert!(
            matches!(error, BookingError::ExceedsAmount { .. } | BookingError::InvalidTransition { .. }),
            "{error:?}"
        );
    }
    let paid: i64 = outcomes.iter().flatten().map(PaymentRecord::signed_cents).sum();
    assert!((8_000..=9_000).contains(&paid), "{paid}");
    scheduling.cancel(booking, "").await?;
    let payments = scheduling.get_payments(booking).await?;
    let attempts = (0..60_usize).map(|n| {
        let tenant = if n % 2 == 0 { shop.tenant.clone() } else { elsewhere.clone() };
        let payment = payments[n % payments.len()].id;
        let refund = NewRefund { amount_cents: Some(300), ..NewRefund::default() };
        async move { tenant.scheduling().record_refund(payment, &refund).await }
    });
    let refunded = join_all(attempts).await.iter().flatten().count();
    assert_eq!(refunded, payments.len() * 2, "of a payment of 700 cents, two refunds of 300 are possible");
    let due: i64 = scheduling.get_refunds_due().await?.iter().map(|due| due.amount_cents).sum();
    assert_eq!(due, paid - i64::try_from(refunded)? * 300);
    assert_eq!(shop.tenant.certificates().find_imbalances().await?, []);
    Ok(())
}
