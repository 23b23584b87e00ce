//! Templates and copies.

use std::time::Instant;

use anyhow::Result;
use sea_orm::{ConnectionTrait, Database, DatabaseConnection, DbErr, EntityTrait, PaginatorTrait, Statement};
use uuid::Uuid;
use watertight::TenantId;
use watertight_testing::{Template, TestDatabase, TestError, TestServer};

use crate::application::{add_project, builder, project, server, template};

async fn exists(server: &TestServer, name: &str) -> Result<bool> {
    let other = TestDatabase::empty(server).await?;
    let owner = other.owner().await?;
    let sql = format!("SELECT FROM pg_database WHERE datname = '{name}'");
    let row = owner.query_one_raw(Statement::from_string(owner.get_database_backend(), sql)).await?;
    Ok(row.is_some())
}

#[tokio::test]
async fn copies_have_the_tables_and_no_rows_of_one_another() -> Result<()> {
    let template = template().await?;
    let started = Instant::now();
    let (first, second) = tokio::try_join!(template.database(), template.database())?;
    println!("two copies in {:?}", started.elapsed());
    let tenant = TenantId::new(Uuid::new_v4())?;
    add_project(&first.connect(builder()).await?.tenant(tenant), "Dam").await?;
    let tenant = second.connect(builder()).await?.tenant(tenant);
    assert_eq!(project::Entity::find().count(&tenant).await?, 0);
    Ok(())
}

#[tokio::test]
async fn a_database_is_dropped_with_its_value_even_after_a_panic() -> Result<()> {
    let (server, template) = (server().await?, template().await?);
    let database = template.database().await?;
    let name = database.name().to_owned();
    assert!(exists(server, &name).await?);
    // A session that is still connected does not keep the database.
    let session = Database::connect(database.app_url()).await?;
    session.ping().await?;
    let panicked = std::thread::spawn(move || {
        let _database = database;
        panic!("expected")
    })
    .join();
    assert!(panicked.is_err());
    assert!(!exists(server, &name).await?);
    Ok(())
}

#[tokio::test]
async fn failing_migrations_are_reported_with_their_cause() -> Result<()> {
    let failing =
        |owner: DatabaseConnection| async move { owner.execute_unprepared("SELECT 1/0").await.map(drop) };
    let error = Template::create(server().await?, failing).await.unwrap_err();
    assert!(matches!(error, TestError::Migrations(_)), "{error:?}");
    let source = std::error::Error::source(&error).expect("a cause").to_string();
    assert!(source.contains("division by zero"), "{source}");
    Ok(())
}

#[tokio::test]
async fn databases_of_an_ended_process_are_dropped_by_the_next() -> Result<()> {
    let owner_url = std::env::var("DATABASE_OWNER_URL");
    let Ok(owner_url) = owner_url else { return Ok(()) };
    // The number belongs to no process, so its lock is free.
    let name = format!("watertight_test_{:08x}_0", Uuid::new_v4().as_fields().0);
    let owner = Database::connect(&owner_url).await?;
    owner.execute_unprepared(&format!("CREATE DATABASE {name}")).await?;
    let other = template().await?.database().await?;
    let server = TestServer::from_env().await?;
    assert!(!exists(&server, &name).await?, "{name} is left");
    let live = other.connect(builder()).await?;
    assert!(live.dangerous_unscoped().ping().await.is_ok(), "a database of this process was dropped");
    Ok::<_, DbErr>(())?;
    Ok(())
}

#[tokio::test]
async fn a_url_without_a_role_is_refused() {
    for (url, reason) in
        [("postgres://db/shop", "no role"), ("mysql://u@db/shop", "mysql"), ("shop", "relative")]
    {
        let error = TestServer::at(url, "postgres://app@db/shop").unwrap_err().to_string();
        assert!(error.contains("owner_url") && error.contains(reason), "{error}");
    }
}
