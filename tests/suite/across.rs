//! Work for many tenants: each in turn, and reports across all of them.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use anyhow::{Context, Result};
use futures_util::{StreamExt, TryStreamExt, stream};
use sea_orm::{
    ActiveModelTrait, ColumnTrait, ConnectionTrait, Database, DbBackend, DbErr, EntityTrait, PaginatorTrait,
    QueryOrder, QuerySelect, Statement, StreamTrait, TransactionTrait,
};
use uuid::Uuid;
use watertight::entity::public::services;
use watertight::maintenance::Maintenance;
use watertight::{
    MaintenanceError, Reason, Refusal, TableSet, TableSets, TenantConnection, TenantId, Watertight,
};
use watertight_migration::{Migrator, Settings, migrations, sea_orm_migration::MigratorTrait};
use watertight_tests::{TestDatabase, new_tenant};

use crate::adopt::texts;
use crate::rows;

/// As many tenants, of which the first has one service, the second two, and so on.
async fn tenants(water: &Watertight, number: usize) -> Result<Vec<TenantId>> {
    let mut tenants = Vec::new();
    for index in 0..number {
        let tenant = water.tenant(new_tenant()?);
        for name in 0..=index {
            rows::service(&format!("Service {name}")).insert(&tenant).await?;
        }
        tenants.push(tenant.tenant_id());
    }
    Ok(tenants)
}

#[tokio::test]
async fn each_tenant_gets_its_own_connection_and_its_result() -> Result<()> {
    let database = TestDatabase::create().await?;
    let water = database.water().await?;
    let ids = tenants(&water, 6).await?;
    let (running, most) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let count = |tenant: TenantConnection| {
        let (running, most) = (&running, &most);
        async move {
            most.fetch_max(running.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
            let count = services::Entity::find().count(&tenant).await;
            tokio::time::sleep(Duration::from_millis(5)).await;
            running.fetch_sub(1, Ordering::SeqCst);
            match count? {
                3 => tenant.execute_unprepared("SELECT 1 / 0").await.map(|_| 0),
                count => Ok::<_, DbErr>(count),
            }
        }
    };
    for concurrency in [0, 1, 3, 100] {
        most.store(0, Ordering::SeqCst);
        let results = water.for_each_tenant(concurrency, ids.clone(), count).await;
        assert_eq!(results.iter().map(|(tenant, _)| *tenant).collect::<Vec<_>>(), ids, "in their order");
        for (index, (tenant, result)) in results.iter().enumerate() {
            // The failure of one tenant does not stop the others.
            match result {
                Ok(count) => assert_eq!(*count, index as u64 + 1, "{tenant}"),
                Err(error) => assert_eq!(index, 2, "{tenant}: {error}"),
            }
        }
        assert!(results[2].1.is_err());
        assert!(most.load(Ordering::SeqCst) <= concurrency.clamp(1, 6), "at most {concurrency}");
        if concurrency == 3 {
            assert_eq!(most.load(Ordering::SeqCst), 3, "and no fewer");
        }
    }
    let mut counts = water.for_each_tenant_of(2, stream::iter(ids.clone()), count);
    let mut seen = Vec::new();
    while let Some((tenant, _)) = counts.next().await {
        seen.push(tenant);
    }
    seen.sort_unstable();
    let mut ids = ids;
    ids.sort_unstable();
    assert_eq!(seen, ids);
    assert!(water.for_each_tenant(4, [], count).await.is_empty());
    Ok(())
}

#[tokio::test]
async fn a_dropped_run_leaves_nothing_behind() -> Result<()> {
    let database = TestDatabase::create().await?;
    let water = database.water().await?;
    let ids = tenants(&water, 4).await?;
    let finished = Arc::new(AtomicUsize::new(0));
    let run = water.for_each_tenant(2, ids.clone(), |tenant| {
        let finished = Arc::clone(&finished);
        async move {
            let transaction = tenant.begin().await?;
            services::Entity::delete_many().exec(&transaction).await?;
            std::future::pending::<()>().await;
            transaction.commit().await?;
            finished.fetch_add(1, Ordering::SeqCst);
            Ok::<(), DbErr>(())
        }
    });
    assert!(tokio::time::timeout(Duration::from_millis(200), async { run.await }).await.is_err());
    assert_eq!(finished.load(Ordering::SeqCst), 0);
    let counts =
        water.for_each_tenant(4, ids, |tenant| async move { services::Entity::find().count(&tenant).await });
    let counts: Result<Vec<u64>, _> = counts.await.into_iter().map(|(_, count)| count).collect();
    assert_eq!(counts?, [1, 2, 3, 4]);
    Ok(())
}

async fn maintenance(database: &TestDatabase) -> Result<Maintenance> {
    Ok(Watertight::builder().maintenance(&database.maintenance().await?).await?)
}

/// The recorded reasons, with their roles.
async fn trail(database: &TestDatabase) -> Result<Vec<String>> {
    let sql = "SELECT role || ': ' || reason FROM watertight.cross_tenant_access ORDER BY id";
    texts(&database.owner().await?, sql).await
}

fn raw(sql: &str) -> Statement {
    Statement::from_string(DbBackend::Postgres, sql)
}

#[tokio::test]
async fn a_report_reads_the_rows_of_all_tenants_for_a_recorded_reason() -> Result<()> {
    let database = TestDatabase::create().await?;
    let ids = tenants(&database.water().await?, 2).await?;
    let maintenance = maintenance(&database).await?;
    let all = maintenance.dangerous_across_tenants("  quarterly figures ").await?;
    // Before the first statement.
    let role = texts(&database.maintenance().await?, "SELECT session_user::text").await?.remove(0);
    let recorded = format!("{role}: quarterly figures");
    assert_eq!(trail(&database).await?, [recorded.as_str()]);
    assert_eq!((all.access_id(), all.reason()), (1, "quarterly figures"));

    assert_eq!(services::Entity::find().count(&all).await?, 3);
    let by_tenant: Vec<(Uuid, i64)> = services::Entity::find()
        .select_only()
        .column(services::Column::TenantId)
        .column_as(services::Column::Id.count(), "services")
        .group_by(services::Column::TenantId)
        .order_by_asc(services::Column::Id.count())
        .into_tuple()
        .all(&all)
        .await?;
    assert_eq!(by_tenant, [(watertight_tests::uuid_of(ids[0]), 1), (watertight_tests::uuid_of(ids[1]), 2)]);
    let streamed: Vec<_> = services::Entity::find().stream(&all).await?.try_collect().await?;
    assert_eq!(streamed.len(), 3);
    let paged = services::Entity::find().order_by_asc(services::Column::Id).paginate(&all, 2);
    assert_eq!((paged.num_pages().await?, paged.fetch_page(1).await?.len()), (2, 1));
    let row =
        all.query_one_raw(raw("SELECT count(DISTINCT tenant_id) FROM services")).await?.context("a row")?;
    assert_eq!(row.try_get_by_index::<i64>(0)?, 2);

    // Also recorded if the reading fails.
    let failing = maintenance.dangerous_across_tenants("a report that fails").await?;
    assert!(failing.query_all_raw(raw("SELECT 1 / 0")).await.is_err());
    assert!(failing.query_all_raw(raw("SELECT * FROM no_such_table")).await.is_err());
    assert_eq!(trail(&database).await?, [recorded, format!("{role}: a report that fails")]);
    assert_eq!(services::Entity::find().count(&failing).await?, 3, "and the connection serves on");
    Ok(())
}

#[tokio::test]
async fn a_report_changes_nothing() -> Result<()> {
    let database = TestDatabase::create().await?;
    tenants(&database.water().await?, 2).await?;
    let owner = database.owner().await?;
    let hidden = "CREATE FUNCTION public.wipe() RETURNS bigint LANGUAGE sql VOLATILE SECURITY DEFINER \
        AS 'DELETE FROM public.services; SELECT 1::bigint'; \
        CREATE FUNCTION public.unlock() RETURNS text LANGUAGE sql VOLATILE \
        AS $$ SELECT set_config('transaction_read_only', 'off', false) $$; CREATE SEQUENCE public.numbers; \
        GRANT ALL ON SEQUENCE public.numbers TO PUBLIC";
    owner.execute_unprepared(hidden).await?;
    let all = maintenance(&database).await?.dangerous_across_tenants("figures").await?;
    for sql in [
        "DELETE FROM services",
        "UPDATE services SET name = 'x'",
        "WITH gone AS (DELETE FROM services RETURNING 1) SELECT * FROM gone",
        "SELECT * FROM services FOR UPDATE",
        "SELECT * INTO copy FROM services",
        "CREATE TABLE copy AS SELECT * FROM services",
        "COPY services TO STDOUT",
        "SET TRANSACTION READ WRITE",
        "TRUNCATE services",
        "DO $$ BEGIN END $$",
        "COMMIT",
    ] {
        for refused in [
            all.execute_unprepared(sql).await.map(drop),
            all.query_all_raw(raw(sql)).await.map(drop),
            all.stream_raw(raw(sql)).await.map(drop),
        ] {
            let error = refused.unwrap_err();
            let reason = Refusal::of(&error).map(|refusal| &refusal.reason);
            assert_eq!(reason, Some(&Reason::SelectOnly), "{sql}: {error}");
        }
    }
    let two = all.execute_unprepared("SELECT 1; DELETE FROM services").await.unwrap_err();
    assert_eq!(Refusal::of(&two).map(|refusal| &refusal.reason), Some(&Reason::StatementCount(2)));
    assert!(services::Entity::delete_many().exec(&all).await.is_err());
    assert!(rows::service("x").insert(&all).await.is_err());

    // The server refuses what the parser cannot see.
    for sql in ["SELECT wipe()", "SELECT unlock()", "SELECT nextval('public.numbers')"] {
        let error = all.query_all_raw(raw(sql)).await.unwrap_err();
        assert!(Refusal::of(&error).is_none(), "{sql}: {error}");
        assert!(error.to_string().contains("read"), "{sql}: {error}");
    }
    assert_eq!(services::Entity::find().count(&all).await?, 3);
    Ok(())
}

#[tokio::test]
async fn without_a_record_there_is_no_access() -> Result<()> {
    let database = TestDatabase::create().await?;
    let own = maintenance(&database).await?;
    for reason in ["", "  \n ", &"x".repeat(501), "a\0b"] {
        let refused = own.dangerous_across_tenants(reason).await;
        assert!(matches!(refused, Err(MaintenanceError::InvalidInput(_))), "{reason:?}: {refused:?}");
    }
    own.dangerous_across_tenants(&"ß".repeat(500)).await?;

    // The owner is bound by the policies, so that a report would be empty.
    let owner = database.owner().await?;
    let bound = Watertight::builder().maintenance(&owner).await?;
    let refused = bound.dangerous_across_tenants("figures").await;
    assert!(matches!(refused, Err(MaintenanceError::RowsHidden { .. })), "{refused:?}");
    assert_eq!(trail(&database).await?.len(), 1);

    // Written rows are kept, and the application's role has no access to them.
    for sql in [
        "DELETE FROM watertight.cross_tenant_access",
        "UPDATE watertight.cross_tenant_access SET reason = 'x'",
        "TRUNCATE watertight.cross_tenant_access",
    ] {
        let error = owner.execute_unprepared(sql).await.unwrap_err();
        assert!(error.to_string().contains("neither changed nor deleted"), "{sql}: {error}");
    }
    let app = Database::connect(database.app_url()).await?;
    for sql in ["SELECT count(*) FROM watertight.cross_tenant_access", "SELECT watertight.record_access('x')"]
    {
        let error = app.execute_unprepared(sql).await.unwrap_err();
        assert!(error.to_string().contains("permission denied"), "{sql}: {error}");
    }

    owner
        .execute_unprepared("ALTER TABLE watertight.cross_tenant_access ADD CHECK (reason <> 'figures')")
        .await?;
    let refused = own.dangerous_across_tenants("figures").await;
    assert!(matches!(&refused, Err(MaintenanceError::AccessNotRecorded { .. })), "{refused:?}");
    owner.execute_unprepared("DROP FUNCTION watertight.record_access(text)").await?;
    let refused = own.dangerous_across_tenants("other figures").await;
    assert!(matches!(&refused, Err(MaintenanceError::AccessNotRecorded { .. })), "{refused:?}");
    assert_eq!(trail(&database).await?.len(), 1);
    Ok(())
}

#[tokio::test]
async fn a_role_that_only_reads_is_enough() -> Result<()> {
    let database = TestDatabase::create().await?;
    tenants(&database.water().await?, 2).await?;
    let superuser = database.superuser().await?;
    let role = format!("{}_reports", database.name());
    superuser.execute_unprepared(&format!("CREATE ROLE {role} LOGIN BYPASSRLS")).await?;
    let found = async {
        let owner = database.owner().await?;
        owner.execute_unprepared(&format!("GRANT SELECT ON public.services TO {role}")).await?;
        let mut url = url::Url::parse(&database.app_url())?;
        url.set_username(&role).expect("a URL with a host");
        let pool = Watertight::open_pool(url.as_str()).await?;
        let reports = Watertight::builder().maintenance(&pool).await?;
        let refused = reports.dangerous_across_tenants("figures").await;
        let Err(MaintenanceError::AccessNotRecorded { role: named, .. }) = &refused else {
            panic!("{refused:?}")
        };
        assert_eq!(*named, role);
        // The remedy of the message.
        let message = refused.unwrap_err().to_string();
        let remedy = message.split("as the owner run: ").nth(1).context("a remedy")?;
        owner.execute_unprepared(remedy).await?;
        let all = reports.dangerous_across_tenants("figures").await?;
        let count = services::Entity::find().count(&all).await?;
        pool.close().await?;
        anyhow::Ok(count)
    }
    .await;
    superuser.execute_unprepared(&format!("DROP OWNED BY {role}; DROP ROLE {role}")).await?;
    assert_eq!(found?, 3);
    assert_eq!(trail(&database).await?, [format!("{role}: figures")]);
    Ok(())
}

struct Moved;

impl MigratorTrait for Moved {
    fn migrations() -> Vec<Box<dyn watertight_migration::MigrationTrait>> {
        migrations(&Settings::from_env().with_table_sets(moved()))
    }
}

fn moved() -> TableSets {
    TableSets::all().in_schema(TableSet::Auth, "identity")
}

#[tokio::test]
async fn tables_in_other_schemas_are_found_and_the_migration_is_undone() -> Result<()> {
    let database = TestDatabase::empty().await?;
    let owner = database.owner().await?;
    Moved::up(&owner, None).await?;
    let water = database.water_with(Watertight::builder().table_sets(moved())).await?;
    for _ in 0..2 {
        rows::user("jess").insert(&water.tenant(new_tenant()?)).await?;
    }
    let pool = database.maintenance().await?;
    let maintenance = Watertight::builder().table_sets(moved()).maintenance(&pool).await?;
    let all = maintenance.dangerous_across_tenants("figures").await?;
    assert_eq!(watertight::entity::auth::users::Entity::find().count(&all).await?, 2);
    let refused = watertight::entity::auth::users::Entity::find().count(&water.unscoped()).await.unwrap_err();
    assert!(refused.to_string().contains("identity.users"), "{refused}");
    drop(owner);

    let database = TestDatabase::create().await?;
    let owner = database.owner().await?;
    Migrator::down(&owner, Some(1)).await?;
    let gone = "SELECT to_regclass('watertight.cross_tenant_access') IS NULL AND \
        to_regprocedure('watertight.record_access(text)') IS NULL AND \
        to_regprocedure('watertight.keep_access()') IS NULL";
    assert!(owner.query_one_raw(raw(gone)).await?.context("a row")?.try_get_by_index::<bool>(0)?);
    Migrator::up(&owner, None).await?;
    let transaction = owner.begin().await?;
    transaction.execute_unprepared("SELECT watertight.record_access('by the owner')").await?;
    transaction.commit().await?;
    assert_eq!(trail(&database).await?.len(), 1);
    Ok(())
}
