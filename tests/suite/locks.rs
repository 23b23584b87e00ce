//! The locks of a tenant by name.

use std::time::Duration;

use anyhow::Result;
use tokio::time::timeout;
use watertight::{LockError, Reason, Refusal, TenantTransaction, Watertight};
use watertight_tests::{TestDatabase, new_tenant};

#[tokio::test]
async fn one_transaction_of_a_tenant_has_a_lock_and_tenants_do_not_block_each_other() -> Result<()> {
    let database = TestDatabase::create().await?;
    let (clinic, studio) = database.two_tenants().await?;
    let holder = clinic.begin().await?;
    holder.lock("import").await?;
    holder.lock("import").await?;

    let other = clinic.begin().await?;
    assert!(!other.try_lock("import").await?);
    assert!(other.try_lock("export").await?, "another name");
    let elsewhere = studio.begin().await?;
    assert!(elsewhere.try_lock("import").await?, "another tenant");

    // The waiting transaction continues at the end of the one that holds the lock.
    let waiting = tokio::spawn(async move { other.lock("import").await.map(|()| other) });
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert!(!waiting.is_finished());
    holder.commit().await?;
    let other = timeout(Duration::from_secs(10), waiting).await???;
    assert!(!clinic.begin().await?.try_lock("import").await?, "the other one has it now");
    other.rollback().await?;
    assert!(clinic.begin().await?.try_lock("import").await?);
    Ok(())
}

#[tokio::test]
async fn a_lock_ends_with_the_rollback_of_its_savepoint() -> Result<()> {
    let database = TestDatabase::create().await?;
    let (clinic, _) = database.two_tenants().await?;
    let outer = clinic.begin().await?;
    outer.lock("kept").await?;
    let inner = outer.begin().await?;
    inner.lock("given back").await?;
    inner.rollback().await?;
    let other = clinic.begin().await?;
    assert!(!other.try_lock("kept").await?);
    assert!(other.try_lock("given back").await?);
    // A dropped transaction gives its locks back, too.
    drop(outer);
    other.lock("kept").await?;
    Ok(())
}

/// Names and tenants cannot run into each other, and every name is one.
#[tokio::test]
async fn odd_names_are_names() -> Result<()> {
    let database = TestDatabase::create().await?;
    let (clinic, studio) = database.two_tenants().await?;
    let holder = clinic.begin().await?;
    let long = "n".repeat(100_000);
    let (of_clinic, of_studio) = (clinic.tenant_id(), studio.tenant_id());
    let names = ["a", "A", "a ", "\0", "'; SELECT 1; --", "ü", &long, &format!("{of_studio}a")];
    for name in names {
        holder.lock(name).await?;
    }
    let (same, other) = (clinic.begin().await?, studio.begin().await?);
    for name in names {
        assert!(!same.try_lock(name).await?, "{name}");
        assert!(other.try_lock(name).await?, "{name}");
    }
    assert!(other.try_lock(&format!("{of_clinic}a")).await?);
    assert!(matches!(holder.lock("").await, Err(LockError::InvalidInput(_))));
    assert!(matches!(holder.try_lock("").await, Err(LockError::InvalidInput(_))));
    Ok(())
}

#[tokio::test]
async fn sql_takes_no_advisory_lock_and_a_replica_has_none() -> Result<()> {
    let database = TestDatabase::create().await?;
    let (clinic, _) = database.two_tenants().await?;
    let transaction = clinic.begin().await?;
    for sql in [
        "SELECT pg_advisory_xact_lock(1)",
        "SELECT pg_catalog.pg_try_advisory_lock(1, 2)",
        "SELECT pg_advisory_unlock_all()",
    ] {
        let refused = transaction.execute_unprepared(sql).await.unwrap_err();
        assert!(Refusal::of(&refused).is_some(), "{sql}: {refused}");
    }
    let replica = database.water_with(Watertight::builder().read_only()).await?;
    let reading = replica.tenant(new_tenant()?).begin().await?;
    let refused = reading.lock("import").await.unwrap_err();
    assert!(matches!(refused, LockError::Database(ref error)
        if Refusal::of(error).is_some_and(|refusal| refusal.reason == Reason::ReadOnly)));
    Ok(())
}

/// A failed statement leaves a transaction that cannot take a lock, and an outer transaction cannot take one for an
/// inner.
#[tokio::test]
async fn a_lock_needs_the_innermost_transaction_without_errors() -> Result<()> {
    let database = TestDatabase::create().await?;
    let (clinic, _) = database.two_tenants().await?;
    let outer = clinic.begin().await?;
    let inner = outer.begin().await?;
    let nesting = outer.lock("import").await.unwrap_err();
    assert!(matches!(nesting, LockError::Database(ref error)
        if Refusal::of(error).is_some_and(|refusal| refusal.reason == Reason::Nesting)));
    inner.execute_unprepared("SELECT 1 / 0").await.unwrap_err();
    assert!(inner.lock("import").await.is_err());
    let commit: Result<(), _> = TenantTransaction::commit(inner).await;
    assert!(commit.is_err());
    outer.lock("import").await?;
    Ok(())
}
