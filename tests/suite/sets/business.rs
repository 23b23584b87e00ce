//! The operations of auth and of a booking business, on moved tables.

use anyhow::Result;
use sea_orm::{EntityTrait, PaginatorTrait};
use watertight::auth::{AuditFilter, NewInvitation, Role};
use watertight::certificates::{NewCertificate, Purchase};
use watertight::entity::public::appointments;
use watertight::history::ImportedAppointment;
use watertight::scheduling::{Hold, SlotQuery};
use watertight::{Builder, TableSet, TableSets};
use watertight_tests::TestDatabase;

use super::{Moved, builder, examine, move_tables};
use crate::auth::{PASSWORD, enroll, request, user, with_code};
use crate::scheduling::{Shop, at};

#[tokio::test]
async fn the_doctor_accepts_moved_tables() -> Result<()> {
    let database = TestDatabase::create().await?;
    let before = examine(&database, Builder::default()).await?;
    assert!(before.is_sound(), "{before}");
    move_tables(&database).await?;
    let after = examine(&database, builder()).await?;
    let kinds = |report: &watertight::doctor::Report| {
        report.findings.iter().map(|finding| (finding.severity, finding.check)).collect::<Vec<_>>()
    };
    assert_eq!(kinds(&after), kinds(&before), "{after}");
    assert_eq!(after.tenant_tables, 26);
    // A builder without the schemas does not find the tables.
    let lost = examine(&database, Builder::default()).await?;
    assert!(lost.require_sound().is_err());
    let drop = "ALTER TABLE identity.users DROP CONSTRAINT users_email_key";
    sea_orm::ConnectionTrait::execute_unprepared(&database.owner().await?, drop).await?;
    let lacking = examine(&database, builder()).await?;
    let remedies: Vec<&str> =
        lacking.of(watertight::doctor::Check::MissingIndex).map(|f| f.remedy.as_str()).collect();
    assert!(
        remedies
            .iter()
            .any(|remedy| remedy.contains(r#""identity"."users" ADD CONSTRAINT "users_email_key""#)),
        "{lacking}"
    );
    Ok(())
}

#[tokio::test]
async fn users_log_in_and_are_invited() -> Result<()> {
    let moved = Moved::new().await?;
    let auth = moved.clinic.auth();
    let jess = user(&moved.clinic, "jess").await?;
    let login = auth.login(request("jess", PASSWORD)).await?;
    assert!(auth.authenticate(login.token.expose_secret()).await?.is_some());
    assert!(moved.spa.auth().authenticate(login.token.expose_secret()).await?.is_none());
    assert!(moved.spa.auth().login(request("jess", PASSWORD)).await.is_err());
    let (_, codes) = enroll(&moved.clinic, "jess").await?;
    assert!(auth.login(with_code("jess", "000000")).await.is_err());
    assert!(!codes.is_empty());
    let invited = NewInvitation::new("kim@example.com".parse()?, Role::Viewer, jess.id);
    auth.invitations().create(invited).await?;
    assert_eq!(auth.invitations().all_pending().await?.len(), 1);
    assert!(moved.spa.auth().invitations().all_pending().await?.is_empty());
    assert_eq!(auth.sessions().end_all_of(jess.id).await?, 1, "enrolling ended the other");
    assert!(!auth.audit().page(&AuditFilter::default()).await?.events.is_empty());
    assert!(moved.spa.auth().users().all().await?.is_empty());
    Ok(())
}

#[tokio::test]
async fn bookings_are_held_made_paid_and_refunded() -> Result<()> {
    let moved = Moved::new().await?;
    let shop = Shop::open(moved.clinic.clone(), &["maya"]).await?;
    let scheduling = shop.tenant.scheduling();
    let maya = shop.practitioners[0].id;
    let query = SlotQuery::new(shop.service.id, at("09:00").date_naive(), at("09:00").date_naive());
    let free = scheduling.free_slots(&query).await?.len();
    shop.tenant.content().save_override(at("09:00").date_naive(), None, None).await?;
    assert!(scheduling.free_slots(&query).await?.is_empty());
    assert!(shop.tenant.content().delete_override(at("09:00").date_naive()).await?);
    let hold = scheduling.hold(&Hold::new(shop.service.id, Some(maya), at("10:00"))).await?;
    assert!(scheduling.free_slots(&query).await?.len() < free);
    let mut new = shop.booking("10:00");
    new.hold = Some(hold.id);
    let booking = scheduling.book(&new).await?;
    let certificates = shop.tenant.certificates();
    let issued = certificates
        .issue(&NewCertificate::new(10_000, Purchase::new("O".into(), "o@example.com".parse()?)))
        .await?;
    certificates.redeem(&issued.code, booking.id, None, None).await?;
    let cancelled = scheduling.cancel(booking.id, "ill").await?;
    assert_eq!(cancelled.payment_status, "refunded");
    assert_eq!(certificates.get(&issued.code).await?.map(|it| it.balance_cents), Some(10_000));
    assert!(certificates.find_imbalances().await?.is_empty());
    assert!(moved.spa.scheduling().get_booking(booking.id).await?.is_none());
    assert!(moved.spa.certificates().get(&issued.code).await?.is_none());
    Ok(())
}

#[tokio::test]
async fn history_is_imported_into_a_schema_that_has_to_be_quoted() -> Result<()> {
    let moved = Moved::new().await?;
    let appointment = ImportedAppointment {
        acuity_id: 7,
        client_name: "Henry Walsh".into(),
        client_email: None,
        client_phone: None,
        service: "Massage".into(),
        duration: 60,
        price_cents: 9_000,
        currency: "USD".into(),
        paid: true,
        payment_method: Some("card".into()),
        appointment_date: at("10:00"),
        notes: None,
    };
    for expected in [(1, 0), (0, 1)] {
        let done = moved.clinic.history().import_appointments(std::slice::from_ref(&appointment)).await?;
        assert_eq!((done.inserted, done.updated), expected);
    }
    assert_eq!(appointments::Entity::find().count(&moved.clinic).await?, 1);
    assert_eq!(appointments::Entity::find().count(&moved.spa).await?, 0);
    Ok(())
}

/// Without the tables of certificates a cancellation has nothing to refund, and does not query them.
#[tokio::test]
async fn a_booking_is_cancelled_where_there_are_no_certificates() -> Result<()> {
    let sets = TableSets::none().with(TableSet::Booking).in_schema(TableSet::Booking, "studio");
    let moved = Moved::with(TestDatabase::create().await?, Builder::default().table_sets(sets)).await?;
    let drop = "DROP TABLE studio.gift_certificate_redemptions, studio.packages, studio.gift_certificates";
    sea_orm::ConnectionTrait::execute_unprepared(&moved.database.owner().await?, drop).await?;
    let shop = Shop::open(moved.clinic.clone(), &["maya"]).await?;
    let booking = shop.tenant.scheduling().book(&shop.booking("10:00")).await?;
    assert_eq!(shop.tenant.scheduling().cancel(booking.id, "ill").await?.status, "cancelled");
    assert!(shop.tenant.certificates().find_imbalances().await.is_err());
    Ok(())
}
