//! Imported history: repeated imports of thousands of rows in one statement, and unreconciled rows.

use anyhow::Result;
use chrono::{TimeDelta, Utc};
use sea_orm::{ActiveModelTrait, EntityTrait, PaginatorTrait, Set};
use serde_json::json;
use uuid::Uuid;
use watertight::BookingError;
use watertight::InvalidInput;
use watertight::entity::public::{appointments, local_bookings, payments};
use watertight::history::{
    ImportReport, ImportedAppointment, ImportedBooking, ImportedClient, ImportedPayment, PaymentStatus,
};

use crate::auth::World;

fn appointment(acuity_id: i32) -> ImportedAppointment {
    ImportedAppointment {
        acuity_id,
        client_name: format!("Client {acuity_id}"),
        client_email: Some("a@example.com".into()),
        client_phone: None,
        service: "Massage".into(),
        duration: 60,
        price_cents: 9_000,
        currency: "USD".into(),
        paid: false,
        payment_method: None,
        appointment_date: Utc::now() - TimeDelta::days(acuity_id.into()),
        notes: None,
    }
}

pub(crate) fn payment(reference: &str, acuity_id: Option<i32>) -> ImportedPayment {
    ImportedPayment {
        acuity_id,
        amount_cents: 9_000,
        currency: "USD".into(),
        processor: "stripe".into(),
        processor_ref: reference.into(),
        status: PaymentStatus::Paid,
        metadata: Some(json!({"card": "4242"})),
    }
}

pub(crate) fn booking(id: &str) -> ImportedBooking {
    ImportedBooking {
        acuity_appointment_id: id.into(),
        service_id: "s1".into(),
        service_name: "Massage".into(),
        provider_id: None,
        provider_name: None,
        datetime: Utc::now(),
        duration: 60,
        client: ImportedClient {
            first_name: "Ann".into(),
            last_name: "Doe".into(),
            email: "a@b.c".into(),
            phone: None,
        },
        payment_method: "card".into(),
        payment_transaction_id: None,
        amount_cents: 9_000,
        currency: "USD".into(),
        payment_status: PaymentStatus::Paid,
    }
}

#[tokio::test]
async fn thousands_of_rows_are_imported_in_one_statement_repeatedly() -> Result<()> {
    let world = World::new().await?;
    let history = world.clinic.history();
    let rows: Vec<_> = (1..=5_000).map(appointment).collect();
    let before = world.water.rewrite_metrics();
    assert_eq!(history.import_appointments(&rows).await?, ImportReport::new(5_000, 0));
    let after = world.water.rewrite_metrics();
    assert_eq!(after.hits + after.misses - before.hits - before.misses, 1);

    let again: Vec<_> =
        (4_001..=6_000).map(|id| ImportedAppointment { paid: true, ..appointment(id) }).collect();
    assert_eq!(history.import_appointments(&again).await?, ImportReport::new(1_000, 1_000));
    assert_eq!(appointments::Entity::find().count(&world.clinic).await?, 6_000);
    assert_eq!(
        world.studio.history().import_appointments(&rows[..10]).await?.inserted,
        10,
        "another tenant's ids"
    );
    assert_eq!(history.import_appointments(&[]).await?, ImportReport::default());
    Ok(())
}

#[tokio::test]
async fn payments_find_their_appointments_and_bookings_are_reconciled() -> Result<()> {
    let world = World::new().await?;
    let history = world.clinic.history();
    history.import_appointments(&[appointment(1)]).await?;
    world.studio.history().import_appointments(&[appointment(2)]).await?;
    let rows = [payment("a", Some(1)), payment("b", Some(2)), payment("c", None)];
    assert_eq!(history.import_payments(&rows).await?.inserted, 3);
    let paid = payments::Entity::find().all(&world.clinic).await?;
    let linked = |reference: &str| {
        paid.iter().find(|row| row.processor_ref == reference).and_then(|row| row.appointment_id).is_some()
    };
    assert!(linked("a") && !linked("b") && !linked("c"), "another tenant's appointment is not found");
    let refunded = ImportedPayment { status: PaymentStatus::Refunded, ..payment("a", Some(1)) };
    assert_eq!(history.import_payments(&[refunded]).await?.updated, 1);

    assert_eq!(history.import_bookings(&[booking("x"), booking("y")]).await?.inserted, 2);
    assert_eq!(history.import_bookings(&[booking("y")]).await?.updated, 1);
    assert!(history.get_unreconciled().await?.is_empty());
    Ok(())
}

#[tokio::test]
async fn invalid_rows_are_refused_before_anything_is_written() -> Result<()> {
    let world = World::new().await?;
    let history = world.clinic.history();
    for bad in [
        ImportedAppointment { client_name: "x".repeat(256), ..appointment(2) },
        ImportedAppointment { price_cents: u32::MAX, ..appointment(2) },
        ImportedAppointment { notes: Some("\0".into()), ..appointment(2) },
        ImportedAppointment { currency: "usd".into(), ..appointment(2) },
        appointment(1),
    ] {
        let refused = history.import_appointments(&[appointment(1), bad.clone()]).await;
        assert!(matches!(refused, Err(BookingError::InvalidInput(InvalidInput { .. }))), "{bad:?}");
    }
    let currency = ImportedPayment { currency: "usd".into(), ..payment("a", None) };
    assert!(matches!(
        history.import_payments(&[currency]).await,
        Err(BookingError::InvalidInput(InvalidInput { .. }))
    ));
    assert_eq!(appointments::Entity::find().count(&world.clinic).await?, 0);
    Ok(())
}

#[tokio::test]
async fn a_local_booking_is_reconciled_once() -> Result<()> {
    let world = World::new().await?;
    let history = world.clinic.history();
    let local = local_bookings::ActiveModel {
        service_id: Set("s1".into()),
        service_name: Set("Massage".into()),
        datetime: Set(Utc::now().into()),
        duration: Set(60),
        client: Set(json!({"firstName": "Ann", "lastName": "Doe", "email": "a@b.c"})),
        payment_method: Set("card".into()),
        amount_cents: Set(9_000),
        ..Default::default()
    };
    let local = local.insert(&world.clinic).await?;
    assert_eq!(history.get_unreconciled().await?.len(), 1);
    assert_eq!(history.mark_reconciliation_failed(local.id).await?.reconciliation_status, "failed");
    assert_eq!(history.get_unreconciled().await?.len(), 1, "it can still be");
    let done = history.reconcile(local.id, "acuity-7").await?;
    assert!(done.reconciled_at.is_some() && done.acuity_appointment_id.as_deref() == Some("acuity-7"));
    assert!(history.get_unreconciled().await?.is_empty());
    assert_eq!(history.reconcile(local.id, "acuity-7").await?, done, "a repeat changes nothing");
    let mut other = sea_orm::IntoActiveModel::into_active_model(local.clone());
    other.id = Set(Uuid::new_v4());
    let other = other.insert(&world.clinic).await?;
    assert!(matches!(
        history.reconcile(other.id, "acuity-7").await,
        Err(BookingError::IdentityReused { what: "local booking", .. })
    ));
    assert!(matches!(
        history.reconcile(local.id, "acuity-8").await,
        Err(BookingError::InvalidTransition { .. })
    ));
    assert!(matches!(
        history.mark_reconciliation_failed(local.id).await,
        Err(BookingError::InvalidTransition { .. })
    ));
    assert!(matches!(
        history.reconcile(Uuid::new_v4(), "acuity-8").await,
        Err(BookingError::NotFound { .. })
    ));
    Ok(())
}

/// Imports of the same rows in opposite orders wait for one another, and none fails.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn concurrent_imports_in_any_order_succeed() -> Result<()> {
    let world = World::new().await?;
    let history = world.clinic.history();
    let forward: Vec<_> = (1..=400).map(appointment).collect();
    let backward: Vec<_> = (1..=400).rev().map(appointment).collect();
    history.import_appointments(&forward).await?;
    for _ in 0..10 {
        let (one, other) =
            tokio::join!(history.import_appointments(&forward), history.import_appointments(&backward));
        assert_eq!((one?, other?), (ImportReport::new(0, 400), ImportReport::new(0, 400)));
    }
    Ok(())
}
