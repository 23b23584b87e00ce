//! The plan's script and the adoption have the same result, also with concurrent sessions.

use std::time::Duration;

use anyhow::Result;
use sea_orm::{ConnectOptions, ConnectionTrait, Database, DatabaseConnection, TransactionTrait};

use super::{CLINIC, adoption, listing, plant, texts, with_rows};

#[tokio::test]
async fn the_script_of_the_plan_has_the_same_result_as_run() -> Result<()> {
    let (database, owner) = with_rows().await?;
    let before = listing::everything(&owner).await?;
    let plan = adoption().plan(&owner).await?;
    listing::assert_same(&listing::everything(&owner).await?, &before);
    owner.close().await?;
    let (copy, other) = (database.duplicate().await?, database.duplicate().await?);

    let owner = database.owner().await?;
    let report = adoption().run(&owner).await?;
    assert_eq!(report.statements, plan.statements().len());
    assert_eq!(report.migrations, plan.migrations());
    let expected = without_clock(listing::everything(&owner).await?);

    let by_hand = copy.owner().await?;
    let transaction = by_hand.begin().await?;
    for statement in plan.statements() {
        transaction.execute_unprepared(statement).await?;
    }
    transaction.commit().await?;
    listing::assert_same(&without_clock(listing::everything(&by_hand).await?), &expected);

    let mut options = ConnectOptions::new(other.owner_url());
    options.max_connections(1);
    Database::connect(options).await?.execute_unprepared(&plan.to_string()).await?;
    let as_script = other.owner().await?;
    listing::assert_same(&without_clock(listing::everything(&as_script).await?), &expected);
    Ok(())
}

/// A listing without the times at which migrations were applied.
fn without_clock(listing: Vec<String>) -> Vec<String> {
    listing
        .into_iter()
        // A script does not contain the tenant keys that `run` adds.
        .filter(|line| !line.starts_with("watertight.tenant_keys "))
        .map(|line| match line.strip_prefix("seaql_migrations ") {
            Some(row) => row.split(',').next().unwrap_or_default().to_owned(),
            None => line,
        })
        .collect()
}

#[tokio::test]
async fn a_row_committed_before_the_locks_are_acquired_is_adopted() -> Result<()> {
    let (database, owner) = with_rows().await?;
    let writer = database.owner().await?;
    let writing = writer.begin().await?;
    writing
        .execute_unprepared(&format!(
            "INSERT INTO public.clients (id, tenant_id, first_name, last_name, email) VALUES \
             ('c0000000-0000-4000-8000-0000000000ff', '{CLINIC}', 'Late', 'Doe', 'late@example.com')"
        ))
        .await?;
    let adopting = tokio::spawn(async move { adoption().run(&owner).await.map(|_| owner) });
    wait_for_lock(&writer).await?;
    assert!(!adopting.is_finished());
    writing.commit().await?;
    let owner = adopting.await??;
    let rows = listing::rows(&owner).await?;
    assert!(rows.iter().any(|row| row.contains("late@example.com")));
    Ok(())
}

#[tokio::test]
async fn a_row_written_after_the_locks_is_refused_and_not_lost() -> Result<()> {
    let (database, owner) = with_rows().await?;
    let (blocker, writer) = (database.owner().await?, database.owner().await?);
    // Blocks the adoption after its locks, when it creates the new table of this name.
    let blocking = blocker.begin().await?;
    blocking.execute_unprepared("CREATE TABLE public.gift_certificate_redemptions ()").await?;
    let adopting = tokio::spawn(async move { adoption().run(&owner).await });
    wait_for_lock(&blocker).await?;
    let writing = tokio::spawn(async move {
        plant(
            &writer,
            &format!(
                "INSERT INTO public.clients (tenant_id, first_name, last_name, email) \
                 VALUES ('{CLINIC}', 'Late', 'Doe', 'late@example.com')"
            ),
        )
        .await
    });
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert!(!adopting.is_finished() && !writing.is_finished());
    blocking.rollback().await?;
    adopting.await??;
    let refused = writing.await?.unwrap_err();
    assert!(format!("{refused:?}").contains("row-level security"), "{refused:?}");
    Ok(())
}

/// Waits until a session of this database waits for a lock.
async fn wait_for_lock(db: &DatabaseConnection) -> Result<()> {
    let waiting = "SELECT pid::text FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'";
    while texts(db, waiting).await?.is_empty() {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    Ok(())
}
