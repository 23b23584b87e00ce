//! One transaction at a time, of one task, and no failed commit that looks like a success.

use anyhow::Result;
use sea_orm::{
    ActiveModelTrait, ConnectionTrait, DatabaseConnection, DbErr, EntityTrait, IsolationLevel,
    PaginatorTrait, TransactionOptions, TransactionTrait,
};
use tokio::sync::oneshot;
use watertight::entity::public::services;
use watertight::{
    DatabaseOptions, Reason, Refusal, TenantConnection, TenantDatabaseError, Watertight, is_outcome_unknown,
};
use watertight_tests::proxy::Proxy;
use watertight_tests::{TestDatabase, new_tenant};

use super::is;
use crate::rows::service;

async fn count(db: &impl ConnectionTrait) -> Result<u64, DbErr> {
    services::Entity::find().count(db).await
}

async fn clinic() -> Result<(TestDatabase, TenantConnection)> {
    let database = TestDatabase::create().await?;
    let (clinic, _) = database.two_tenants().await?;
    Ok((database, clinic))
}

#[tokio::test]
async fn commit_rollback_and_drop() -> Result<()> {
    let (_database, clinic) = clinic().await?;
    let of_clinic = clinic.database_connection();

    let transaction = of_clinic.begin().await?;
    service("Massage").insert(&transaction).await?;
    assert_eq!((count(&transaction).await?, count(&clinic).await?), (1, 0));
    transaction.commit().await?;
    assert_eq!(count(&clinic).await?, 1);

    let transaction = of_clinic.begin().await?;
    service("Pilates").insert(&transaction).await?;
    transaction.rollback().await?;
    assert_eq!(count(of_clinic.connection()).await?, 1);

    let transaction = of_clinic.begin().await?;
    service("Pilates").insert(&transaction).await?;
    drop(transaction);
    assert_eq!(count(of_clinic.connection()).await?, 1);

    let failed = of_clinic
        .transaction_async::<_, (), DbErr>(async |transaction| {
            service("Pilates").insert(transaction).await?;
            Err(DbErr::Custom("no".to_owned()))
        })
        .await;
    assert!(failed.is_err());
    assert_eq!(count(of_clinic.connection()).await?, 1);
    // A transaction without a statement costs nothing, and ends as others do.
    of_clinic.begin().await?.commit().await?;
    of_clinic.finish()?;
    assert_eq!(count(&clinic).await?, 1);
    Ok(())
}

#[tokio::test]
async fn nested_transactions_are_savepoints() -> Result<()> {
    let (_database, clinic) = clinic().await?;
    let of_clinic = clinic.database_connection();
    let outer = of_clinic.begin().await?;
    service("A").insert(&outer).await?;
    let inner = outer.begin().await?;
    service("B").insert(&inner).await?;
    inner.rollback().await?;
    let inner = outer.begin().await?;
    service("C").insert(&inner).await?;
    let innermost = inner.begin().await?;
    service("D").insert(&innermost).await?;
    drop(innermost);
    inner.commit().await?;
    // A failed statement leaves the outer transaction usable after a rollback to the savepoint.
    let inner = outer.begin().await?;
    assert!(inner.execute_unprepared("SELECT 1 / 0").await.is_err());
    inner.rollback().await?;
    service("E").insert(&outer).await?;
    outer.commit().await?;
    of_clinic.finish()?;
    let mut names: Vec<_> =
        services::Entity::find().all(&clinic).await?.into_iter().map(|service| service.name).collect();
    names.sort();
    assert_eq!(names, ["A", "C", "E"]);
    Ok(())
}

#[tokio::test]
async fn a_second_transaction_is_refused() -> Result<()> {
    let (_database, clinic) = clinic().await?;
    let of_clinic = clinic.database_connection();
    let first = of_clinic.begin().await?;
    service("A").insert(&first).await?;
    let second = of_clinic.begin().await?;
    for transaction in [&first, &second] {
        let error = service("B").insert(transaction).await.unwrap_err();
        assert!(is(&error, &TenantDatabaseError::SecondTransaction), "{error}");
    }
    second.rollback().await?;
    let error = service("B").insert(&first).await.unwrap_err();
    assert!(is(&error, &TenantDatabaseError::SecondTransaction), "{error}");
    first.rollback().await?;
    // Both have ended, nothing is lost in silence, and the connection works again.
    service("C").insert(of_clinic.connection()).await?;
    of_clinic.finish()?;
    assert_eq!(count(&clinic).await?, 1);
    Ok(())
}

/// The last statements of two transactions cannot be told apart, so neither commit succeeds in silence.
#[tokio::test]
async fn the_commit_of_a_second_transaction_is_reported() -> Result<()> {
    let (_database, clinic) = clinic().await?;
    let of_clinic = clinic.database_connection();
    let first = of_clinic.begin().await?;
    service("A").insert(&first).await?;
    let second = of_clinic.begin().await?;
    first.commit().await?;
    drop(second);
    let error = count(of_clinic.connection()).await.unwrap_err();
    assert!(is(&error, &TenantDatabaseError::SecondTransaction), "{error}");
    let error = of_clinic.finish().unwrap_err();
    assert!(is(&error, &TenantDatabaseError::SecondTransaction), "{error}");
    assert_eq!(count(&clinic).await?, 0);
    Ok(())
}

async fn begun_by_a_helper(db: DatabaseConnection) -> Result<sea_orm::DatabaseTransaction, DbErr> {
    db.begin().await
}

/// The number of handles to SeaORM's connection is the same as for a nested transaction, until the second ends.
#[tokio::test]
async fn a_second_transaction_behind_a_dropped_clone_is_found() -> Result<()> {
    let (_database, clinic) = clinic().await?;
    let of_clinic = clinic.database_connection();
    let first = begun_by_a_helper(of_clinic.connection().clone()).await?;
    let second = of_clinic.begin().await?;
    let saved = service("A").insert(&second).await;
    second.commit().await?;
    let later = service("B").insert(&first).await;
    assert!(saved.is_err() || later.is_err());
    first.commit().await?;
    assert!(of_clinic.finish().is_err());
    assert_eq!(count(&clinic).await?, 0);
    Ok(())
}

#[tokio::test]
async fn other_tasks_stay_out_of_a_transaction() -> Result<()> {
    let (_database, clinic) = clinic().await?;
    let of_clinic = clinic.database_connection();
    let transaction = of_clinic.begin().await?;
    service("A").insert(&transaction).await?;

    let db = of_clinic.connection().clone();
    let (go, wait) = oneshot::channel::<()>();
    let other = tokio::spawn(async move {
        let read = services::Entity::find().count(&db).await;
        let begun = db.begin().await?;
        let nested = begun.begin().await?;
        let written = service("B").insert(&nested).await;
        wait.await.ok();
        // The transaction of the first task has ended, and this one is still not begun on the server.
        let later = service("C").insert(&nested).await;
        nested.commit().await?;
        let outer = service("D").insert(&begun).await;
        begun.commit().await?;
        let free = service("E").insert(&db).await;
        Ok::<_, DbErr>(([read.map(drop), written.map(drop), later.map(drop), outer.map(drop)], free))
    });
    tokio::task::yield_now().await;
    tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    transaction.commit().await?;
    go.send(()).ok();
    let (refused, free) = other.await??;
    for result in refused {
        let error = result.unwrap_err();
        assert!(is(&error, &TenantDatabaseError::OtherTask), "{error}");
    }
    assert_eq!(free?.name, "E");
    of_clinic.finish()?;
    assert_eq!(count(&clinic).await?, 2);
    Ok(())
}

#[tokio::test]
async fn a_transaction_stays_in_its_task() -> Result<()> {
    let (_database, clinic) = clinic().await?;
    let of_clinic = clinic.database_connection();
    let transaction = of_clinic.begin().await?;
    service("A").insert(&transaction).await?;
    let moved = tokio::spawn(async move {
        let written = service("B").insert(&transaction).await;
        transaction.commit().await?;
        Ok::<_, DbErr>(written)
    });
    let error = moved.await??.unwrap_err();
    assert!(is(&error, &TenantDatabaseError::OtherTask), "{error}");
    let error = of_clinic.finish().unwrap_err();
    assert!(is(&error, &TenantDatabaseError::OtherTask), "{error}");
    assert_eq!(count(&clinic).await?, 0);
    Ok(())
}

#[tokio::test]
async fn an_overlapping_statement_ends_a_transaction() -> Result<()> {
    let (_database, clinic) = clinic().await?;
    let of_clinic = clinic.database_connection();
    let transaction = of_clinic.begin().await?;
    let (inside, outside) =
        tokio::join!(service("A").insert(&transaction), service("B").insert(of_clinic.connection()));
    inside?;
    assert!(is(&outside.unwrap_err(), &TenantDatabaseError::Concurrent));
    transaction.commit().await?;
    let error = of_clinic.finish().unwrap_err();
    assert!(is(&error, &TenantDatabaseError::Concurrent), "{error}");
    assert_eq!(count(&clinic).await?, 0);
    Ok(())
}

#[tokio::test]
async fn an_open_transaction_is_rolled_back_and_reported() -> Result<()> {
    let (_database, clinic) = clinic().await?;
    let of_clinic = clinic.database_connection();
    let transaction = of_clinic.begin().await?;
    service("A").insert(&transaction).await?;
    let error = of_clinic.finish().unwrap_err();
    assert!(is(&error, &TenantDatabaseError::Open), "{error}");
    let error = service("B").insert(&transaction).await.unwrap_err();
    assert!(is(&error, &TenantDatabaseError::Ended), "{error}");
    transaction.commit().await?;
    assert_eq!(count(&clinic).await?, 0);
    Ok(())
}

#[tokio::test]
async fn a_commit_after_a_failed_statement_is_reported() -> Result<()> {
    let (_database, clinic) = clinic().await?;
    let of_clinic = clinic.database_connection();
    let transaction = of_clinic.begin().await?;
    service("A").insert(&transaction).await?;
    assert!(transaction.execute_unprepared("SELECT 1 / 0").await.is_err());
    transaction.commit().await?;
    let error = count(of_clinic.connection()).await.unwrap_err();
    assert!(matches!(TenantDatabaseError::of(&error), Some(TenantDatabaseError::CommitFailed(_))), "{error}");
    let error = of_clinic.finish().unwrap_err();
    assert!(matches!(Refusal::of(&error).map(|refusal| &refusal.reason), Some(Reason::Aborted)), "{error}");
    assert_eq!(count(&clinic).await?, 0);
    Ok(())
}

#[tokio::test]
async fn a_failed_commit_is_reported() -> Result<()> {
    let database = TestDatabase::create().await?;
    let owner = database.owner().await?;
    for sql in [
        "CREATE FUNCTION never() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RAISE EXCEPTION USING ERRCODE = ''23514''; END'",
        "CREATE CONSTRAINT TRIGGER never AFTER INSERT ON services DEFERRABLE INITIALLY DEFERRED FOR EACH ROW \
         EXECUTE FUNCTION never()",
    ] {
        owner.execute_unprepared(sql).await?;
    }
    owner.close().await?;
    let (clinic, _) = database.two_tenants().await?;
    let of_clinic = clinic.database_connection();
    let saved = of_clinic
        .transaction_async::<_, _, DbErr>(async |transaction| service("A").insert(transaction).await)
        .await;
    assert!(saved.is_ok(), "SeaORM reports success");
    let error = of_clinic.finish().unwrap_err();
    assert!(error.sql_err().is_none() && !is_outcome_unknown(&error), "{error}");
    assert!(matches!(error, DbErr::Query(_)), "{error}");
    assert_eq!(count(&clinic).await?, 0);
    Ok(())
}

#[tokio::test]
async fn a_lost_commit_has_an_unknown_outcome() -> Result<()> {
    let database = TestDatabase::create().await?;
    let proxy = Proxy::start(&database.app_url()).await?;
    let mut options = sea_orm::ConnectOptions::new(proxy.url(&database.app_url())?);
    options.test_before_acquire(false);
    let clinic = Watertight::builder().connect(options).await?.tenant(new_tenant()?);
    let of_clinic = clinic.database_connection();
    let transaction = of_clinic.begin().await?;
    service("A").insert(&transaction).await?;
    proxy.lose_answers(true);
    transaction.commit().await?;
    let error = of_clinic.finish().unwrap_err();
    assert!(is_outcome_unknown(&error), "{error}");
    Ok(())
}

#[tokio::test]
async fn a_begin_that_fails_fails_its_statements() -> Result<()> {
    let database = TestDatabase::create().await?;
    let mut options = sea_orm::ConnectOptions::new(database.app_url());
    options.max_connections(1).acquire_timeout(std::time::Duration::from_millis(200));
    let clinic = Watertight::connect(options).await?.tenant(new_tenant()?);
    let other = clinic.begin().await?;
    let of_clinic = clinic.database_connection();
    let transaction = of_clinic.begin().await?;
    assert!(matches!(service("A").insert(&transaction).await, Err(DbErr::ConnectionAcquire(_))));
    other.rollback().await?;
    // The statement that failed is a part of the transaction, so the rest does not run either.
    let error = service("B").insert(&transaction).await.unwrap_err();
    assert!(matches!(TenantDatabaseError::of(&error), Some(TenantDatabaseError::BeginFailed(_))), "{error}");
    transaction.commit().await?;
    assert!(of_clinic.finish().is_err());
    assert_eq!(count(&clinic).await?, 0);
    Ok(())
}

#[tokio::test]
async fn a_cancelled_statement_leaves_the_transaction_closed() -> Result<()> {
    let database = TestDatabase::create().await?;
    let builder = Watertight::builder().dangerous_function("pg_sleep");
    let clinic = database.water_with(builder).await?.tenant(new_tenant()?);
    let of_clinic = clinic.database_connection();
    {
        let transaction = of_clinic.begin().await?;
        service("A").insert(&transaction).await?;
        let slow = transaction.execute_unprepared("SELECT pg_sleep(0.5)");
        tokio::select! {
            biased;
            _ = slow => panic!("the statement is slower"),
            () = tokio::time::sleep(std::time::Duration::from_millis(50)) => {}
        }
    }
    service("B").insert(of_clinic.connection()).await?;
    of_clinic.finish()?;
    let names: Vec<_> =
        services::Entity::find().all(&clinic).await?.into_iter().map(|service| service.name).collect();
    assert_eq!(names, ["B"]);
    Ok(())
}

#[tokio::test]
async fn transactions_have_the_options_of_the_connection() -> Result<()> {
    let (_database, clinic) = clinic().await?;
    let serializable =
        TransactionOptions { isolation_level: Some(IsolationLevel::Serializable), ..Default::default() };
    let of_clinic = clinic.database_connection_with(DatabaseOptions::new().transaction(serializable));
    let transaction = of_clinic.begin().await?;
    let sql = "SELECT current_setting('transaction_isolation') AS level";
    let statement = sea_orm::Statement::from_string(sea_orm::DbBackend::Postgres, sql);
    let level = transaction.query_one_raw(statement).await?.unwrap().try_get::<String>("", "level")?;
    assert_eq!(level, "serializable");
    transaction.commit().await?;
    of_clinic.finish()?;
    Ok(())
}
