//! After an adoption the database has the schema of the migrations, and all rows.

use anyhow::Result;
use sea_orm::{ConnectOptions, ConnectionTrait, Database};
use sea_orm_migration::MigratorTrait;
use watertight_migration::Migrator;
use watertight_migration::adopt::AdoptionError;
use watertight_tests::TestDatabase;

use super::values::{Values, assert_carried};
use super::{adoption, listing, original, plant, texts, with_rows};

async fn fresh() -> Result<Vec<String>> {
    let fresh = TestDatabase::create().await?;
    listing::catalog(&fresh.owner().await?).await
}

#[tokio::test]
async fn the_schema_is_that_of_a_fresh_migration() -> Result<()> {
    let (_database, owner) = with_rows().await?;
    adoption().run(&owner).await?;
    listing::assert_same(&listing::catalog(&owner).await?, &fresh().await?);
    Ok(())
}

#[tokio::test]
async fn every_row_keeps_its_values_in_any_session_time_zone() -> Result<()> {
    for zone in ["UTC", "America/New_York", "Asia/Kathmandu"] {
        let (database, _) = with_rows().await?;
        let mut options = ConnectOptions::new(database.owner_url());
        options.max_connections(1);
        let owner = Database::connect(options).await?;
        owner.execute_unprepared(&format!("SET timezone TO '{zone}'")).await?;
        assert_eq!(texts(&owner, "SELECT current_setting('timezone')").await?, [zone]);
        let before = Values::of_the_original(&owner).await?;
        let report = adoption().run(&owner).await?;
        assert_carried(&before, &Values::adopted(&owner).await?);
        assert_eq!(report.tables.iter().map(|table| table.rows).sum::<u64>(), before.rows);
        assert_eq!(report.tables.len(), 24);
    }
    Ok(())
}

#[tokio::test]
async fn converted_columns_have_the_expected_values() -> Result<()> {
    let (_database, owner) = with_rows().await?;
    adoption().run(&owner).await?;
    let after = Values::adopted(&owner).await?;
    let clinic = |end: &str| format!("{}/c0000000-0000-4000-8000-{end:0>12}", super::CLINIC);
    for (table, key, column, expected) in [
        ("auth.users", clinic("1"), "handle", "jess"),
        ("auth.users", clinic("1"), "email", "jess@example.com"),
        ("auth.users", clinic("1"), "created_at", "2024-11-03T01:30:00.123456+00:00"),
        ("auth.users", clinic("1"), "updated_at", "2024-11-03T06:30:00+00:00"),
        ("auth.invitations", clinic("21"), "email", "new@example.com"),
        ("public.practitioners", clinic("41"), "handle", "kim"),
        ("public.clients", clinic("51"), "email", "ann@example.com"),
        ("public.bookings", clinic("61"), "confirmation_code", "ABCD2345"),
        ("public.bookings", clinic("62"), "confirmation_code", "BK-OLD-1"),
        // They were redeemed in full.
        ("public.bookings", clinic("61"), "payment_status", "paid"),
        ("public.bookings", clinic("62"), "paid_cents", "9000"),
        ("public.bookings", clinic("63"), "payment_status", "pending"),
        ("public.gift_certificates", clinic("81"), "code", "CERT-ABCD-2345"),
        ("public.gift_certificates", clinic("82"), "code", "GC-2024-7"),
        ("public.slot_reservations", clinic("71"), "end_time", "2025-11-02T07:00:00+00:00"),
        ("public.slot_reservations", clinic("71"), "released_at", "2025-11-02T05:00:00+00:00"),
        ("public.business_profile", format!("{}/", super::CLINIC), "time_zone", "America/New_York"),
        (
            "auth.totp_secrets",
            format!("{}/mona", super::CLINIC),
            "user_id",
            "c0000000-0000-4000-8000-000000000002",
        ),
    ] {
        assert_eq!(after.get(table, &key, column), Some(expected), "{table} {key} {column}");
    }
    for (table, key, column) in [
        ("auth.sessions", clinic("11"), "temp_totp_secret"),
        ("auth.sessions", clinic("11"), "temp_totp_expires_at"),
        ("auth.invitations", clinic("21"), "temporary_totp_secret"),
        ("auth.totp_secrets", format!("{}/jess", super::CLINIC), "last_used_step"),
        ("public.slot_reservations", clinic("72"), "released_at"),
    ] {
        assert_eq!(after.get(table, &key, column), None, "{table} {key} {column}");
    }
    let entries =
        "SELECT concat_ws(' ', kind, method, amount_cents, currency) FROM booking_payments ORDER BY method";
    owner.execute_unprepared("ALTER TABLE public.booking_payments NO FORCE ROW LEVEL SECURITY").await?;
    assert_eq!(
        texts(&owner, entries).await?,
        ["payment gift_certificate 9000 USD", "payment package 9000 USD"]
    );
    Ok(())
}

#[tokio::test]
async fn audit_events_get_identities_that_can_be_computed_and_stay_in_order() -> Result<()> {
    let (_database, owner) = with_rows().await?;
    adoption().run(&owner).await?;
    owner.execute_unprepared("ALTER TABLE auth.audit_events NO FORCE ROW LEVEL SECURITY").await?;
    let ids = texts(&owner, "SELECT id::text FROM auth.audit_events ORDER BY timestamp").await?;
    let mut sorted = ids.clone();
    sorted.sort();
    assert_eq!(ids, sorted);
    for id in &ids {
        let id: uuid::Uuid = id.parse()?;
        assert_eq!((id.get_version_num(), id.get_variant()), (7, uuid::Variant::RFC4122));
    }
    let id: uuid::Uuid = ids[0].parse()?;
    assert_eq!(id.get_timestamp().map(|time| time.to_unix()), Some((1_700_000_000, 0)));
    let hash = texts(&owner, &format!("SELECT md5('{}:evt_1700000000000_abc123')", super::CLINIC)).await?;
    let hex = ids[0].replace('-', "");
    assert_eq!((&hex[13..16], &hex[17..]), (&hash[0][..3], &hash[0][4..19]));
    Ok(())
}

#[tokio::test]
async fn nothing_is_left_to_migrate() -> Result<()> {
    let (_database, owner) = with_rows().await?;
    let report = adoption().run(&owner).await?;
    assert_eq!(report.migrations.len(), Migrator::migrations().len());
    assert!(Migrator::get_pending_migrations(&owner).await?.is_empty());
    let before = listing::everything(&owner).await?;
    Migrator::up(&owner, None).await?;
    listing::assert_same(&listing::everything(&owner).await?, &before);
    // Rolling back and migrating again fails if an object is unknown to the migrations.
    Migrator::refresh(&owner).await?;
    listing::assert_same(&listing::catalog(&owner).await?, &fresh().await?);
    Ok(())
}

#[tokio::test]
async fn a_database_without_booking_tables_gets_them_empty() -> Result<()> {
    let (_database, owner) = with_rows().await?;
    owner
        .execute_unprepared(
            "DO $$ DECLARE t record; BEGIN FOR t IN SELECT oid::regclass AS name FROM pg_class \
             WHERE relnamespace = 'public'::regnamespace AND relkind = 'r' LOOP \
             EXECUTE format('DROP TABLE %s CASCADE', t.name); END LOOP; END $$",
        )
        .await?;
    let report = adoption().run(&owner).await?;
    assert_eq!(report.tables.len(), 6);
    listing::assert_same(&listing::catalog(&owner).await?, &fresh().await?);
    Ok(())
}

#[tokio::test]
async fn an_empty_database_of_the_original_is_adopted_without_a_time_zone() -> Result<()> {
    let (_database, owner) = original().await?;
    let settings = watertight_migration::Settings::from_env();
    watertight_migration::adopt::Adoption::new(settings).run(&owner).await?;
    listing::assert_same(&listing::catalog(&owner).await?, &fresh().await?);
    Ok(())
}

#[tokio::test]
async fn forced_row_level_security_of_the_original_hides_no_row() -> Result<()> {
    let (_database, owner) = with_rows().await?;
    let before = Values::of_the_original(&owner).await?;
    plant(
        &owner,
        "ALTER TABLE auth.users ENABLE ROW LEVEL SECURITY; ALTER TABLE auth.users FORCE ROW LEVEL SECURITY; \
         CREATE POLICY own ON auth.users USING (tenant_id = current_setting('app.tenant_id')::uuid); \
         ALTER TABLE public.clients ENABLE ROW LEVEL SECURITY",
    )
    .await?;
    let there = listing::catalog(&owner).await?;
    let plan = adoption().plan(&owner).await?;
    assert!(plan.problems().is_empty(), "{plan}");
    listing::assert_same(&listing::catalog(&owner).await?, &there);
    adoption().run(&owner).await?;
    assert_carried(&before, &Values::adopted(&owner).await?);
    listing::assert_same(&listing::catalog(&owner).await?, &fresh().await?);
    Ok(())
}

#[tokio::test]
async fn of_two_adoptions_at_once_the_second_finds_nothing_to_adopt() -> Result<()> {
    let (database, owner) = with_rows().await?;
    let other = database.owner().await?;
    let (first, second) = (adoption(), adoption());
    let (first, second) = tokio::join!(first.run(&owner), second.run(&other));
    let (done, refused) = if first.is_ok() { (first, second) } else { (second, first) };
    assert_eq!(done?.tables.len(), 24);
    assert!(matches!(refused, Err(AdoptionError::AlreadyMigrated { .. })), "{refused:?}");
    Ok(())
}
