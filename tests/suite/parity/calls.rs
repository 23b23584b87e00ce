//! Calls of every method on a real database, with no trait of SeaORM's in scope.

use anyhow::Result;
use futures_util::TryStreamExt;
use sea_orm::sea_query::{Expr, Query, SelectStatement};
use sea_orm::{
    AccessMode, DbBackend, DbErr, IsolationLevel, Statement, TransactionError, TransactionOptions,
};
use watertight::entity::public::services;
use watertight::{Reason, Refusal, TenantConnection, TenantTransaction, Watertight};
use watertight_testing::CountingProxy;
use watertight_tests::{TestDatabase, new_tenant};

use crate::round_trips::through;

const ADD: &str = "INSERT INTO services (name, duration_minutes, price_cents) VALUES ('Massage', 60, 9000)";

const CLEAR: &str = "DELETE FROM services";

fn raw(sql: &str) -> Statement {
    Statement::from_string(DbBackend::Postgres, sql)
}

fn names() -> SelectStatement {
    Query::select().column(services::Column::Name).from(services::Entity).to_owned()
}

/// The number of services. Every method that returns rows finds the same number.
macro_rules! count {
    ($db:expr) => {{
        let db = $db;
        let all = db.query_all(&names()).await?.len();
        assert_eq!(db.query_all_raw(raw("SELECT name FROM services")).await?.len(), all);
        assert_eq!(db.query_one(&names()).await?.is_some(), all > 0);
        assert_eq!(db.query_one_raw(raw("SELECT name FROM services")).await?.is_some(), all > 0);
        assert_eq!(db.stream(&names()).await?.try_collect::<Vec<_>>().await?.len(), all);
        let streamed = db.stream_raw(raw("SELECT name FROM services")).await?;
        assert_eq!(streamed.try_collect::<Vec<_>>().await?.len(), all);
        all
    }};
}

async fn count(tenant: &TenantConnection) -> Result<usize> {
    Ok(count!(tenant))
}

async fn two_tenants(database: &TestDatabase) -> Result<(TenantConnection, TenantConnection)> {
    let (clinic, studio) = database.two_tenants().await?;
    studio.execute_unprepared(ADD).await?;
    Ok((clinic, studio))
}

#[tokio::test]
async fn statements_are_executed_within_the_tenant() -> Result<()> {
    let database = TestDatabase::create().await?;
    let (clinic, studio) = two_tenants(&database).await?;
    assert_eq!(count(&clinic).await?, 0);
    assert_eq!(clinic.execute_unprepared(ADD).await?.rows_affected(), 1);
    assert_eq!(clinic.execute_raw(raw(ADD)).await?.rows_affected(), 1);
    assert_eq!(count(&clinic).await?, 2);
    let all = Query::delete().from_table(services::Entity).and_where(Expr::val(true)).to_owned();
    assert_eq!(clinic.execute(&all).await?.rows_affected(), 2);
    assert_eq!((count(&clinic).await?, count(&studio).await?), (0, 1));
    Ok(())
}

#[tokio::test]
async fn the_backend_is_known_without_a_trait() -> Result<()> {
    let database = TestDatabase::create().await?;
    let (clinic, _) = database.two_tenants().await?;
    let transaction = clinic.begin().await?;
    assert_eq!(clinic.get_database_backend(), DbBackend::Postgres);
    assert_eq!(transaction.get_database_backend(), DbBackend::Postgres);
    assert!(clinic.support_returning() && transaction.support_returning());
    assert!(!clinic.is_mock_connection() && !transaction.is_mock_connection());
    Ok(())
}

/// Without inherent methods a call would be ambiguous with both traits in scope.
#[tokio::test]
async fn the_backend_is_known_with_both_traits() -> Result<()> {
    #[expect(unused_imports, reason = "that the call is not ambiguous is the test")]
    use sea_orm::{ConnectionTrait as _, StreamTrait as _};
    let database = TestDatabase::create().await?;
    let (clinic, _) = database.two_tenants().await?;
    let transaction = clinic.begin().await?;
    assert_eq!(clinic.get_database_backend(), transaction.get_database_backend());
    Ok(())
}

#[tokio::test]
async fn transactions_are_committed_and_rolled_back() -> Result<()> {
    let database = TestDatabase::create().await?;
    let (clinic, studio) = two_tenants(&database).await?;
    let transaction = clinic.begin().await?;
    transaction.execute_raw(raw(ADD)).await?;
    let inner = transaction.begin().await?;
    inner.execute_unprepared(ADD).await?;
    assert_eq!(count!(&inner), 2);
    inner.rollback().await?;
    assert_eq!(count!(&transaction), 1);
    transaction.commit().await?;
    assert_eq!(count(&clinic).await?, 1);

    let transaction = clinic.begin_with_options(TransactionOptions::default()).await?;
    let all = Query::delete().from_table(services::Entity).to_owned();
    assert_eq!(transaction.execute(&all).await?.rows_affected(), 1);
    transaction.rollback().await?;
    assert_eq!((count(&clinic).await?, count(&studio).await?), (1, 1));
    Ok(())
}

async fn isolation(transaction: &TenantTransaction) -> Result<(String, String), DbErr> {
    let sql = "SELECT current_setting('transaction_isolation') AS level, current_setting('transaction_read_only') AS mode";
    let row = transaction.query_one_raw(raw(sql)).await?;
    let row = row.ok_or_else(|| DbErr::RecordNotFound("one row".into()))?;
    Ok((row.try_get("", "level")?, row.try_get("", "mode")?))
}

const LEVEL: Option<IsolationLevel> = Some(IsolationLevel::RepeatableRead);

const MODE: Option<AccessMode> = Some(AccessMode::ReadOnly);

#[tokio::test]
async fn an_isolation_level_and_access_mode_hold_for_the_transaction() -> Result<()> {
    let database = TestDatabase::create().await?;
    let water =
        database.water_with(Watertight::builder().dangerous_function("pg_catalog.current_setting")).await?;
    let clinic = water.tenant(new_tenant()?);
    let expected = ("repeatable read".to_owned(), "on".to_owned());
    assert_eq!(isolation(&clinic.begin_with_config(LEVEL, MODE).await?).await?, expected);
    let seen = clinic
        .transaction_with_config::<_, _, DbErr>(|transaction| Box::pin(isolation(transaction)), LEVEL, MODE)
        .await?;
    assert_eq!(seen, expected);
    assert_eq!(clinic.transaction_with_config_async(isolation, LEVEL, MODE).await?, expected);

    let transaction = clinic.begin().await?;
    let refused = transaction.begin_with_config(LEVEL, None).await.unwrap_err();
    assert!(matches!(Refusal::of(&refused).map(|refusal| &refusal.reason), Some(Reason::Unsupported(_))));
    let refused = transaction.transaction_with_config_async(isolation, None, MODE).await;
    assert!(matches!(refused, Err(TransactionError::Connection(_))), "{refused:?}");
    Ok(())
}

#[tokio::test]
async fn a_callback_is_committed_on_ok_and_rolled_back_on_err() -> Result<()> {
    let database = TestDatabase::create().await?;
    let (clinic, studio) = two_tenants(&database).await?;
    clinic.transaction::<_, _, DbErr>(|inside| Box::pin(inside.execute_unprepared(ADD))).await?;
    let transaction = clinic.begin().await?;
    transaction.transaction::<_, _, DbErr>(|inside| Box::pin(inside.execute_unprepared(ADD))).await?;
    let failed = transaction
        .transaction::<_, (), DbErr>(|inside| {
            Box::pin(async move {
                inside.execute_unprepared(CLEAR).await?;
                Err(DbErr::Custom("no".into()))
            })
        })
        .await;
    assert!(matches!(failed, Err(TransactionError::Transaction(DbErr::Custom(_)))), "{failed:?}");
    assert_eq!(count!(&transaction), 2);
    transaction.commit().await?;
    assert_eq!((count(&clinic).await?, count(&studio).await?), (2, 1));
    Ok(())
}

#[tokio::test]
async fn an_async_closure_borrows_from_its_surroundings() -> Result<()> {
    let database = TestDatabase::create().await?;
    let (clinic, studio) = two_tenants(&database).await?;
    let (statement, mut affected) = (ADD.to_owned(), Vec::new());
    clinic
        .transaction_async(async |transaction| {
            affected.push(transaction.execute_unprepared(&statement).await?.rows_affected());
            transaction
                .transaction_async(async |inner| {
                    affected.push(inner.execute_unprepared(&statement).await?.rows_affected());
                    Ok::<_, DbErr>(())
                })
                .await
                .map_err(|error| DbErr::Custom(error.to_string()))?;
            let failed = transaction
                .transaction_async(async |inner| {
                    affected.push(inner.execute_unprepared(CLEAR).await?.rows_affected());
                    Err::<(), _>(DbErr::Custom("no".into()))
                })
                .await;
            assert!(matches!(failed, Err(TransactionError::Transaction(_))), "{failed:?}");
            Ok::<_, DbErr>(())
        })
        .await?;
    assert_eq!(affected, [1, 1, 2]);
    assert_eq!((count(&clinic).await?, count(&studio).await?), (2, 1));

    let failed = clinic
        .transaction_async(async |transaction| {
            affected.push(transaction.execute_unprepared(CLEAR).await?.rows_affected());
            Err::<(), _>(DbErr::Custom("no".into()))
        })
        .await;
    assert!(matches!(failed, Err(TransactionError::Transaction(_))), "{failed:?}");
    assert_eq!((affected.last(), count(&clinic).await?), (Some(&2), 2));
    Ok(())
}

#[tokio::test]
async fn a_ping_is_one_round_trip_and_fails_on_a_lost_connection() -> Result<()> {
    let database = TestDatabase::create().await?;
    let proxy = CountingProxy::start(&database.app_url()).await?;
    let tenant = through(&proxy, &database, Watertight::builder()).await?;
    tenant.ping().await?;
    let start = proxy.settled().await;
    tenant.ping().await?;
    assert_eq!(proxy.turns() - start, 1);

    // The server ends the backend some time after the statement that requests it.
    let others = "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity \
                  WHERE datname = current_database() AND pid <> pg_backend_pid() AND usename <> current_user";
    sea_orm::ConnectionTrait::execute_unprepared(&database.owner().await?, others).await?;
    let error = tenant.ping().await.unwrap_err();
    assert!(matches!(error, DbErr::Conn(_)), "{error:?}");
    tenant.ping().await?;
    Ok(())
}
