//! The round trips of isolation. Statements are prepared before, so that preparing them is not counted.

use anyhow::Result;
use sea_orm::{ActiveModelTrait, ConnectOptions, ConnectionTrait, EntityTrait, PaginatorTrait};
use watertight::entity::public::services;
use watertight::{Builder, Layers, TenantConnection, Watertight};
use watertight_testing::CountingProxy;
use watertight_tests::{TestDatabase, new_tenant};

use crate::{auth, rows};

pub(crate) async fn through(
    proxy: &CountingProxy,
    database: &TestDatabase,
    builder: Builder,
) -> Result<TenantConnection> {
    let mut options = ConnectOptions::new(proxy.url(&database.app_url())?);
    // Off, because the pool's own ping before each use is not a cost of isolation.
    options.max_connections(1).test_before_acquire(false);
    Ok(builder.connect(options).await?.tenant(new_tenant()?))
}

async fn read(db: &impl ConnectionTrait) -> Result<()> {
    services::Entity::find().count(db).await?;
    Ok(())
}

async fn write(db: &impl ConnectionTrait) -> Result<()> {
    rows::service("Massage").insert(db).await?;
    Ok(())
}

#[tokio::test]
async fn inside_a_transaction_isolation_costs_no_round_trip() -> Result<()> {
    let database = TestDatabase::create().await?;
    let proxy = CountingProxy::start(&database.app_url()).await?;
    let tenant = through(&proxy, &database, Watertight::builder()).await?;
    let warm = tenant.begin().await?;
    read(&warm).await?;
    write(&warm).await?;
    warm.commit().await?;

    let start = proxy.settled().await;
    let transaction = tenant.begin().await?;
    assert_eq!(proxy.turns() - start, 1, "BEGIN");
    read(&transaction).await?;
    assert_eq!(proxy.turns() - start, 2);
    write(&transaction).await?;
    assert_eq!(proxy.turns() - start, 3);
    transaction.commit().await?;
    assert_eq!(proxy.turns() - start, 4);
    Ok(())
}

#[tokio::test]
async fn outside_a_transaction_isolation_costs_no_round_trip() -> Result<()> {
    let database = TestDatabase::create().await?;
    let proxy = CountingProxy::start(&database.app_url()).await?;
    let tenant = through(&proxy, &database, Watertight::builder()).await?;
    read(&tenant).await?;
    write(&tenant).await?;
    tenant.execute_unprepared("SELECT 1").await?;

    let start = proxy.settled().await;
    read(&tenant).await?;
    assert_eq!(proxy.turns() - start, 1, "the statement, and the setting with it");
    let start = proxy.settled().await;
    write(&tenant).await?;
    assert_eq!(proxy.turns() - start, 1, "the statement, and the setting with it");
    let start = proxy.settled().await;
    tenant.execute_unprepared("SELECT 1").await?;
    assert_eq!(proxy.turns() - start, 1, "a statement that names no table brings the setting, too");
    Ok(())
}

#[tokio::test]
async fn behind_a_pooler_and_on_a_replica_a_transaction_is_opened() -> Result<()> {
    let database = TestDatabase::create().await?;
    let proxy = CountingProxy::start(&database.app_url()).await?;
    let pooled = through(&proxy, &database, Watertight::builder().transaction_pooler(true)).await?;
    write(&pooled).await?;
    let start = proxy.settled().await;
    write(&pooled).await?;
    assert_eq!(proxy.turns() - start, 4, "BEGIN; the preparing; the statement; COMMIT");

    let replica = through(&proxy, &database, Watertight::builder().read_only()).await?;
    read(&replica).await?;
    let start = proxy.settled().await;
    read(&replica).await?;
    assert_eq!(proxy.turns() - start, 2, "BEGIN READ ONLY; the statement");
    Ok(())
}

/// A savepoint for the driver's look-up of types is set until the first row, and not afterwards.
#[tokio::test]
async fn behind_a_pooler_a_known_result_costs_no_savepoint() -> Result<()> {
    let database = TestDatabase::create().await?;
    let proxy = CountingProxy::start(&database.app_url()).await?;
    let pooled = through(&proxy, &database, Watertight::builder().transaction_pooler(true)).await?;
    let vector = async |db: &watertight::TenantTransaction| {
        let sql = "SELECT to_tsvector('simple', 'a b')";
        db.query_one_raw(sea_orm::Statement::from_string(sea_orm::DbBackend::Postgres, sql)).await
    };
    let transaction = pooled.begin().await?;
    let start = proxy.settled().await;
    vector(&transaction).await?;
    assert!(proxy.turns() - start > 6, "the savepoint; the failure; the second run");
    read(&transaction).await?;
    let start = proxy.settled().await;
    read(&transaction).await?;
    assert_eq!(proxy.turns() - start, 2, "the preparing; the statement");
    let start = proxy.settled().await;
    vector(&transaction).await?;
    assert_eq!(
        proxy.turns() - start,
        3,
        "the array type, once for a connection; the preparing; the statement"
    );
    let start = proxy.settled().await;
    vector(&transaction).await?;
    assert_eq!(proxy.turns() - start, 2, "the preparing; the statement");
    transaction.execute_unprepared("DELETE FROM services WHERE false").await?;
    let start = proxy.settled().await;
    transaction.execute_unprepared("DELETE FROM services WHERE false").await?;
    assert_eq!(proxy.turns() - start, 2, "a statement without a result");
    Ok(())
}

#[tokio::test]
async fn with_rewriting_alone_a_statement_is_one_round_trip() -> Result<()> {
    let database = TestDatabase::create().await?;
    let proxy = CountingProxy::start(&database.app_url()).await?;
    crate::row_security::disable(&database).await?;
    let tenant =
        through(&proxy, &database, Watertight::builder().dangerous_layers(Layers::RewritingOnly)).await?;
    read(&tenant).await?;
    let start = proxy.settled().await;
    read(&tenant).await?;
    assert_eq!(proxy.turns() - start, 1);
    Ok(())
}

#[tokio::test]
async fn a_valid_token_costs_one_query_and_an_invalid_token_none() -> Result<()> {
    let database = TestDatabase::create().await?;
    let proxy = CountingProxy::start(&database.app_url()).await?;
    let tenant = through(&proxy, &database, Watertight::builder().auth(auth::settings())).await?;
    auth::user(&tenant, "jess").await?;
    let token = tenant.auth().login(auth::request("jess", auth::PASSWORD)).await?.token;
    assert!(tenant.auth().authenticate(token.expose_secret()).await?.is_some());

    let start = proxy.settled().await;
    assert!(tenant.auth().authenticate(token.expose_secret()).await?.is_some());
    assert_eq!(proxy.turns() - start, 1, "the query, and the setting with it");
    let start = proxy.settled().await;
    assert!(tenant.auth().authenticate(&token.expose_secret().replace('-', "0")).await?.is_none());
    assert_eq!(proxy.turns() - start, 0);
    Ok(())
}

#[tokio::test]
async fn an_unknown_user_costs_the_same_round_trips_as_a_wrong_password() -> Result<()> {
    let database = TestDatabase::create().await?;
    let proxy = CountingProxy::start(&database.app_url()).await?;
    let tenant = through(&proxy, &database, Watertight::builder().auth(auth::settings())).await?;
    auth::user(&tenant, "jess").await?;
    let jess = tenant.auth().users().all().await?.remove(0);
    let mut costs = Vec::new();
    // Two rounds: the first prepares the statements.
    for name in ["jess", "nobody", "jess@example.com", "nobody@example.com"].repeat(2) {
        let start = proxy.settled().await;
        assert!(tenant.auth().login(auth::request(name, "wrong")).await.is_err());
        costs.push(proxy.settled().await - start);
        tenant.auth().users().unlock(jess.id).await?;
    }
    assert_eq!(costs[4], costs[5], "by handle");
    assert_eq!(costs[6], costs[7], "by email");
    Ok(())
}
