//! The tables on a Citus cluster. Run the tests with
//! `CITUS_URLS=.. cargo xtask test --package watertight-tests --test watertight -- --ignored cluster --test-threads 1`.
//! The tests run one at a time, because Citus records the roles of each database on all machines, which share
//! them.

use anyhow::Result;
use sea_orm::{ConnectionTrait, Database, DatabaseConnection, EntityTrait, PaginatorTrait};
use watertight::MaintenanceError;
use watertight::doctor::Check;
use watertight::entity::auth::users;
use watertight::{Layers, Watertight};
use watertight_migration::distribution::{Distribution, DistributionError, DistributionReport, Rule};
use watertight_migration::tenant_keys;
use watertight_tests::TestDatabase;

use crate::adopt::{listing, texts};
use crate::auth::World;
use crate::business::{self, rows, tables};
use crate::maintenance::Estate;

async fn distribute(owner: &DatabaseConnection) -> Result<DistributionReport, DistributionError> {
    // The workers cannot read the keys.
    tenant_keys::waive(owner).await.map_err(sea_orm::DbErr::from)?;
    Distribution::new().run(owner).await
}

async fn distributed() -> Result<TestDatabase> {
    let database = TestDatabase::create_on_cluster().await?;
    distribute(&database.owner().await?).await?;
    Ok(database)
}

async fn world() -> Result<World> {
    business::world(distributed().await?).await
}

/// The tables that are distributed, with their groups.
async fn placed(owner: &DatabaseConnection) -> Result<Vec<String>> {
    let sql = "SELECT format('%s %s', logicalrelid, colocationid) FROM pg_dist_partition ORDER BY 1";
    texts(owner, sql).await
}

#[tokio::test]
#[ignore = "needs a Citus cluster, which CITUS_URLS names"]
async fn every_row_is_colocated_by_tenant_and_protected() -> Result<()> {
    let estate = Estate::within(TestDatabase::create_on_cluster().await?).await?;
    let owner = estate.database.owner().await?;
    let before = rows(&estate.database).await?;
    assert!(before.values().all(|rows| rows.len() > 1), "rows of two tenants");
    let report = distribute(&owner).await?;
    assert_eq!(report.tables.len(), 26, "{report}");
    for table in &report.tables {
        assert_eq!(usize::try_from(table.rows)?, before[&table.table].len(), "{}", table.table);
    }
    assert_eq!(rows(&estate.database).await?, before);

    let groups = "SELECT DISTINCT colocationid::text FROM pg_dist_partition";
    assert_eq!(texts(&owner, groups).await?.len(), 1);
    for table in tables() {
        // The coordinator has no copy, which would survive the erasure of a tenant.
        let local = format!("SELECT pg_relation_size('{table}')::text");
        assert_eq!(texts(&owner, &local).await?, ["0"], "{table}");
        let protected = format!(
            "SELECT DISTINCT result FROM run_command_on_shards('{table}', $$SELECT (relrowsecurity AND relforcerowsecurity \
             AND EXISTS (SELECT FROM pg_policy WHERE polrelid = c.oid AND polname = 'tenant_isolation'))::text \
             FROM pg_class c WHERE oid = '%s'::regclass$$)"
        );
        assert_eq!(texts(&owner, &protected).await?, ["true"], "{table}");
    }
    Ok(())
}

/// The number of visible rows of each table.
async fn counts(tenant: &impl ConnectionTrait) -> Result<Vec<String>> {
    let mut counts = Vec::new();
    for table in tables() {
        counts.extend(texts(tenant, &format!("SELECT count(*)::text FROM {table}")).await?);
    }
    Ok(counts)
}

#[tokio::test]
#[ignore = "needs a Citus cluster, which CITUS_URLS names"]
async fn no_tenant_reaches_another_under_either_layer() -> Result<()> {
    let estate = Estate::within(TestDatabase::create_on_cluster().await?).await?;
    let (clinic, studio) = (estate.clinic, estate.studio);
    let of = |water: &Watertight| (water.tenant(clinic), water.tenant(studio));
    let before = estate.database.water().await?;
    let (of_clinic, of_studio) = (counts(&of(&before).0).await?, counts(&of(&before).1).await?);
    distribute(&estate.database.owner().await?).await?;

    // An application that was running before sees no rows, rather than too many.
    let (running, _) = of(&before);
    for (table, own) in tables().iter().zip(&of_clinic) {
        match texts(&running, &format!("SELECT count(*)::text FROM {table}")).await {
            Ok(count) => assert!(count == ["0"] || count == [own.as_str()], "{table}: {count:?}, not {own}"),
            Err(error) => println!("{table}: {error}"),
        }
    }
    let everything = rows(&estate.database).await?;
    for layers in [Layers::RewritingAndRowSecurity, Layers::UnscopedRowSecurityOnly] {
        let water = estate.database.water_with(Watertight::builder().dangerous_layers(layers)).await?;
        let (clinic, studio) = of(&water);
        assert_eq!(counts(&clinic).await?, of_clinic, "{layers:?}");
        assert_eq!(counts(&studio).await?, of_studio, "{layers:?}");
        let others = format!("tenant_id = '{}'", studio.tenant_id());
        for table in tables() {
            let foreign = format!("SELECT count(*)::text FROM {table} WHERE {others}");
            assert_eq!(texts(&clinic, &foreign).await?, ["0"], "{table}, {layers:?}");
        }
        for sql in [
            format!("UPDATE auth.users SET handle = 'x' WHERE {others}"),
            format!("DELETE FROM public.bookings WHERE {others}"),
            format!("UPDATE public.clients SET tenant_id = '{}'", studio.tenant_id()),
        ] {
            let done = clinic.execute_unprepared(&sql).await;
            assert!(done.is_err() || done.is_ok_and(|done| done.rows_affected() == 0), "{sql}, {layers:?}");
        }
        assert_eq!(rows(&estate.database).await?, everything, "{layers:?}");
    }
    // A direct connection to any machine as the application's role has no tenant.
    let mut urls = estate.database.worker_urls()?;
    urls.push(estate.database.app_url());
    for url in urls {
        let app = Database::connect(url).await?;
        assert!(counts(&app).await?.iter().all(|count| count == "0"));
    }
    Ok(())
}

#[tokio::test]
#[ignore = "needs a Citus cluster, which CITUS_URLS names"]
async fn a_tenants_statement_goes_to_one_machine() -> Result<()> {
    let world = world().await?;
    for sql in [
        "SELECT * FROM auth.users",
        "SELECT * FROM public.bookings JOIN public.clients ON clients.id = bookings.client_id",
        "UPDATE auth.sessions SET client_ip = '' WHERE expires_at < now()",
        "DELETE FROM auth.sessions",
    ] {
        let plan = texts(&world.clinic, &format!("EXPLAIN (COSTS OFF) {sql}")).await?.join("\n");
        assert!(plan.contains("Task Count: 1\n"), "{sql}: {plan}");
    }
    Ok(())
}

#[tokio::test]
#[ignore = "needs a Citus cluster, which CITUS_URLS names"]
async fn the_doctor_sees_all_machines_rows() -> Result<()> {
    let estate = Estate::within(TestDatabase::create_on_cluster().await?).await?;
    let owner = estate.database.owner().await?;
    distribute(&owner).await?;
    let sees_all = estate.database.maintenance().await?;
    let problems = async || {
        let report = Watertight::builder().doctor(&sees_all).await?;
        anyhow::Ok(report.of(Check::CrossingRows).map(|finding| finding.problem.clone()).collect::<Vec<_>>())
    };
    assert_eq!(problems().await?, [] as [String; 0]);
    owner.execute_unprepared("ALTER TABLE auth.sessions DROP CONSTRAINT sessions_user_id_fkey").await?;
    let stray = "UPDATE auth.sessions SET user_id = md5('nobody')::uuid WHERE user_agent <> 'x'";
    let stray = sees_all.execute_unprepared(stray).await?.rows_affected();
    assert!(stray > 0);
    let told = format!("has {stray} rows whose user_id refers to no row of the same tenant in auth.users");
    assert_eq!(problems().await?, [told]);
    Ok(())
}

#[tokio::test]
#[ignore = "needs a Citus cluster, which CITUS_URLS names"]
async fn users_log_in_and_out_and_the_trail_records_it() -> Result<()> {
    business::users_log_in_and_out_and_the_trail_records_it(world().await?).await
}

#[tokio::test]
#[ignore = "needs a Citus cluster, which CITUS_URLS names"]
async fn bookings_are_made_moved_and_cancelled_without_overlap() -> Result<()> {
    business::bookings_are_made_moved_and_cancelled_without_overlap(world().await?).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
#[ignore = "needs a Citus cluster, which CITUS_URLS names"]
async fn of_many_concurrent_bookings_of_one_time_one_succeeds() -> Result<()> {
    business::of_many_concurrent_bookings_of_one_time_one_succeeds(world().await?).await
}

#[tokio::test]
#[ignore = "needs a Citus cluster, which CITUS_URLS names"]
async fn whole_tenants_are_measured_exported_erased_restored_and_purged() -> Result<()> {
    let estate = Estate::within(TestDatabase::create_on_cluster().await?).await?;
    let clinic = estate.clinic;
    business::whole_tenants_are_kept(estate, async |database| {
        let owner = database.owner().await?;
        distribute(&owner).await?;
        let bound = Watertight::builder().maintenance(&owner).await?;
        let refused = bound.import(clinic, &b""[..], |_| ()).await;
        assert!(matches!(refused, Err(MaintenanceError::CopyNotPermitted { .. })), "{refused:?}");
        Ok(())
    })
    .await
}

#[tokio::test]
#[ignore = "needs a Citus cluster, which CITUS_URLS names"]
async fn a_second_run_distributes_only_new_tables() -> Result<()> {
    let world = world().await?;
    let owner = world.database.owner().await?;
    let added = "CREATE TABLE public.lookup (id int PRIMARY KEY); \
                 CREATE TABLE public.a (tenant_id uuid NOT NULL, id int, lookup_id int REFERENCES public.lookup, \
                 PRIMARY KEY (tenant_id, id))";
    owner.execute_unprepared(added).await?;
    let report = distribute(&owner).await?;
    let taken: Vec<&str> = report.tables.iter().map(|table| table.table.as_str()).collect();
    assert_eq!(taken, ["public.lookup", "public.a"]);
    let again = distribute(&owner).await?;
    assert!(again.tables.is_empty(), "{again}");
    assert_eq!(users::Entity::find().count(&world.clinic).await?, 0);
    Ok(())
}

#[tokio::test]
#[ignore = "needs a Citus cluster, which CITUS_URLS names"]
async fn violations_are_refused_and_nothing_changes() -> Result<()> {
    let database = TestDatabase::create_on_cluster().await?;
    let owner = database.owner().await?;
    let planted = "CREATE TABLE public.a (tenant_id uuid, id int NOT NULL)";
    owner.execute_unprepared(planted).await?;
    owner.execute_unprepared("SELECT create_distributed_table('public.a', 'id')").await?;
    owner.execute_unprepared("CREATE UNIQUE INDEX emails ON auth.users (email)").await?;
    let (before, places) = (listing::catalog(&owner).await?, placed(&owner).await?);
    let error = distribute(&owner).await.expect_err("two rules are broken");
    let rules: Vec<Rule> = error.violations().iter().map(|violation| violation.rule).collect();
    assert_eq!(rules, [Rule::KeyHoldsTenant, Rule::SameGroup], "{error}");
    assert!(matches!(error, DistributionError::Refused { .. }), "{error:?}");
    assert_eq!(listing::catalog(&owner).await?, before);
    assert_eq!(placed(&owner).await?, places);

    let mend = "DROP INDEX auth.emails; SELECT undistribute_table('public.a')";
    owner.execute_unprepared(mend).await?;
    owner.execute_unprepared("ALTER TABLE public.a ALTER tenant_id SET NOT NULL").await?;
    assert_eq!(distribute(&owner).await?.tables.len(), 25);
    Ok(())
}
