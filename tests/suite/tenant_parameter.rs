//! The tenant that a statement binds is in force during the statement, with any plan, and not afterwards.

use anyhow::Result;
use sea_orm::{
    ActiveModelTrait, ConnectionTrait, DbBackend, EntityTrait, FromQueryResult, PaginatorTrait, Statement,
};
use url::Url;
use watertight::entity::public::services;
use watertight::{TenantConnection, Watertight};
use watertight_tests::{TestDatabase, new_tenant};

use crate::rows;

/// A function that counts visible rows under row-level security, because its query is not rewritten.
const SEEN: &str = "CREATE FUNCTION public.services_seen() RETURNS bigint LANGUAGE plpgsql AS \
                    'BEGIN RETURN (SELECT count(*) FROM public.services); END'";

async fn water(database: &TestDatabase, setting: &str) -> Result<Watertight> {
    database.owner().await?.execute_unprepared(SEEN).await?;
    let mut url = Url::parse(&database.app_url())?;
    url.query_pairs_mut().append_pair("options[plan_cache_mode]", setting);
    let mut options = sea_orm::ConnectOptions::new(url);
    options.max_connections(1);
    Ok(Watertight::builder().dangerous_function("public.services_seen").connect(options).await?)
}

async fn seen(db: &impl ConnectionTrait, sql: &str) -> Result<Vec<i64>> {
    #[derive(FromQueryResult)]
    struct Seen {
        seen: i64,
    }
    let statement = Statement::from_string(DbBackend::Postgres, sql);
    Ok(Seen::find_by_statement(statement).all(db).await?.into_iter().map(|row| row.seen).collect())
}

/// The setting as the next user of the pool's one connection finds it.
async fn left_behind(water: &Watertight) -> Result<Option<String>> {
    let sql = "SELECT nullif(current_setting('watertight.tenant', true), '') AS setting";
    let row =
        water.dangerous_unscoped().query_one_raw(Statement::from_string(DbBackend::Postgres, sql)).await?;
    Ok(row.expect("one row").try_get("", "setting")?)
}

async fn services(tenant: &TenantConnection, number: usize) -> Result<()> {
    for n in 0..number {
        rows::service(&format!("Service {n}")).insert(tenant).await?;
    }
    Ok(())
}

#[tokio::test]
async fn every_statement_sets_its_own_tenant_with_any_plan() -> Result<()> {
    for setting in ["auto", "force_generic_plan", "force_custom_plan"] {
        let database = TestDatabase::create().await?;
        let water = water(&database, setting).await?;
        let (clinic, studio) = (water.tenant(new_tenant()?), water.tenant(new_tenant()?));
        services(&clinic, 2).await?;
        services(&studio, 3).await?;
        assert_eq!(left_behind(&water).await?, None);
        // More runs than the server tries custom plans before it chooses a generic plan.
        for _ in 0..8 {
            for (tenant, number) in [(&clinic, 2), (&studio, 3)] {
                let own = seen(tenant, "SELECT public.services_seen() AS seen FROM services").await?;
                assert_eq!(own, vec![number; usize::try_from(number)?], "{setting}");
                assert_eq!(seen(tenant, "SELECT public.services_seen() AS seen").await?, [number]);
                let changed = "WITH changed AS (UPDATE services SET active = NOT active RETURNING 1) \
                               SELECT public.services_seen() AS seen FROM changed";
                assert_eq!(seen(tenant, changed).await?.len(), usize::try_from(number)?, "{setting}");
                assert_eq!(left_behind(&water).await?, None, "{setting}");
                assert_eq!(services::Entity::find().count(water.dangerous_unscoped()).await?, 0);
            }
        }
    }
    Ok(())
}

#[tokio::test]
async fn a_statement_that_fails_leaves_nothing_behind() -> Result<()> {
    let database = TestDatabase::create().await?;
    let water = water(&database, "auto").await?;
    let tenant = water.tenant(new_tenant()?);
    services(&tenant, 1).await?;
    for sql in [
        "SELECT 1 / (duration_minutes - duration_minutes) FROM services",
        "INSERT INTO services (id, name, duration_minutes, price_cents) SELECT id, name, 1, 1 FROM services",
    ] {
        tenant.execute_unprepared(sql).await.unwrap_err();
        assert_eq!(left_behind(&water).await?, None);
    }
    assert_eq!(services::Entity::find().count(&tenant).await?, 1);
    Ok(())
}

/// The driver caches statements by their text, so a statement that was prepared inside a transaction also runs
/// outside one, and the other way around.
#[tokio::test]
async fn inside_and_outside_a_transaction_are_the_same_statement() -> Result<()> {
    let database = TestDatabase::create().await?;
    let water = water(&database, "auto").await?;
    let tenant = water.tenant(new_tenant()?);
    for n in 1..4 {
        let transaction = tenant.begin().await?;
        services::Entity::find().count(&transaction).await?;
        rows::service("Massage").insert(&transaction).await?;
        let inner = transaction.begin().await?;
        services::Entity::delete_many().exec(&inner).await?;
        inner.rollback().await?;
        assert_eq!(services::Entity::find().count(&transaction).await?, n);
        transaction.commit().await?;
        assert_eq!(services::Entity::find().count(&tenant).await?, n);
        assert_eq!(left_behind(&water).await?, None);
    }
    Ok(())
}
