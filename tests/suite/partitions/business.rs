//! Business goes on: who signs in, who books, what maintenance does, and what no tenant sees of another.

use anyhow::{Context, Result};
use futures_util::future::join_all;
use sea_orm::{
    ConnectionTrait, Database, DbBackend, EntityTrait, PaginatorTrait, Statement, TransactionSession,
    TransactionTrait,
};
use serde_json::Value as Json;
use watertight::entity::auth::{audit_events, sessions};
use watertight::entity::public::bookings;
use watertight::maintenance::Purge;
use watertight::scheduling::{NewBooking, Reschedule};
use watertight::{Error, Layers, TenantConnection, Watertight};
use watertight_tests::new_tenant;

use super::{BIG, divide, divided, many_tenants, rows, texts};
use crate::auth::{PASSWORD, World, request, settings, trail, user};
use crate::maintenance::Estate;
use crate::scheduling::{Shop, at};

async fn world() -> Result<World> {
    let database = divided().await?;
    let water = database.water_with(Watertight::builder().auth(settings()).examined()).await?;
    let (clinic, studio) = (water.tenant(new_tenant()?), water.tenant(new_tenant()?));
    Ok(World { database, water, clinic, studio })
}

#[tokio::test]
async fn users_sign_in_and_out_and_the_trail_tells_it() -> Result<()> {
    let world = world().await?;
    let jess = user(&world.clinic, "jess").await?;
    user(&world.studio, "jess").await?;
    let auth = world.clinic.auth();
    let login = auth.login(request("jess", PASSWORD)).await?;
    let cookie = login.token.expose_secret().to_owned();
    assert!(auth.authenticate(&cookie).await?.is_some());
    assert!(world.studio.auth().authenticate(&cookie).await?.is_none());
    assert!(auth.renew_session(login.session.id).await?.is_some());
    assert_eq!(auth.get_sessions_by_user(jess.id).await?.len(), 1);
    let nobody =
        auth.create_session(uuid::Uuid::new_v4(), &watertight::auth::SessionMetadata::default()).await;
    assert!(matches!(nobody, Err(Error::UserNotFound { .. })), "{nobody:?}");
    assert!(auth.delete_session(login.session.id).await?);
    assert!(auth.authenticate(&cookie).await?.is_none());
    assert!(!trail(&world.clinic).await?.is_empty());
    assert!(trail(&world.studio).await?.is_empty());
    // What belongs to a user goes with the user.
    auth.login(request("jess", PASSWORD)).await?;
    auth.delete_user(jess.id).await?;
    assert_eq!(sessions::Entity::find().count(&world.clinic).await?, 0);
    Ok(())
}

#[tokio::test]
async fn bookings_are_made_moved_and_called_off_and_none_overlaps() -> Result<()> {
    let world = world().await?;
    let shop = Shop::open(world.clinic.clone(), &["maya"]).await?;
    let elsewhere = Shop::open(world.studio.clone(), &["maya"]).await?;
    let scheduling = shop.tenant.scheduling();
    let first = scheduling.book(&shop.booking("10:00")).await?;
    assert!(matches!(scheduling.book(&shop.booking("10:30")).await, Err(Error::SlotTaken { .. })));
    elsewhere.tenant.scheduling().book(&elsewhere.booking("10:30")).await?;
    let second = scheduling.book(&shop.booking("11:00")).await?;
    let moved = scheduling.reschedule(second.id, Reschedule::to(at("10:30"))).await;
    assert!(matches!(moved, Err(Error::SlotTaken { .. })), "{moved:?}");
    scheduling.reschedule(second.id, Reschedule::to(at("14:00"))).await?;
    scheduling.cancel(first.id, "").await?;
    scheduling.book(&shop.booking("10:00")).await?;
    // The database keeps them apart by itself, and its error is told as before.
    scheduling.reschedule(second.id, Reschedule::to(at("15:00"))).await?;
    let keyed = NewBooking { idempotency_key: Some("k".into()), ..shop.booking("12:00") };
    let booked = scheduling.book(&keyed).await?;
    assert_eq!(scheduling.book(&keyed).await?.id, booked.id);
    let other = NewBooking { idempotency_key: Some("k".into()), ..shop.booking("13:00") };
    assert!(matches!(scheduling.book(&other).await, Err(Error::IdempotencyKeyReused { .. })));
    Ok(())
}

/// A booking as a program writes it that takes no practitioner's lock.
fn written(shop: &Shop, code: &str) -> String {
    format!(
        "INSERT INTO public.bookings (confirmation_code, service_id, practitioner_id, client_id, datetime, end_time, \
         duration, amount_cents) VALUES ('{code}', '{}', '{}', '{}', '2098-03-03 10:00Z', '2098-03-03 11:00Z', 60, 1)",
        shop.service.id, shop.practitioners[0].id, shop.client.id,
    )
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_two_who_write_the_same_time_at_once_one_waits_for_the_other() -> Result<()> {
    let world = world().await?;
    let shop = Shop::open(world.clinic.clone(), &["maya"]).await?;
    let other = Shop::open(world.studio.clone(), &["maya"]).await?;
    for commits in [false, true] {
        let first = shop.tenant.begin().await?;
        first.execute_unprepared(&written(&shop, "FIRST")).await?;
        let (tenant, sql) = (shop.tenant.clone(), written(&shop, "SECOND"));
        let second = tokio::spawn(async move {
            let transaction = tenant.begin().await?;
            transaction.execute_unprepared(&sql).await?;
            transaction.rollback().await
        });
        // Another tenant waits for nobody.
        let elsewhere = other.tenant.begin().await?;
        elsewhere.execute_unprepared(&written(&other, "FIRST")).await?;
        elsewhere.rollback().await?;
        tokio::time::sleep(std::time::Duration::from_millis(200)).await;
        assert!(!second.is_finished());
        if commits {
            first.commit().await?;
        } else {
            first.rollback().await?;
        }
        match second.await? {
            Ok(()) => assert!(!commits),
            Err(error) => {
                assert!(commits && error.to_string().contains("bookings_overlap_excl_p"), "{error}");
            }
        }
    }
    assert_eq!(bookings::Entity::find().count(&shop.tenant).await?, 1);
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_many_who_book_the_same_time_at_once_one_wins() -> Result<()> {
    let world = world().await?;
    let shop = Shop::open(world.clinic.clone(), &["maya"]).await?;
    let elsewhere = world.clinic_elsewhere().await?;
    let attempts = (0..60).map(|n| {
        let tenant = if n % 2 == 0 { shop.tenant.clone() } else { elsewhere.clone() };
        let new = shop.booking(["10:00", "10:30", "09:30"][n % 3]);
        async move { tenant.scheduling().book(&new).await }
    });
    let outcomes = join_all(attempts).await;
    assert!((1..=2).contains(&outcomes.iter().filter(|outcome| outcome.is_ok()).count()));
    for error in outcomes.iter().filter_map(|outcome| outcome.as_ref().err()) {
        assert!(matches!(error, Error::SlotTaken { .. }), "{error:?}");
    }
    Ok(())
}

/// The tables that a plan reads.
fn read(plan: &Json, found: &mut Vec<String>) {
    found.extend(plan.get("Relation Name").and_then(Json::as_str).map(str::to_owned));
    plan.get("Plans").and_then(Json::as_array).into_iter().flatten().for_each(|inner| read(inner, found));
}

async fn tables_read(tenant: &TenantConnection, sql: &str) -> Result<Vec<String>> {
    let explain = Statement::from_string(DbBackend::Postgres, format!("EXPLAIN (FORMAT JSON) {sql}"));
    let plans: Json = tenant.query_one_raw(explain).await?.context("a plan")?.try_get_by_index(0)?;
    let mut found = Vec::new();
    read(&plans[0]["Plan"], &mut found);
    Ok(found)
}

#[tokio::test]
async fn a_tenants_statement_reads_one_partition() -> Result<()> {
    let database = divided().await?;
    many_tenants(&database.owner().await?, 40).await?;
    // Row-level security alone prunes, and so does the guard that the rewriter writes.
    let water = database.water_with(Watertight::builder().layers(Layers::UnscopedRowSecurityOnly)).await?;
    let tenant = water.tenant(new_tenant()?);
    for guard in [String::new(), format!("AND tenant_id = '{}'", tenant.tenant_id())] {
        for sql in [
            format!("SELECT * FROM auth.sessions WHERE expires_at < now() {guard}"),
            format!(
                "SELECT * FROM auth.audit_events WHERE severity = 'info' {guard} ORDER BY timestamp DESC"
            ),
            format!("UPDATE public.bookings SET notes = 'x' WHERE status = 'confirmed' {guard}"),
            format!("DELETE FROM auth.sessions WHERE expires_at < now() {guard}"),
        ] {
            let mut found = tables_read(&tenant, &sql).await?;
            found.retain(|table| table.contains("_p"));
            found.dedup();
            assert_eq!(found.len(), 1, "{sql}: {found:?}");
        }
    }
    Ok(())
}

#[tokio::test]
async fn no_tenant_sees_another_through_the_table_or_a_partition() -> Result<()> {
    let world = world().await?;
    let owner = world.database.owner().await?;
    many_tenants(&owner, 40).await?;
    user(&world.clinic, "jess").await?;
    world.clinic.auth().login(request("jess", PASSWORD)).await?;
    let own = trail(&world.clinic).await?.len() as u64;
    assert_eq!(audit_events::Entity::find().count(&world.clinic).await?, own);
    assert_eq!(sessions::Entity::find().count(&world.clinic).await?, 1);
    assert_eq!(
        texts(&owner, "SELECT count(*)::text FROM auth.sessions").await?,
        ["0"],
        "the owner is bound, too"
    );

    let app = Database::connect(world.database.app_url()).await?;
    for number in 0..8 {
        for table in BIG {
            for sql in [
                format!("SELECT FROM {table}_p{number}"),
                format!("DELETE FROM {table}_p{number}"),
                format!("INSERT INTO {table}_p{number} DEFAULT VALUES"),
            ] {
                let error = app.execute_unprepared(&sql).await.expect_err(&sql).to_string();
                assert!(error.contains("permission denied"), "{sql}: {error}");
            }
            let named = format!("SELECT count(*) FROM {table}_p{number}");
            let refused = world.clinic.execute_unprepared(&named).await.expect_err(&named).to_string();
            assert!(refused.contains("not registered") || refused.contains("register"), "{refused}");
        }
        // Even to who is granted one, the policy shows nothing without a tenant.
        owner
            .execute_unprepared(&format!("GRANT SELECT ON auth.sessions_p{number} TO watertight_app"))
            .await?;
        let count = format!("SELECT count(*)::text FROM auth.sessions_p{number}");
        assert_eq!(texts(&app, &count).await?, ["0"]);
    }
    // No row gets into the partition of another tenant's rows, nor under another tenant's name.
    let other = "INSERT INTO auth.audit_events (tenant_id, type, details) \
                 VALUES (md5('tenant1')::uuid, 'X', '{}')";
    world.clinic.execute_unprepared(other).await.expect_err("another's");
    Ok(())
}

#[tokio::test]
async fn whole_tenants_are_measured_exported_erased_restored_and_purged() -> Result<()> {
    let plain = Estate::new().await?;
    let (clinic, studio) = (plain.clinic, plain.studio);
    let stats = plain.maintenance.stats(clinic).await?;
    let mut lines = Vec::new();
    plain.maintenance.export(clinic, &mut lines, |_| ()).await?;
    divide(&plain.database).await?;

    let before = rows(&plain.database).await?;
    assert_eq!(plain.maintenance.stats(clinic).await?, stats);
    let sees_all = Watertight::builder().maintenance(&plain.database.maintenance().await?).await?;
    assert_eq!(sees_all.tenants().await?.len(), 2);
    let mut again = Vec::new();
    sees_all.export(clinic, &mut again, |_| ()).await?;
    assert_eq!(crate::maintenance::without_header(&again), crate::maintenance::without_header(&lines));
    let erased = sees_all.erase(clinic, |_| ()).await?;
    assert_eq!(erased.erased(), stats.rows());
    assert_eq!(sees_all.tenants().await?, [studio]);
    // The export of a database that is not divided is restored into one that is.
    plain.maintenance.import(clinic, &lines[..], |_| ()).await?;
    assert_eq!(rows(&plain.database).await?, before);
    let purged = plain
        .maintenance
        .purge(clinic, &Purge { audit_events_before: Some(chrono::Utc::now()), ..Purge::default() }, |_| ())
        .await?;
    assert_eq!((purged.sessions, purged.audit_events), (1501, 1200));
    Ok(())
}
