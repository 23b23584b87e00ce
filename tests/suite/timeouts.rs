//! The time limits of a transaction.

use std::time::Duration;

use anyhow::{Context, Result};
use sea_orm::{
    ActiveModelTrait, ConnectOptions, ConnectionTrait, DbBackend, DbErr, EntityTrait, PaginatorTrait,
    QuerySelect, RuntimeErr, Statement, TransactionTrait,
};
use watertight::InvalidInput;
use watertight::TimeoutError;
use watertight::entity::public::services;
use watertight::{Layers, TenantConnection, TenantTransaction, Watertight, is_outcome_unknown};
use watertight_tests::{TestDatabase, new_tenant};

use crate::rows;

const SHORT: Duration = Duration::from_millis(150);

fn code(error: &DbErr) -> Option<String> {
    let (DbErr::Exec(RuntimeErr::SqlxError(error)) | DbErr::Query(RuntimeErr::SqlxError(error))) = error
    else {
        return None;
    };
    Some(error.as_database_error()?.code()?.into_owned())
}

/// Runs a statement that takes a minute, unless a limit ends it.
async fn count(db: &impl ConnectionTrait) -> Result<(), DbErr> {
    let slow =
        "SELECT count(*) FROM generate_series(1, 100000) AS a, generate_series(1, 10000) AS b WHERE a <> b";
    db.execute_unprepared(slow).await.map(drop)
}

async fn lock(db: &impl ConnectionTrait) -> Result<Vec<services::Model>, DbErr> {
    services::Entity::find().lock_exclusive().all(db).await
}

/// Returns true if the server has timers. The embedded server has none.
async fn limits_are_enforced(database: &TestDatabase) -> Result<bool> {
    let transaction = database.owner().await?.begin().await?;
    transaction.execute_unprepared("SET LOCAL statement_timeout = '50ms'").await?;
    let canceled = transaction.execute_unprepared("SELECT pg_sleep(0.5)").await.is_err();
    if !canceled {
        println!("skipped: the server has no timers");
    }
    Ok(canceled)
}

/// A tenant with a row that is locked until the transaction ends.
async fn locked() -> Result<(TestDatabase, TenantConnection, TenantTransaction)> {
    let database = TestDatabase::create().await?;
    let (tenant, _) = database.two_tenants().await?;
    rows::service("Massage").insert(&tenant).await?;
    let holder = tenant.begin().await?;
    assert_eq!(lock(&holder).await?.len(), 1);
    Ok((database, tenant, holder))
}

#[tokio::test]
async fn a_statement_that_takes_longer_is_canceled() -> Result<()> {
    let (database, tenant, _holder) = locked().await?;
    if !limits_are_enforced(&database).await? {
        return Ok(());
    }
    let transaction = tenant.begin().await?;
    transaction.set_statement_timeout(SHORT).await?;
    let error = count(&transaction).await.err().context("canceled")?;
    assert_eq!(code(&error).as_deref(), Some("57014"), "{error}");
    transaction.rollback().await?;

    let transaction = tenant.begin().await?;
    transaction.set_statement_timeout(SHORT).await?;
    let error = lock(&transaction).await.err().context("canceled")?;
    assert_eq!(code(&error).as_deref(), Some("57014"), "waiting counts: {error}");
    Ok(())
}

#[tokio::test]
async fn a_wait_for_a_lock_that_takes_longer_fails() -> Result<()> {
    let (database, tenant, holder) = locked().await?;
    if !limits_are_enforced(&database).await? {
        return Ok(());
    }
    let transaction = tenant.begin().await?;
    transaction.set_lock_timeout(SHORT).await?;
    let error = lock(&transaction).await.err().context("refused")?;
    assert_eq!(code(&error).as_deref(), Some("55P03"), "{error}");
    transaction.rollback().await?;
    holder.rollback().await?;
    let transaction = tenant.begin().await?;
    transaction.set_lock_timeout(SHORT).await?;
    assert_eq!(lock(&transaction).await?.len(), 1);
    Ok(())
}

/// The limits of locks and of statements, as the server prints them.
async fn limits(db: &impl ConnectionTrait) -> Result<(String, String)> {
    let sql = "SELECT current_setting('lock_timeout'), current_setting('statement_timeout')";
    let row = db.query_one_raw(Statement::from_string(DbBackend::Postgres, sql)).await?;
    let row = row.context("a row")?;
    Ok((row.try_get_by_index(0)?, row.try_get_by_index(1)?))
}

fn printed(lock: &str, statement: &str) -> (String, String) {
    (lock.to_owned(), statement.to_owned())
}

#[tokio::test]
async fn the_limit_ends_with_the_transaction_and_with_a_savepoint_that_is_rolled_back() -> Result<()> {
    let database = TestDatabase::create().await?;
    // One connection, so that the next transaction would see settings left by the one before, and statements
    // that read settings.
    let mut options = sea_orm::ConnectOptions::new(database.app_url());
    options.max_connections(1);
    let builder = Watertight::builder().dangerous_layers(Layers::UnscopedRowSecurityOnly);
    let tenant = builder.connect(options).await?.tenant(new_tenant()?);

    let transaction = tenant.begin().await?;
    let inner = transaction.begin().await?;
    inner.set_lock_timeout(SHORT).await?;
    assert_eq!(limits(&inner).await?, printed("150ms", "0"));
    inner.rollback().await?;
    assert_eq!(limits(&transaction).await?, printed("0", "0"), "the savepoint has taken it along");
    transaction.set_statement_timeout(Duration::from_secs(5)).await?;
    let inner = transaction.begin().await?;
    inner.set_lock_timeout(SHORT).await?;
    inner.commit().await?;
    assert_eq!(limits(&transaction).await?, printed("150ms", "5s"), "a released savepoint leaves it");
    transaction.set_lock_timeout(Duration::ZERO).await?;
    assert_eq!(limits(&transaction).await?, printed("0", "5s"));
    transaction.set_lock_timeout(Duration::from_micros(1)).await?;
    assert_eq!(limits(&transaction).await?, printed("1ms", "5s"));
    transaction.commit().await?;
    assert_eq!(limits(&tenant).await?, printed("0", "0"), "nothing is left on the connection");
    Ok(())
}

#[tokio::test]
async fn limits_that_are_too_long_are_refused_and_not_sent() -> Result<()> {
    let (_database, tenant, _holder) = locked().await?;
    let transaction = tenant.begin().await?;
    for refused in [
        transaction.set_statement_timeout(Duration::MAX).await,
        transaction.set_lock_timeout(Duration::from_millis(2_147_483_648)).await,
    ] {
        assert!(matches!(refused, Err(TimeoutError::InvalidInput(InvalidInput { .. }))), "{refused:?}");
    }
    transaction.set_statement_timeout(Duration::from_millis(2_147_483_647)).await?;
    let inner = transaction.begin().await?;
    let nesting = transaction.set_lock_timeout(SHORT).await.err().context("refused")?;
    assert!(nesting.to_string().contains("innermost"), "{nesting}");
    inner.commit().await?;
    transaction.commit().await?;
    Ok(())
}

/// The same tenant on a pool of one connection, with a limit for answers.
async fn impatient(database: &TestDatabase, tenant: &TenantConnection) -> Result<TenantConnection> {
    let mut options = ConnectOptions::new(database.app_url());
    options.max_connections(1).acquire_timeout(Duration::from_secs(5));
    let water = Watertight::builder().answer_timeout(SHORT).connect(options).await?;
    Ok(water.tenant(tenant.tenant_id()))
}

async fn rename(db: &impl ConnectionTrait) -> Result<(), DbErr> {
    db.execute_unprepared("UPDATE services SET name = 'Deep massage'").await.map(drop)
}

fn is_timeout(error: &DbErr) -> bool {
    error.to_string().contains("did not answer within 150ms")
}

#[tokio::test]
async fn an_answer_is_awaited_for_a_limited_time() -> Result<()> {
    let (database, tenant, holder) = locked().await?;
    let impatient = impatient(&database, &tenant).await?;
    let silent = rename(&impatient).await.unwrap_err();
    assert!(is_timeout(&silent) && is_outcome_unknown(&silent), "{silent:?}");
    let reading = lock(&impatient).await.unwrap_err();
    assert!(is_timeout(&reading), "{reading:?}");

    // Nothing of an uncommitted transaction is left behind, which is known.
    let transaction = impatient.begin().await?;
    let silent = rename(&transaction).await.unwrap_err();
    assert!(is_timeout(&silent) && !is_outcome_unknown(&silent), "{silent:?}");
    let unsent = transaction.commit().await.unwrap_err();
    assert!(unsent.to_string().contains("lost before the commit") && !is_outcome_unknown(&unsent));

    // The only connection of the pool was closed each time, and a new one serves.
    assert_eq!(services::Entity::find().count(&impatient).await?, 1);
    holder.rollback().await?;
    Ok(())
}

#[tokio::test]
async fn a_dropped_statement_does_not_keep_its_connection() -> Result<()> {
    let (database, tenant, holder) = locked().await?;
    let impatient = impatient(&database, &tenant).await?;
    for _ in 0..3 {
        let dropped = tokio::time::timeout(SHORT / 3, rename(&impatient)).await;
        assert!(dropped.is_err());
        let transaction = impatient.begin().await?;
        let dropped = tokio::time::timeout(SHORT / 3, rename(&transaction)).await;
        assert!(dropped.is_err());
        drop(transaction);
        assert_eq!(services::Entity::find().count(&impatient).await?, 1);
    }
    holder.rollback().await?;
    Ok(())
}
