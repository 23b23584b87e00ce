//! The guide's function that enqueues a job in a tenant's transaction.

use anyhow::{Context, Result};
use sea_orm::{ConnectionTrait, DbBackend, FromQueryResult, Statement};
use uuid::Uuid;
use watertight::{Reason, Refusal, Tenant, Watertight};
use watertight_migration::Settings;
use watertight_tests::{TestDatabase, new_tenant};

use crate::source::sql_blocks;

const PAGE: &str = include_str!("../../service/docs/guide/jobs.md");

#[derive(Debug, PartialEq, FromQueryResult)]
struct Job {
    tenant: Uuid,
    kind: String,
}

async fn enqueue(tenant: &impl Tenant, kind: &str) -> Result<()> {
    let values = [kind.into(), serde_json::json!({"to": "ana"}).into()];
    let sql = "SELECT enqueue($1, $2)";
    tenant.execute_raw(Statement::from_sql_and_values(DbBackend::Postgres, sql, values)).await?;
    Ok(())
}

async fn jobs(db: &impl ConnectionTrait) -> Result<Vec<Job>> {
    let sql = "SELECT tenant, kind FROM jobs ORDER BY kind";
    Ok(Job::find_by_statement(Statement::from_string(DbBackend::Postgres, sql)).all(db).await?)
}

#[tokio::test]
async fn a_job_is_enqueued_with_the_verified_tenant_in_its_transaction() -> Result<()> {
    let database = TestDatabase::create().await?;
    let sql = sql_blocks(PAGE).next().context("the page has the function")?;
    let sql = sql.replace(Settings::DEFAULT_APP_ROLE, database.app_role());
    database.owner().await?.execute_unprepared(&sql).await?;

    let water = database.water_with(Watertight::builder().dangerous_function("enqueue")).await?;
    let (clinic, studio) = (water.tenant(new_tenant()?), water.tenant(new_tenant()?));
    enqueue(&clinic, "a").await?;
    let transaction = studio.begin().await?;
    enqueue(&transaction, "b").await?;
    transaction.commit().await?;
    let undone = studio.begin().await?;
    enqueue(&undone, "c").await?;
    undone.rollback().await?;

    let worker = water.dangerous_unscoped();
    let job = |tenant: Uuid, kind: &str| Job { tenant, kind: kind.to_owned() };
    let expected = [
        job(watertight_tests::uuid_of(clinic.tenant_id()), "a"),
        job(watertight_tests::uuid_of(studio.tenant_id()), "b"),
    ];
    assert_eq!(jobs(worker).await?, expected);

    let refused = clinic.execute_unprepared("DELETE FROM jobs").await.unwrap_err();
    let reason = Refusal::of(&refused).map(|refusal| &refusal.reason);
    assert!(matches!(reason, Some(Reason::UnknownTable(_))), "{refused}");
    // The application's role itself writes no job for another tenant, and none without a tenant.
    for sql in [
        "INSERT INTO jobs (tenant, kind, payload) VALUES (gen_random_uuid(), 'd', '{}')",
        "UPDATE jobs SET tenant = gen_random_uuid()",
        "SELECT enqueue('d', '{}')",
    ] {
        assert!(worker.execute_unprepared(sql).await.is_err(), "{sql}");
    }
    worker.execute_unprepared("DELETE FROM jobs WHERE kind = 'a'").await?;
    assert_eq!(jobs(worker).await?, [job(watertight_tests::uuid_of(studio.tenant_id()), "b")]);
    Ok(())
}
