//! Imports the appointments of an earlier system, twice. Run it with `cargo run --example history` on a migrated
//! database.

use chrono::{TimeDelta, Utc};
use watertight::history::{ImportReport, ImportedAppointment};
use watertight::{TenantId, Watertight};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let water = Watertight::connect_from_env().await?;
    let tenant = water.tenant(TenantId::new(uuid::Uuid::new_v4())?);
    let appointment = |acuity_id| ImportedAppointment {
        acuity_id,
        client_name: "Henry Walsh".into(),
        client_email: None,
        client_phone: None,
        service: "Massage".into(),
        duration: 60,
        price_cents: 9_000,
        currency: "USD".into(),
        paid: true,
        payment_method: Some("card".into()),
        appointment_date: Utc::now() - TimeDelta::days(acuity_id.into()),
        notes: None,
    };
    let rows: Vec<_> = (1..=2_000).map(appointment).collect();
    let first = tenant.history().import_appointments(&rows).await?;
    let second = tenant.history().import_appointments(&rows).await?;
    assert_eq!(first, ImportReport::new(2_000, 0));
    assert_eq!(second, ImportReport::new(0, 2_000));
    Ok(())
}
