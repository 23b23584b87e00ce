//! An application that knows nothing of the tenant keeps writing while the first three phases run.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use anyhow::Result;
use sea_orm::{ConnectionTrait, DatabaseConnection};
use watertight_migration::TenantType;
use watertight_migration::convert::Phase;

use super::Application;
use super::bakery::SQL;
use crate::adopt::texts;

const FIRST: &str = "7b0e8d3c-5a53-4f6e-9b0e-0f8a1f0f2a11";

/// Inserts, updates, upserts and deletes until it is told to stop, and returns the first error.
async fn write(
    db: DatabaseConnection,
    writer: u32,
    stop: Arc<AtomicBool>,
    written: Arc<AtomicU32>,
) -> Result<()> {
    let mut number = 0;
    while !stop.load(Ordering::Relaxed) {
        number += 1;
        let name = format!("w{writer}-{number}");
        for sql in [
            format!("INSERT INTO customer (name) VALUES ('{name}')"),
            format!(
                "INSERT INTO customer (name) VALUES ('{name}') ON CONFLICT (name) DO UPDATE SET notes = 'again'"
            ),
            format!(
                "INSERT INTO \"order\" (total, bakery_id, customer_id, placed_at) SELECT 1, 1, id, now() FROM customer WHERE name = '{name}'"
            ),
            format!("UPDATE customer SET notes = 'x' WHERE name = '{name}'"),
            format!(
                "INSERT INTO cakes_bakers SELECT {number} % 50 + 1, 2 ON CONFLICT (cake_id, baker_id) DO NOTHING"
            ),
        ] {
            db.execute_unprepared(&sql).await.map_err(|error| anyhow::anyhow!("{sql}: {error}"))?;
        }
        written.fetch_add(1, Ordering::Relaxed);
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn the_present_application_writes_until_row_level_security_is_on() -> Result<()> {
    let application = Application::new(SQL, TenantType::Uuid).await?;
    let conversion = application.conversion().tenant(FIRST);
    let (stop, written) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU32::new(0)));
    let mut writers = Vec::new();
    for writer in 0..3 {
        // The application still connects as the owner of its tables.
        let db = application.owner().await?;
        writers.push(tokio::spawn(write(db, writer, Arc::clone(&stop), Arc::clone(&written))));
    }
    let owner = application.owner().await?;
    for phase in [Phase::Column, Phase::Keys, Phase::ForeignKeys] {
        let before = written.load(Ordering::Relaxed);
        conversion.run(&owner, phase, |_| ()).await?;
        while written.load(Ordering::Relaxed) < before + 5
            && !writers.iter().any(tokio::task::JoinHandle::is_finished)
        {
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
    }
    stop.store(true, Ordering::Relaxed);
    for writer in writers {
        writer.await??;
    }
    let customers: u32 =
        texts(&owner, "SELECT count(*)::text FROM customer WHERE name LIKE 'w%'").await?[0].parse()?;
    assert!(customers >= 15 && customers == written.load(Ordering::Relaxed), "{customers} {written:?}");
    for phase in [Phase::Isolation, Phase::OldKeys] {
        conversion.run(&owner, phase, |_| ()).await?;
    }
    let seen = application.read_as(FIRST, "SELECT count(*)::text FROM customer WHERE name LIKE 'w%'").await?;
    assert_eq!(seen, [customers.to_string()]);
    Ok(())
}

/// Of two runs at the same time, one waits for the other and finds everything done.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn runs_at_the_same_time_take_turns() -> Result<()> {
    let application = Application::new(SQL, TenantType::Uuid).await?;
    let mut runs = Vec::new();
    for _ in 0..2 {
        let (owner, conversion) = (application.owner().await?, application.conversion().tenant(FIRST));
        runs.push(tokio::spawn(async move {
            let mut steps = 0;
            for phase in Phase::ALL {
                let report = conversion.run(&owner, phase, |_| ()).await?;
                steps += report.phases.iter().map(|phase| phase.steps).sum::<usize>();
            }
            anyhow::Ok(steps)
        }));
    }
    let mut steps = Vec::new();
    for run in runs {
        steps.push(run.await??);
    }
    let owner = application.owner().await?;
    assert!(application.conversion().plan(&owner).await?.is_done());
    let doubled = texts(
        &owner,
        "SELECT count(*)::text FROM watertight.conversions GROUP BY table_name, kind, name HAVING count(*) > 1",
    );
    assert_eq!(doubled.await?, [""; 0]);
    assert!(steps.iter().sum::<usize>() > 60, "{steps:?}");
    Ok(())
}

/// A step whose lock is not granted in time gives up, and says which table is busy.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_step_that_gets_no_lock_gives_up_and_changes_nothing() -> Result<()> {
    let application = Application::new(SQL, TenantType::Uuid).await?;
    let owner = application.owner().await?;
    if !has_timers(&owner).await? {
        println!("this server has no timers: lock timeouts are not tested");
        return Ok(());
    }
    let holder = sea_orm::TransactionTrait::begin(&owner).await?;
    holder.execute_unprepared("INSERT INTO bakery (name, profit_margin) VALUES ('x', 1)").await?;
    let conversion =
        application.conversion().tenant(FIRST).lock_timeout(std::time::Duration::from_millis(50), 2);
    let other = application.owner().await?;
    let error = conversion.run(&other, Phase::Column, |_| ()).await.expect_err("locked").to_string();
    assert!(error.contains("within 2 attempts"), "{error}");
    holder.rollback().await?;
    conversion.run(&other, Phase::Column, |_| ()).await?;
    Ok(())
}

async fn has_timers(db: &DatabaseConnection) -> Result<bool> {
    let transaction = sea_orm::TransactionTrait::begin(db).await?;
    transaction.execute_unprepared("SET LOCAL statement_timeout = 20").await?;
    Ok(transaction.execute_unprepared("SELECT pg_sleep(0.3)").await.is_err())
}
