//! Finds a slot, holds it and books it. A later booking of the same slot is refused. Run it with
//! `cargo run --example scheduling` on a migrated database.

use chrono::{Days, NaiveTime, Utc};
use watertight::BookingError;
use watertight::content::{NewService, OpeningHours, Profile};
use watertight::scheduling::{Hold, NewBooking, NewClient, SlotQuery};
use watertight::{TenantId, Watertight};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let water = Watertight::connect_from_env().await?;
    let tenant = water.tenant(TenantId::new(uuid::Uuid::new_v4())?);
    let (content, scheduling) = (tenant.content(), tenant.scheduling());

    content.save_profile(&Profile::new("Studio", "+1 607 555 0188", chrono_tz::Tz::Europe__Berlin)).await?;
    let yoga = content.create_service(NewService::new("Private yoga", 60, 8_000)).await?;
    let hour = |hour| NaiveTime::from_hms_opt(hour, 0, 0).unwrap_or_default();
    let daily =
        (0..7).map(|day_of_week| OpeningHours { day_of_week, opens: hour(9), closes: hour(12), label: None });
    content.save_hours(&daily.collect::<Vec<_>>()).await?;
    let olivia = NewClient::new("Olivia", "Hart", "olivia@example.com".parse()?);
    let olivia = scheduling.save_client(&olivia).await?;

    let tomorrow = Utc::now().date_naive() + Days::new(1);
    let query = SlotQuery::new(yoga.id, tomorrow, tomorrow + Days::new(6));
    let slots = scheduling.free_slots(&query).await?;
    let slot = slots.first().ok_or("nothing is free")?;

    // The hold keeps the slot while the client pays. The key makes it safe to send the booking twice.
    let hold = scheduling.hold(&Hold::new(yoga.id, slot.practitioner, slot.start)).await?;
    let booking = NewBooking {
        hold: Some(hold.id),
        idempotency_key: Some("checkout-17".into()),
        ..NewBooking::new(yoga.id, slot.practitioner, olivia.id, slot.start)
    };
    let booked = scheduling.book(&booking).await?;
    assert_eq!(scheduling.book(&booking).await?.confirmation_code, booked.confirmation_code);

    let late = NewBooking::new(yoga.id, slot.practitioner, olivia.id, slot.start);
    assert!(matches!(scheduling.book(&late).await, Err(BookingError::SlotTaken { .. })));
    assert!(!scheduling.free_slots(&query).await?.contains(slot));
    scheduling.cancel(booked.id, "caught a cold").await?;
    assert!(scheduling.free_slots(&query).await?.contains(slot));
    Ok(())
}
