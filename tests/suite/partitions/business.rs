//! Logins, bookings, maintenance and isolation on partitioned tables.

use anyhow::{Context, Result};
use sea_orm::{ConnectionTrait, Database, DbBackend, EntityTrait, PaginatorTrait, Statement};
use serde_json::Value as Json;
use watertight::entity::auth::{audit_events, sessions};
use watertight::entity::public::bookings;
use watertight::{Layers, TenantConnection, Watertight};
use watertight_tests::new_tenant;

use super::{BIG, divide, divided, many_tenants, texts};
use crate::auth::{PASSWORD, World, request, trail, user};
use crate::business;
use crate::maintenance::Estate;
use crate::scheduling::Shop;

async fn world() -> Result<World> {
    business::world(divided().await?).await
}

#[tokio::test]
async fn users_log_in_and_out_and_the_trail_records_it() -> Result<()> {
    business::users_log_in_and_out_and_the_trail_records_it(world().await?).await
}

#[tokio::test]
async fn bookings_are_made_moved_and_cancelled_without_overlap() -> Result<()> {
    business::bookings_are_made_moved_and_cancelled_without_overlap(world().await?).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_many_concurrent_bookings_of_one_time_one_succeeds() -> Result<()> {
    business::of_many_concurrent_bookings_of_one_time_one_succeeds(world().await?).await
}

#[tokio::test]
async fn whole_tenants_are_measured_exported_erased_restored_and_purged() -> Result<()> {
    business::whole_tenants_are_kept(Estate::new().await?, divide).await
}

/// The SQL of a booking by a program that does not lock the practitioner.
fn written(shop: &Shop, code: &str) -> String {
    format!(
        "INSERT INTO public.bookings (confirmation_code, service_id, practitioner_id, client_id, datetime, end_time, \
         duration, amount_cents) VALUES ('{code}', '{}', '{}', '{}', '2098-03-03 10:00Z', '2098-03-03 11:00Z', 60, 1)",
        shop.service.id, shop.practitioners[0].id, shop.client.id,
    )
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_two_concurrent_inserts_of_one_time_one_waits() -> Result<()> {
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
        // Another tenant does not wait.
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

/// Collects the tables that an executed plan read.
fn read(plan: &Json, found: &mut Vec<String>) {
    if plan["Actual Loops"] == 0 {
        return;
    }
    found.extend(plan.get("Relation Name").and_then(Json::as_str).map(str::to_owned));
    plan.get("Plans").and_then(Json::as_array).into_iter().flatten().for_each(|inner| read(inner, found));
}

async fn tables_read(tenant: &TenantConnection, sql: &str) -> Result<Vec<String>> {
    let explain =
        Statement::from_string(DbBackend::Postgres, format!("EXPLAIN (ANALYZE, FORMAT JSON) {sql}"));
    let plans: Json = tenant.query_one_raw(explain).await?.context("a plan")?.try_get_by_index(0)?;
    let mut found = Vec::new();
    read(&plans[0]["Plan"], &mut found);
    Ok(found)
}

#[tokio::test]
async fn a_tenants_statement_reads_one_partition() -> Result<()> {
    let database = divided().await?;
    many_tenants(&database.owner().await?, 40).await?;
    // Both row-level security alone and the rewriter's guard let the server prune partitions.
    let water =
        database.water_with(Watertight::builder().dangerous_layers(Layers::UnscopedRowSecurityOnly)).await?;
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
    let bound = texts(&owner, "SELECT count(*)::text FROM auth.sessions").await;
    assert!(bound.unwrap_err().to_string().contains("no tenant is set"), "the owner is bound, too");

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
        // The policy shows no rows without a tenant, even with a grant on the partition.
        owner
            .execute_unprepared(&format!(
                "GRANT SELECT ON auth.sessions_p{number} TO {}",
                world.database.app_role()
            ))
            .await?;
        let count = format!("SELECT count(*)::text FROM auth.sessions_p{number}");
        assert_eq!(texts(&app, &count).await?, ["0"]);
    }
    // No row can be inserted into the partition of another tenant's rows or with another tenant.
    let other = "INSERT INTO auth.audit_events (tenant_id, type, details) \
                 VALUES (md5('tenant1')::uuid, 'X', '{}')";
    world.clinic.execute_unprepared(other).await.expect_err("another's");
    Ok(())
}
