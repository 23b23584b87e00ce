//! Repeated purchases and redemptions: one checkout session issues an item once, and a key pays once.

use anyhow::Result;
use futures_util::future::join_all;
use sea_orm::{EntityTrait, IntoActiveModel, PaginatorTrait, Set};
use watertight::BookingError;
use watertight::certificates::{ImbalanceKind, NewCertificate, NewPackage, Purchase};
use watertight::entity::public::{gift_certificates, packages};

use super::{package, purchase, shop};

fn in_session(id: &str, item: u16) -> Purchase {
    Purchase { stripe_session_id: Some(id.into()), item, ..purchase() }
}

fn is_reused<T: std::fmt::Debug>(outcome: &Result<T, BookingError>) -> bool {
    matches!(outcome, Err(error @ BookingError::IdentityReused { .. }) if error.is_conflict())
}

#[tokio::test]
async fn a_session_issues_each_item_once() -> Result<()> {
    let (world, shop) = shop().await?;
    let certificates = shop.tenant.certificates();
    let new = NewCertificate::new(10_000, in_session("cs_1", 1));
    let issued = certificates.issue(&new).await?;
    assert_eq!(certificates.issue(&new).await?, issued);
    for other in [
        NewCertificate { amount_cents: 10_001, ..new.clone() },
        NewCertificate { currency: "EUR".into(), ..new.clone() },
        NewCertificate { recipient_name: Some("Noah".into()), ..new.clone() },
        NewCertificate { message: Some("Enjoy".into()), ..new.clone() },
    ] {
        assert!(is_reused(&certificates.issue(&other).await), "{other:?}");
    }
    let second = certificates.issue(&NewCertificate::new(10_000, in_session("cs_1", 2))).await?;
    assert_ne!(second.id, issued.id);
    let zero = certificates.issue(&NewCertificate::new(10_000, in_session("cs_1", 0))).await;
    assert!(matches!(zero, Err(BookingError::InvalidInput(_))), "{zero:?}");

    // The request decides, and not the row as it became.
    let booking = shop.tenant.scheduling().book(&shop.booking("10:00")).await?;
    certificates.redeem(&issued.code, booking.id, Some(1_000), None).await?;
    assert_eq!(certificates.issue(&new).await?.balance_cents, 9_000);
    let mut void = second.into_active_model();
    void.status = Set("void".into());
    let void = gift_certificates::Entity::update(void).exec(&shop.tenant).await?;
    let again = certificates.issue(&NewCertificate::new(10_000, in_session("cs_1", 2))).await;
    assert!(matches!(again, Err(BookingError::NoLongerActive { id, .. }) if id == void.id), "{again:?}");

    let bought = NewPackage { purchase: in_session("cs_1", 1), ..package(5) };
    let five = certificates.issue_package(&bought).await?;
    assert_eq!(certificates.issue_package(&bought).await?, five);
    assert!(is_reused(&certificates.issue_package(&NewPackage { sessions: 6, ..bought.clone() }).await));
    // Rows of an earlier version have no digest.
    let owner = world.owner().await?;
    owner.run("UPDATE gift_certificates SET request_digest = NULL", []).await?;
    owner.run("UPDATE packages SET request_digest = NULL", []).await?;
    assert_eq!(certificates.issue(&new).await?.id, issued.id);
    assert!(is_reused(&certificates.issue(&NewCertificate { amount_cents: 1, ..new }).await));
    assert_eq!(certificates.issue_package(&bought).await?.id, five.id);
    assert!(is_reused(&certificates.issue_package(&NewPackage { price_cents: 1, ..bought }).await));
    let other = certificates.issue(&NewCertificate::new(1, purchase())).await?;
    assert_ne!(
        other.id,
        certificates.issue(&NewCertificate::new(1, purchase())).await?.id,
        "without a session"
    );
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn concurrent_purchases_of_a_session_issue_once() -> Result<()> {
    let (_world, shop) = shop().await?;
    let attempts = (0..40).map(|n| {
        let tenant = shop.tenant.clone();
        async move {
            if n % 2 == 0 {
                let new = NewCertificate::new(10_000, in_session("cs_1", 1));
                return tenant.certificates().issue(&new).await.map(|row| row.id);
            }
            // In a transaction of the caller, which goes on.
            let transaction = tenant.begin().await?;
            let new = NewPackage { purchase: in_session("cs_1", 1), ..package(5) };
            let row = transaction.certificates().issue_package(&new).await?;
            assert_eq!(
                transaction.certificates().get_package(&row.code).await?.map(|row| row.id),
                Some(row.id)
            );
            transaction.commit().await?;
            Ok(row.id)
        }
    });
    let mut issued = join_all(attempts).await.into_iter().collect::<Result<Vec<_>, _>>()?;
    issued.sort_unstable();
    issued.dedup();
    assert_eq!(issued.len(), 2);
    assert_eq!(gift_certificates::Entity::find().count(&shop.tenant).await?, 1);
    assert_eq!(packages::Entity::find().count(&shop.tenant).await?, 1);
    Ok(())
}

#[tokio::test]
async fn a_key_redeems_once() -> Result<()> {
    let (world, shop) = shop().await?;
    let certificates = shop.tenant.certificates();
    let gift = certificates.issue(&NewCertificate::new(10_000, purchase())).await?;
    let booking = shop.tenant.scheduling().book(&shop.booking("10:00")).await?.id;
    let made = certificates.redeem(&gift.code, booking, Some(2_000), Some("k1")).await?;
    assert_eq!(certificates.redeem(&gift.code.to_lowercase(), booking, Some(2_000), Some("k1")).await?, made);
    assert!(is_reused(&certificates.redeem(&gift.code, booking, Some(2_001), Some("k1")).await));
    assert!(is_reused(&certificates.redeem(&gift.code, booking, None, Some("k1")).await));
    let rest = certificates.redeem(&gift.code, booking, None, Some("k2")).await?;
    assert_eq!(
        certificates.redeem(&gift.code, booking, None, Some("k2")).await?,
        rest,
        "though nothing is due"
    );
    assert_eq!(certificates.get(&gift.code).await?.expect("it").balance_cents, 1_000);
    shop.tenant.scheduling().cancel(booking, "").await?;
    let told = certificates.redeem(&gift.code, booking, Some(2_000), Some("k1")).await?;
    assert!(told.refunded_at.is_some(), "the redemption as it is now");
    assert_eq!(certificates.find_imbalances().await?, []);

    // The books of redemptions and bookings are checked, too.
    let owner = world.owner().await?;
    owner.run("ALTER TABLE gift_certificate_redemptions DISABLE TRIGGER USER", []).await?;
    owner
        .run("UPDATE gift_certificate_redemptions SET refunded_at = NULL WHERE amount_cents = 2000", [])
        .await?;
    let found = certificates.find_imbalances().await?;
    assert!(
        found.iter().any(|found| found.kind == ImbalanceKind::Redemption && found.issued == 2_000),
        "{found:?}"
    );
    owner.run("DELETE FROM booking_payments WHERE kind = 'refund'", []).await?;
    let found = certificates.find_imbalances().await?;
    assert!(
        found.iter().any(|found| found.kind == ImbalanceKind::Booking && found.redeemed == 9_000),
        "{found:?}"
    );
    Ok(())
}
