//! Transactions of a tenant: atomic, nested, rolled back when dropped, and never of another tenant.

use anyhow::Result;
use futures_util::TryStreamExt;
use sea_orm::{
    ActiveModelTrait, ConnectOptions, ConnectionTrait, DbBackend, DbErr, EntityTrait, IsolationLevel,
    PaginatorTrait, Statement, TransactionError,
};
use watertight::entity::public::services;
use watertight::{Reason, Refusal, Watertight, is_outcome_unknown};
use watertight_tests::proxy::Proxy;
use watertight_tests::{TestDatabase, new_tenant};

use crate::rows;

async fn count(db: &impl ConnectionTrait) -> Result<u64, DbErr> {
    services::Entity::find().count(db).await
}

fn refusal(error: &DbErr) -> Option<&Reason> {
    Refusal::of(error).map(|refusal| &refusal.reason)
}

#[tokio::test]
async fn a_transaction_is_of_one_tenant_and_all_or_nothing() -> Result<()> {
    let database = TestDatabase::create().await?;
    let (clinic, studio) = database.two_tenants().await?;
    rows::service("Yoga").insert(&studio).await?;

    let transaction = clinic.begin().await?;
    let added = rows::service("Massage").insert(&transaction).await?;
    assert_eq!(added.tenant_id, watertight_tests::uuid_of(clinic.tenant_id()));
    assert_eq!(count(&transaction).await?, 1);
    assert_eq!(count(&clinic).await?, 0, "not committed yet");
    transaction.commit().await?;
    assert_eq!(count(&clinic).await?, 1);

    let transaction = clinic.begin().await?;
    services::Entity::delete_many().exec(&transaction).await?;
    transaction.rollback().await?;
    assert_eq!((count(&clinic).await?, count(&studio).await?), (1, 1));
    Ok(())
}

#[tokio::test]
async fn a_dropped_transaction_rolls_back() -> Result<()> {
    let database = TestDatabase::create().await?;
    let (clinic, _) = database.two_tenants().await?;
    let transaction = clinic.begin().await?;
    rows::service("Massage").insert(&transaction).await?;
    drop(transaction);
    assert_eq!(count(&clinic).await?, 0);
    Ok(())
}

#[tokio::test]
async fn a_closure_commits_on_ok_and_rolls_back_on_err() -> Result<()> {
    let database = TestDatabase::create().await?;
    let (clinic, _) = database.two_tenants().await?;
    clinic
        .transaction::<_, _, DbErr>(|transaction| {
            Box::pin(async move { rows::service("Massage").insert(transaction).await })
        })
        .await?;
    let failed = clinic
        .transaction::<_, (), DbErr>(|transaction| {
            Box::pin(async move {
                rows::service("Pilates").insert(transaction).await?;
                Err(DbErr::Custom("no".to_owned()))
            })
        })
        .await;
    assert!(failed.is_err());
    assert_eq!(count(&clinic).await?, 1);
    Ok(())
}

#[tokio::test]
async fn transactions_nest_as_savepoints() -> Result<()> {
    let database = TestDatabase::create().await?;
    let (clinic, _) = database.two_tenants().await?;
    let outer = clinic.begin().await?;
    rows::service("kept").insert(&outer).await?;

    let inner = outer.begin().await?;
    rows::service("rolled back").insert(&inner).await?;
    inner.rollback().await?;

    let inner = outer.begin().await?;
    rows::service("dropped").insert(&inner).await?;
    drop(inner);

    let inner = outer.begin().await?;
    let innermost = inner.begin().await?;
    rows::service("kept too").insert(&innermost).await?;
    innermost.commit().await?;
    inner.commit().await?;

    assert_eq!(count(&outer).await?, 2);
    outer.commit().await?;
    assert_eq!(count(&clinic).await?, 2);
    Ok(())
}

/// The server answers the commit of a failed transaction with a rollback, which is no error to a driver.
#[tokio::test]
async fn a_commit_after_a_failed_statement_is_refused() -> Result<()> {
    let database = TestDatabase::create().await?;
    let (clinic, _) = database.two_tenants().await?;
    let fails = "SELECT 1 / (SELECT count(*) FROM services WHERE name = 'none')";

    let transaction = clinic.begin().await?;
    rows::service("Massage").insert(&transaction).await?;
    assert!(transaction.execute_unprepared(fails).await.is_err());
    assert_eq!(refusal(&transaction.commit().await.unwrap_err()), Some(&Reason::Aborted));

    let transaction = clinic.begin().await?;
    rows::service("Massage").insert(&transaction).await?;
    let statement = Statement::from_string(DbBackend::Postgres, fails);
    assert!(transaction.stream_raw(statement).await?.try_next().await.is_err());
    assert_eq!(refusal(&transaction.commit().await.unwrap_err()), Some(&Reason::Aborted));

    let swallowed: Result<(), TransactionError<DbErr>> = clinic
        .transaction(|transaction| {
            Box::pin(async move {
                rows::service("Massage").insert(transaction).await?;
                let _ = transaction.execute_unprepared(fails).await;
                Ok(())
            })
        })
        .await;
    assert!(
        matches!(swallowed, Err(TransactionError::Connection(e)) if refusal(&e) == Some(&Reason::Aborted))
    );
    assert_eq!(count(&clinic).await?, 0);

    // A nested transaction contains the failure.
    let transaction = clinic.begin().await?;
    let nested = transaction.begin().await?;
    assert!(nested.execute_unprepared(fails).await.is_err());
    assert_eq!(refusal(&nested.commit().await.unwrap_err()), Some(&Reason::Aborted));
    let nested = transaction.begin().await?;
    assert!(nested.execute_unprepared(fails).await.is_err());
    drop(nested);
    rows::service("Massage").insert(&transaction).await?;
    transaction.commit().await?;
    assert_eq!(count(&clinic).await?, 1);
    Ok(())
}

#[tokio::test]
async fn a_lost_answer_is_told_from_a_failure() -> Result<()> {
    let database = TestDatabase::create().await?;
    let proxy = Proxy::start(&database.app_url()).await?;
    let mut options = ConnectOptions::new(proxy.url(&database.app_url())?);
    options.test_before_acquire(false);
    let tenant = Watertight::builder().connect(options).await?.tenant(new_tenant()?);

    let transaction = tenant.begin().await?;
    rows::service("Massage").insert(&transaction).await?;
    proxy.lose_answers(true);
    let lost = transaction.commit().await.unwrap_err();
    assert!(is_outcome_unknown(&lost), "{lost:?}");
    proxy.lose_answers(false);
    // The other connections of the pool are not used yet, and this one was closed.
    assert_eq!(count(&tenant).await?, 1, "committed");

    let refused =
        tenant.execute_unprepared("SELECT 1 / (SELECT count(*) FROM services WHERE name = 'none')").await;
    assert!(!is_outcome_unknown(&refused.unwrap_err()));
    let refused = tenant.execute_unprepared("TRUNCATE services").await.unwrap_err();
    assert!(!is_outcome_unknown(&refused));
    proxy.lose_answers(true);
    let lost = rows::service("Massage").insert(&tenant).await.unwrap_err();
    assert!(is_outcome_unknown(&lost), "{lost:?}");
    Ok(())
}

#[tokio::test]
async fn an_outer_transaction_waits_for_the_inner_one() -> Result<()> {
    let database = TestDatabase::create().await?;
    let (clinic, _) = database.two_tenants().await?;
    let outer = clinic.begin().await?;
    let inner = outer.begin().await?;
    assert_eq!(refusal(&count(&outer).await.unwrap_err()), Some(&Reason::Nesting));
    assert_eq!(count(&inner).await?, 0);
    assert_eq!(refusal(&outer.commit().await.unwrap_err()), Some(&Reason::Nesting));
    // The outer transaction was consumed and rolled back, and the inner one with it.
    assert_eq!(refusal(&count(&inner).await.unwrap_err()), Some(&Reason::Nesting));
    assert_eq!(refusal(&inner.commit().await.unwrap_err()), Some(&Reason::Nesting));
    Ok(())
}

#[tokio::test]
async fn an_inner_transaction_dropped_while_the_session_is_busy_is_still_rolled_back() -> Result<()> {
    let database = TestDatabase::create().await?;
    let (clinic, _) = database.two_tenants().await?;
    let outer = clinic.begin().await?;
    rows::service("kept").insert(&outer).await?;
    let inner = outer.begin().await?;
    rows::service("dropped").insert(&inner).await?;
    let again = inner.begin().await?;
    {
        let _stream = services::Entity::find().stream(&again).await?;
        drop(inner);
    }
    drop(again);
    assert_eq!(count(&outer).await?, 1);
    outer.commit().await?;
    assert_eq!(count(&clinic).await?, 1);
    Ok(())
}

#[tokio::test]
async fn isolation_level_and_access_mode_reach_the_server() -> Result<()> {
    let database = TestDatabase::create().await?;
    let (clinic, _) = database.two_tenants().await?;
    let read_only = clinic
        .begin_with_config(Some(IsolationLevel::Serializable), Some(sea_orm::AccessMode::ReadOnly))
        .await?;
    let sql = "SELECT current_setting('transaction_isolation')";
    let row = read_only
        .query_one_raw(sea_orm::Statement::from_string(sea_orm::DbBackend::Postgres, sql))
        .await?
        .unwrap();
    assert_eq!(row.try_get_by_index::<String>(0)?, "serializable");
    let error = rows::service("Massage").insert(&read_only).await.unwrap_err();
    assert!(error.to_string().contains("read-only"), "{error}");
    Ok(())
}

#[tokio::test]
async fn a_pool_of_one_connection_serves_tenants_in_turn_without_leftovers() -> Result<()> {
    let database = TestDatabase::create().await?;
    let mut options = sea_orm::ConnectOptions::new(database.app_url());
    options.max_connections(1);
    let water = Watertight::connect(options).await?;
    let (clinic, studio) = (water.tenant(new_tenant()?), water.tenant(new_tenant()?));
    for _ in 0..3 {
        rows::service("Massage").insert(&clinic).await?;
        rows::service("Yoga").insert(&studio).await?;
        let transaction = clinic.begin().await?;
        rows::service("dropped").insert(&transaction).await?;
        drop(transaction);
    }
    assert_eq!((count(&clinic).await?, count(&studio).await?), (3, 3));
    let setting = "SELECT coalesce(current_setting('watertight.tenant', true), '')";
    let row = water
        .dangerous_unscoped()
        .query_one_raw(sea_orm::Statement::from_string(sea_orm::DbBackend::Postgres, setting))
        .await?
        .unwrap();
    assert_eq!(row.try_get_by_index::<String>(0)?, "");
    assert_eq!(count(water.dangerous_unscoped()).await?, 0, "with no tenant set no row is shown");
    Ok(())
}
