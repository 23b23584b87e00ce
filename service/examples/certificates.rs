//! Pays for a booking with a gift certificate, which gets its money back on cancellation. Run it with
//! `cargo run --example certificates` on a migrated database.

use chrono::{Days, NaiveTime, Utc};
use watertight::certificates::{NewCertificate, Purchase};
use watertight::content::{NewService, Profile};
use watertight::scheduling::{NewBooking, NewClient};
use watertight::{TenantId, Watertight};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let water = Watertight::connect_from_env().await?;
    let tenant = water.tenant(TenantId::new(uuid::Uuid::new_v4())?);
    tenant.content().save_profile(&Profile::new("Studio", "+1 607 555 0188", chrono_tz::Tz::UTC)).await?;
    let yoga = tenant.content().create_service(NewService::new("Private yoga", 60, 8_000)).await?;
    let noah = NewClient::new("Noah", "Kim", "noah@example.com".parse()?);
    let noah = tenant.scheduling().save_client(&noah).await?;
    let start = (Utc::now().date_naive() + Days::new(7)).and_time(NaiveTime::MIN).and_utc();
    let visit = NewBooking { outside_hours: true, ..NewBooking::new(yoga.id, None, noah.id, start) };
    let visit = tenant.scheduling().book(&visit).await?;

    let certificates = tenant.certificates();
    let purchase = Purchase::new("Olivia Hart".into(), "olivia@example.com".parse()?);
    let gift = certificates.issue(&NewCertificate::new(10_000, purchase)).await?;
    certificates.redeem(&gift.code.to_lowercase(), visit.id, Some(3_000), None).await?;
    certificates.redeem(&gift.code, visit.id, None, None).await?;
    let left = certificates.get(&gift.code).await?.map(|gift| gift.balance_cents);
    assert_eq!(left, Some(2_000));

    tenant.scheduling().cancel(visit.id, "moved away").await?;
    let left = certificates.get(&gift.code).await?.map(|gift| gift.balance_cents);
    assert_eq!(left, Some(10_000));
    assert!(certificates.find_imbalances().await?.is_empty());
    Ok(())
}
