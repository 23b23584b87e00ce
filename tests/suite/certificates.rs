//! Gift certificates and packages: payments and refusals. No cent is lost or spent twice.

mod repeated;

use anyhow::Result;
use chrono::{TimeDelta, Utc};
use futures_util::future::join_all;
use sea_orm::{ActiveModelTrait, EntityTrait, IntoActiveModel, Set};
use uuid::Uuid;
use watertight::BookingError;
use watertight::InvalidInput;
use watertight::certificates::{NewCertificate, NewPackage, Purchase};
use watertight::entity::public::{bookings, gift_certificate_redemptions, gift_certificates};
use watertight::scheduling::NewBooking;

use crate::auth::World;
use crate::scheduling::{Shop, client};

fn purchase() -> Purchase {
    Purchase::new("Olivia Hart".into(), "olivia@example.com".parse().expect("an email"))
}

fn package(sessions: u16) -> NewPackage {
    NewPackage {
        package_type: "five massages".into(),
        sessions,
        price_cents: 40_000,
        currency: "USD".into(),
        purchase: purchase(),
        client: None,
        expires_at: None,
    }
}

async fn shop() -> Result<(World, Shop)> {
    let world = World::new().await?;
    let shop = Shop::open(world.clinic.clone(), &["maya", "tomas", "ruth"]).await?;
    Ok((world, shop))
}

fn refused<T: std::fmt::Debug>(result: Result<T, BookingError>) -> String {
    match result {
        Err(BookingError::NotRedeemable { reason, .. }) => reason,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_certificate_is_issued_and_found_by_its_code_in_any_form() -> Result<()> {
    let (_world, shop) = shop().await?;
    let certificates = shop.tenant.certificates();
    let new = NewCertificate {
        recipient_name: Some("Noah".into()),
        recipient_email: Some("noah@example.com".parse()?),
        message: Some("Enjoy".into()),
        ..NewCertificate::new(10_000, purchase())
    };
    let issued = certificates.issue(&new).await?;
    assert_eq!(
        (issued.amount_cents, issued.balance_cents, issued.status.as_str()),
        (10_000, 10_000, "active")
    );
    assert_eq!(issued.code.split('-').map(str::len).collect::<Vec<_>>(), [4, 4, 4]);
    for typed in [issued.code.to_lowercase(), issued.code.replace('-', " "), format!(" {} ", issued.code)] {
        assert_eq!(certificates.get(&typed).await?, Some(issued.clone()), "{typed}");
    }
    assert_eq!(certificates.get("AAAA-AAAA-AAAA").await?, None);
    for bad in [
        NewCertificate { amount_cents: 0, ..new.clone() },
        NewCertificate { amount_cents: u32::MAX, ..new.clone() },
        NewCertificate { currency: "usd".into(), ..new.clone() },
        NewCertificate { recipient_name: Some("x".repeat(256)), ..new.clone() },
    ] {
        assert!(
            matches!(certificates.issue(&bad).await, Err(BookingError::InvalidInput(InvalidInput { .. }))),
            "{bad:?}"
        );
    }
    // A code that another system made keeps its form.
    let mut foreign = issued.into_active_model();
    (foreign.id, foreign.code) = (Set(Uuid::new_v4()), Set("GC-2024-7".into()));
    let foreign = foreign.insert(&shop.tenant).await?;
    assert_eq!(certificates.get("gc-2024-7").await?, Some(foreign));
    Ok(())
}

#[tokio::test]
async fn two_certificates_pay_a_booking_in_parts() -> Result<()> {
    let (_world, shop) = shop().await?;
    let certificates = shop.tenant.certificates();
    let booking = shop.tenant.scheduling().book(&shop.booking("10:00")).await?;
    let small = certificates.issue(&NewCertificate::new(5_000, purchase())).await?;
    let large = certificates.issue(&NewCertificate::new(20_000, purchase())).await?;

    let part = certificates.redeem(&small.code, booking.id, Some(3_000), None).await?;
    assert_eq!((part.amount_cents, part.r#type.as_str()), (Some(3_000), "gift_certificate"));
    let rest = certificates.redeem(&small.code, booking.id, None, None).await?;
    assert_eq!(rest.amount_cents, Some(2_000));
    assert!(
        refused(certificates.redeem(&small.code, booking.id, None, None).await).contains("0 cents are left")
    );
    assert!(
        refused(certificates.redeem(&large.code, booking.id, Some(4_001), None).await).contains("only 4000")
    );
    let spent = certificates.get(&small.code).await?.expect("it");
    assert!(spent.balance_cents == 0 && spent.redeemed_at.is_some());

    certificates.redeem(&large.code, booking.id, None, None).await?;
    let paid = shop.tenant.scheduling().get_booking(booking.id).await?.expect("it");
    assert_eq!(
        (paid.payment_status.as_str(), paid.payment_method.as_deref()),
        ("paid", Some("gift_certificate"))
    );
    assert!(
        refused(certificates.redeem(&large.code, booking.id, None, None).await).contains("nothing is due")
    );
    assert_eq!(certificates.get(&large.code).await?.expect("it").balance_cents, 16_000);
    assert_eq!(certificates.find_imbalances().await?, []);

    let cancelled = shop.tenant.scheduling().cancel(booking.id, "ill").await?;
    assert_eq!(cancelled.payment_status, "refunded");
    let back = certificates.get(&small.code).await?.expect("it");
    assert_eq!((back.balance_cents, back.redeemed_at), (5_000, None));
    assert_eq!(certificates.get(&large.code).await?.expect("it").balance_cents, 20_000);
    let redemptions = certificates.get_redemptions(booking.id).await?;
    assert!(redemptions.len() == 3 && redemptions.iter().all(|redemption| redemption.refunded_at.is_some()));
    assert_eq!(certificates.find_imbalances().await?, []);
    assert!(refused(certificates.redeem(&small.code, booking.id, None, None).await).contains("cancelled"));
    Ok(())
}

#[tokio::test]
async fn refused_payments_state_the_reason() -> Result<()> {
    let (_world, shop) = shop().await?;
    let certificates = shop.tenant.certificates();
    let booking = shop.tenant.scheduling().book(&shop.booking("10:00")).await?;
    let euros = NewCertificate { currency: "EUR".into(), ..NewCertificate::new(5_000, purchase()) };
    let euros = certificates.issue(&euros).await?;
    assert!(refused(certificates.redeem(&euros.code, booking.id, None, None).await).contains("in EUR"));
    let mut void = certificates.issue(&NewCertificate::new(5_000, purchase())).await?.into_active_model();
    void.status = Set("void".into());
    let void = gift_certificates::Entity::update(void).exec(&shop.tenant).await?;
    assert!(refused(certificates.redeem(&void.code, booking.id, None, None).await).contains("void"));
    let unknown = certificates.redeem("AAAA-AAAA-AAAA", booking.id, None, None).await;
    assert!(matches!(unknown, Err(BookingError::NotFound { what: "gift certificate", .. })));
    let unknown = certificates.redeem(&euros.code, Uuid::new_v4(), None, None).await;
    assert!(matches!(unknown, Err(BookingError::NotFound { what: "booking", .. })));
    Ok(())
}

#[tokio::test]
async fn a_package_counts_its_sessions() -> Result<()> {
    let (_world, shop) = shop().await?;
    let (certificates, scheduling) = (shop.tenant.certificates(), shop.tenant.scheduling());
    let two = certificates.issue_package(&package(2)).await?;
    let mut bookings = Vec::new();
    for start in ["09:00", "10:00", "11:00"] {
        bookings.push(scheduling.book(&shop.booking(start)).await?);
    }
    let first = certificates.redeem_session(&two.code.to_lowercase(), bookings[0].id).await?;
    let second = certificates.redeem_session(&two.code, bookings[1].id).await?;
    assert_eq!((first.session_number, second.session_number), (Some(1), Some(2)));
    assert_eq!(certificates.redeem_session(&two.code, bookings[0].id).await?, first, "a repeat pays nothing");
    assert!(refused(certificates.redeem_session(&two.code, bookings[2].id).await).contains("no session"));
    scheduling.cancel(bookings[0].id, "").await?;
    assert_eq!(certificates.get_package(&two.code).await?.expect("it").remaining_sessions, 1);
    let again = certificates.redeem_session(&two.code, bookings[2].id).await?;
    assert_eq!(again.session_number, Some(1), "the number of the refunded session is free again");
    assert_eq!(certificates.find_imbalances().await?, []);

    let other = scheduling.book(&shop.booking("13:00")).await?;
    let ben = scheduling.save_client(&client("ben")).await?;
    let his = certificates.issue_package(&NewPackage { client: Some(ben.id), ..package(1) }).await?;
    assert!(refused(certificates.redeem_session(&his.code, other.id).await).contains("another client"));
    let over = NewPackage { expires_at: Some(Utc::now() - TimeDelta::hours(1)), ..package(1) };
    let over = certificates.issue_package(&over).await?;
    assert!(refused(certificates.redeem_session(&over.code, other.id).await).contains("expired"));
    let nobodys =
        certificates.issue_package(&NewPackage { client: Some(Uuid::new_v4()), ..package(1) }).await;
    assert!(matches!(nobodys, Err(BookingError::NotFound { what: "client", .. })));
    assert!(matches!(
        certificates.issue_package(&package(0)).await,
        Err(BookingError::InvalidInput(InvalidInput { .. }))
    ));
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn no_cent_and_no_session_is_spent_twice_concurrently() -> Result<()> {
    let (world, shop) = shop().await?;
    let elsewhere = world.clinic_elsewhere().await?;
    let (mut codes, mut packs, mut booked) = (Vec::new(), Vec::new(), Vec::new());
    for amount in [4_000, 11_000, 25_000] {
        codes.push(shop.tenant.certificates().issue(&NewCertificate::new(amount, purchase())).await?.code);
    }
    packs.push(shop.tenant.certificates().issue_package(&package(3)).await?.code);
    for practitioner in &shop.practitioners {
        for start in ["09:00", "10:00", "11:00", "12:00"] {
            let new = NewBooking { practitioner: Some(practitioner.id), ..shop.booking(start) };
            booked.push(shop.tenant.scheduling().book(&new).await?.id);
        }
    }
    let attempts = (0..300_usize).map(|n| {
        let tenant = if n % 2 == 0 { shop.tenant.clone() } else { elsewhere.clone() };
        let (code, pack) = (codes[n % codes.len()].clone(), packs[0].clone());
        let booking = booked[n * 7 % booked.len()];
        async move {
            match n % 11 {
                0 => tenant.scheduling().cancel(booking, "").await.map(drop),
                1 | 2 => tenant.certificates().redeem_session(&pack, booking).await.map(drop),
                3 => tenant.certificates().redeem(&code, booking, None, None).await.map(drop),
                _ => {
                    let amount = u32::try_from(n % 5).unwrap_or_default() * 700 + 1;
                    tenant.certificates().redeem(&code, booking, Some(amount), None).await.map(drop)
                }
            }
        }
    });
    let outcomes = join_all(attempts).await;
    for error in outcomes.iter().filter_map(|outcome| outcome.as_ref().err()) {
        assert!(
            matches!(error, BookingError::NotRedeemable { .. } | BookingError::InvalidTransition { .. }),
            "{error:?}"
        );
    }
    assert!(outcomes.iter().filter(|outcome| outcome.is_ok()).count() > 20);
    let sessions = gift_certificate_redemptions::Entity::find().all(&shop.tenant).await?.into_iter();
    let live = sessions.filter(|session| session.refunded_at.is_none());
    let mut numbers: Vec<_> = live.filter_map(|session| session.session_number).collect();
    numbers.sort_unstable();
    numbers.dedup();
    assert_eq!(numbers.len(), live_sessions(&shop).await?, "each session has a number of its own");
    assert_eq!(shop.tenant.certificates().find_imbalances().await?, []);
    let redemptions = gift_certificate_redemptions::Entity::find().all(&shop.tenant).await?;
    for booking in bookings::Entity::find().all(&shop.tenant).await? {
        let live: Vec<_> = redemptions
            .iter()
            .filter(|redemption| redemption.booking_id == booking.id && redemption.refunded_at.is_none())
            .collect();
        let paid: i32 = live.iter().filter_map(|redemption| redemption.amount_cents).sum();
        assert!(paid <= booking.amount_cents, "{booking:?}");
        assert!(booking.status != "cancelled" || live.is_empty(), "{booking:?}");
        let by_package = live.iter().any(|redemption| redemption.package_id.is_some());
        assert_eq!(
            booking.payment_status == "paid",
            paid == booking.amount_cents || by_package,
            "{booking:?}"
        );
    }
    Ok(())
}

async fn live_sessions(shop: &Shop) -> Result<usize> {
    let all = gift_certificate_redemptions::Entity::find().all(&shop.tenant).await?;
    Ok(all.iter().filter(|row| row.package_id.is_some() && row.refunded_at.is_none()).count())
}

#[tokio::test]
async fn imbalances_are_found() -> Result<()> {
    let (world, shop) = shop().await?;
    let issued = shop.tenant.certificates().issue(&NewCertificate::new(10_000, purchase())).await?;
    world.owner().await?.run("UPDATE gift_certificates SET balance_cents = 9999", []).await?;
    let found = shop.tenant.certificates().find_imbalances().await?;
    assert_eq!(
        (found.len(), found[0].code.as_str(), found[0].left, found[0].redeemed),
        (1, &*issued.code, 9_999, 0)
    );
    let over = world.owner().await?.run("UPDATE gift_certificates SET balance_cents = 10001", []).await;
    assert!(over.is_err(), "a CHECK keeps the balance below the amount");
    Ok(())
}
