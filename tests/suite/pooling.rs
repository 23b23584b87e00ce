//! Pooled connections pass from tenant to tenant without leaving any state, whatever happens to a statement.

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

use anyhow::Result;
use sea_orm::{
    ActiveModelTrait, ConnectOptions, ConnectionTrait, DbBackend, DbErr, EntityTrait, PaginatorTrait,
    Statement,
};
use watertight::entity::public::services;
use watertight::{TenantConnection, Watertight};
use watertight_tests::{TestDatabase, new_tenant};

use crate::rows;

/// A pool of one connection, so that any state left on it is found.
async fn pool_of_one(database: &TestDatabase) -> Result<Watertight> {
    let mut options = ConnectOptions::new(database.app_url());
    options.max_connections(1).acquire_timeout(Duration::from_secs(10));
    Ok(Watertight::builder().dangerous_function("pg_sleep").connect(options).await?)
}

async fn two_tenants(water: &Watertight) -> Result<(TenantConnection, TenantConnection)> {
    let (clinic, studio) = (water.tenant(new_tenant()?), water.tenant(new_tenant()?));
    rows::service("Massage").insert(&clinic).await?;
    Ok((clinic, studio))
}

fn sleep(seconds: f64) -> Statement {
    let sql = format!("SELECT 1 FROM services, pg_sleep({seconds})");
    Statement::from_string(DbBackend::Postgres, sql)
}

/// Checks that the connection has no tenant, no open transaction and no visible rows of other tenants.
async fn is_clean(water: &Watertight, studio: &TenantConnection) -> Result<()> {
    let mut moments = Vec::new();
    for _ in 0..2 {
        let sql = "SELECT coalesce(current_setting('watertight.tenant', true), ''), now()::text";
        let row = water
            .dangerous_unscoped()
            .query_one_raw(Statement::from_string(DbBackend::Postgres, sql))
            .await?
            .unwrap();
        let (tenant, moment): (String, String) = row.try_get_many_by_index()?;
        assert_eq!(tenant, "");
        moments.push(moment);
    }
    // Inside a transaction `now()` would not advance.
    assert_ne!(moments[0], moments[1], "the connection is inside somebody's transaction");
    assert_eq!(services::Entity::find().count(water.dangerous_unscoped()).await?, 0);
    assert_eq!(services::Entity::find().count(studio).await?, 0);
    Ok(())
}

#[tokio::test]
async fn a_statement_dropped_while_it_runs_leaves_nothing() -> Result<()> {
    let database = TestDatabase::create().await?;
    let water = pool_of_one(&database).await?;
    let (clinic, studio) = two_tenants(&water).await?;
    let moment = Duration::from_millis(50);

    assert!(tokio::time::timeout(moment, clinic.query_all_raw(sleep(0.2))).await.is_err());
    is_clean(&water, &studio).await?;

    let transaction = clinic.begin().await?;
    rows::service("dropped").insert(&transaction).await?;
    assert!(tokio::time::timeout(moment, transaction.query_all_raw(sleep(0.2))).await.is_err());
    // The transaction continues: its next statement waits for the dropped one.
    assert_eq!(services::Entity::find().count(&transaction).await?, 2);
    assert!(tokio::time::timeout(moment, transaction.query_all_raw(sleep(0.2))).await.is_err());
    drop(transaction);
    is_clean(&water, &studio).await?;
    assert_eq!(services::Entity::find().count(&clinic).await?, 1);
    Ok(())
}

#[tokio::test]
async fn a_task_that_is_aborted_leaves_nothing() -> Result<()> {
    let database = TestDatabase::create().await?;
    let water = pool_of_one(&database).await?;
    let (clinic, studio) = two_tenants(&water).await?;
    let task = tokio::spawn({
        let clinic = clinic.clone();
        async move { clinic.query_all_raw(sleep(0.2)).await.map(drop) }
    });
    tokio::time::sleep(Duration::from_millis(50)).await;
    task.abort();
    assert!(task.await.unwrap_err().is_cancelled());
    is_clean(&water, &studio).await
}

#[tokio::test]
async fn a_panic_inside_a_transaction_leaves_nothing() -> Result<()> {
    let database = TestDatabase::create().await?;
    let water = pool_of_one(&database).await?;
    let (clinic, studio) = two_tenants(&water).await?;
    let task = tokio::spawn({
        let clinic = clinic.clone();
        async move {
            clinic
                .transaction::<_, (), DbErr>(|transaction| {
                    Box::pin(async move {
                        rows::service("lost").insert(transaction).await?;
                        panic!("on purpose");
                    })
                })
                .await
        }
    });
    assert!(task.await.unwrap_err().is_panic());
    is_clean(&water, &studio).await?;
    assert_eq!(services::Entity::find().count(&clinic).await?, 1);
    Ok(())
}

#[tokio::test]
async fn an_error_inside_a_transaction_leaves_nothing() -> Result<()> {
    let database = TestDatabase::create().await?;
    let water = pool_of_one(&database).await?;
    let (clinic, studio) = two_tenants(&water).await?;
    let transaction = clinic.begin().await?;
    let wrong = Statement::from_string(DbBackend::Postgres, "SELECT 1 / 0 FROM services");
    assert!(transaction.query_all_raw(wrong.clone()).await.is_err());
    assert!(services::Entity::find().count(&transaction).await.is_err(), "the transaction is aborted");
    drop(transaction);
    is_clean(&water, &studio).await?;

    assert!(clinic.query_all_raw(wrong).await.is_err());
    is_clean(&water, &studio).await?;

    // A savepoint keeps the work before the error.
    let transaction = clinic.begin().await?;
    rows::service("kept").insert(&transaction).await?;
    let inner = transaction.begin().await?;
    assert!(inner.execute_unprepared("SELECT 1 / 0").await.is_err());
    inner.rollback().await?;
    transaction.commit().await?;
    assert_eq!(services::Entity::find().count(&clinic).await?, 2);
    is_clean(&water, &studio).await
}

#[tokio::test]
async fn a_backend_that_is_killed_is_replaced() -> Result<()> {
    let database = TestDatabase::create().await?;
    let water = pool_of_one(&database).await?;
    let (clinic, studio) = two_tenants(&water).await?;
    let owner = database.owner().await?;
    let transaction = clinic.begin().await?;
    rows::service("lost").insert(&transaction).await?;
    owner
        .execute_unprepared(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
             WHERE datname = current_database() AND pid <> pg_backend_pid() AND usename <> current_user",
        )
        .await?;
    assert!(services::Entity::find().count(&transaction).await.is_err());
    assert!(transaction.commit().await.is_err());
    is_clean(&water, &studio).await?;
    assert_eq!(services::Entity::find().count(&clinic).await?, 1);
    Ok(())
}

/// Polls a future this many times at most, with a pause after each poll for the server to answer, and drops it.
async fn polled<F: Future>(future: F, polls: usize, pause: Duration) -> Option<F::Output> {
    let mut future = pin!(future);
    for _ in 0..polls {
        let ready = std::future::poll_fn(|context| Poll::Ready(future.as_mut().poll(context))).await;
        if let Poll::Ready(output) = ready {
            return Some(output);
        }
        tokio::time::sleep(pause).await;
    }
    None
}

/// Polls a future this many times without ever letting the server answer in between.
fn polled_at_once<F: Future>(future: F, polls: usize) -> Option<F::Output> {
    struct Nobody;
    impl Wake for Nobody {
        fn wake(self: Arc<Self>) {}
    }
    let waker = Waker::from(Arc::new(Nobody));
    let mut context = Context::from_waker(&waker);
    let mut future = pin!(future);
    (0..polls).find_map(|_| match future.as_mut().poll(&mut context) {
        Poll::Ready(output) => Some(output),
        Poll::Pending => None,
    })
}

#[tokio::test]
async fn a_begin_or_a_statement_dropped_at_any_point_leaves_nothing() -> Result<()> {
    let database = TestDatabase::create().await?;
    let water = pool_of_one(&database).await?;
    let (clinic, studio) = two_tenants(&water).await?;
    // The progress of the server at the time of the drop depends on the pause.
    for pause in [0, 300, 2_000].map(Duration::from_micros) {
        for polls in 0..8 {
            drop(polled(clinic.begin(), polls, pause).await);
            is_clean(&water, &studio).await?;
            drop(polled_at_once(clinic.begin(), polls));
            is_clean(&water, &studio).await?;
            drop(polled(services::Entity::find().all(&clinic), polls, pause).await);
            is_clean(&water, &studio).await?;
            drop(polled(rows::service("perhaps").insert(&clinic), polls, pause).await);
            is_clean(&water, &studio).await?;
            let transaction = clinic.begin().await?;
            drop(polled(transaction.begin(), polls, pause).await);
            drop(polled_at_once(transaction.commit(), polls));
            is_clean(&water, &studio).await?;
        }
    }
    Ok(())
}
