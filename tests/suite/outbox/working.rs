//! Workers handle each message once, for its tenant.

use anyhow::{Context, Result, bail};
use sea_orm::{ConnectionTrait, DbErr};
use watertight::{Delivery, Outbox, OutboxRun, TenantTransaction};

use super::{Scene, enqueue, messages, note, numbers};

/// Waits for a message: a dropped delivery gives its message back in the background.
async fn due(outbox: &Outbox<messages::Entity>) -> Result<Delivery<messages::Entity>> {
    for _ in 0..500 {
        if let Some(delivery) = outbox.next().await? {
            return Ok(delivery);
        }
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    bail!("no message is due")
}

#[tokio::test]
async fn a_message_belongs_to_the_transaction_of_its_tenant() -> Result<()> {
    let scene = Scene::new().await?;
    let undone = scene.clinic.begin().await?;
    enqueue(&undone, 1).await?;
    undone.rollback().await?;
    let transaction = scene.clinic.begin().await?;
    enqueue(&transaction, 2).await?;
    let savepoint = transaction.begin().await?;
    enqueue(&savepoint, 3).await?;
    savepoint.rollback().await?;
    let outbox = scene.outbox().await?;
    assert!(outbox.next().await?.is_none(), "not before the commit");
    transaction.commit().await?;
    enqueue(&scene.studio, 4).await?;

    let mut seen = Vec::new();
    while let Some(delivery) = outbox.next().await? {
        let (message, tenant) = (delivery.message(), delivery.tenant());
        assert_eq!(message.tenant_id, watertight_tests::uuid_of(tenant.tenant_id()));
        assert_eq!((message.id, 1), (delivery.id(), delivery.attempt()));
        note(tenant, message).await?;
        seen.push(message.number);
        delivery.done().await?;
    }
    assert_eq!(seen, [2, 4]);
    assert_eq!((numbers(&scene.clinic).await?, numbers(&scene.studio).await?), (vec![2], vec![4]));
    assert_eq!(scene.waiting().await?, 0);
    Ok(())
}

/// A worker whose handler fails on the first attempts of some messages, after it has written.
async fn flaky(tenant: &TenantTransaction, message: messages::Model) -> Result<(), DbErr> {
    note(tenant, &message).await?;
    if message.tenant_id != watertight_tests::uuid_of(tenant.tenant_id()) {
        return Err(DbErr::Custom("another tenant's message".to_owned()));
    }
    match (message.number % 3, message.attempts) {
        (0, 1) => Err(DbErr::Custom("try again".to_owned())),
        // The handler ignores that its statement failed.
        (1, 1) => {
            tenant.execute_unprepared("SELECT 1 / 0").await.ok();
            Ok(())
        }
        _ => Ok(()),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn several_workers_handle_each_message_exactly_once() -> Result<()> {
    let scene = Scene::new().await?;
    for number in 0..20 {
        enqueue(&scene.clinic, number).await?;
        enqueue(&scene.studio, 100 + number).await?;
    }
    let workers =
        [scene.outbox().await?, scene.outbox().await?, scene.outbox().await?, scene.outbox().await?];
    let workers = workers.map(|outbox| {
        tokio::spawn(async move {
            let mut total = OutboxRun::default();
            loop {
                let run = outbox.work(5, flaky).await?;
                total.done += run.done;
                total.failed += run.failed;
                if run == OutboxRun::default() {
                    return anyhow::Ok(total);
                }
            }
        })
    });
    let (mut done, mut failed) = (0, 0);
    for worker in workers {
        let run = worker.await??;
        done += run.done;
        failed += run.failed;
    }
    // A worker that finds nothing due ends, while another one still handles a message that will fail.
    let outbox = scene.outbox().await?;
    for _ in 0..1_000 {
        if scene.waiting().await? == 0 {
            break;
        }
        let rest = outbox.work(100, flaky).await?;
        done += rest.done;
        failed += rest.failed;
    }
    // Without a delay a second worker can claim a message before the first one has locked it, so the number differs.
    assert_eq!(done, 40);
    assert!(failed > 0);
    assert_eq!(numbers(&scene.clinic).await?, (0..20).collect::<Vec<_>>());
    assert_eq!(numbers(&scene.studio).await?, (100..120).collect::<Vec<_>>());
    assert_eq!(scene.waiting().await?, 0);
    Ok(())
}

#[tokio::test]
async fn a_dropped_delivery_is_due_again_and_the_last_attempt_stalls() -> Result<()> {
    let scene = Scene::new().await?;
    enqueue(&scene.clinic, 1).await?;
    let outbox = scene.outbox().await?.max_attempts(3);
    for attempt in 1..=3 {
        let delivery = due(&outbox).await?;
        assert_eq!(delivery.attempt(), attempt);
        note(delivery.tenant(), delivery.message()).await?;
        // Another worker does not get the message that is being handled, and waits for nothing.
        assert!(scene.outbox().await?.next().await?.is_none());
        drop(delivery);
    }
    assert!(outbox.next().await?.is_none());
    assert_eq!(outbox.stalled().await?, 1);
    assert_eq!(numbers(&scene.clinic).await?, [0; 0], "all attempts were rolled back");
    assert_eq!(scene.waiting().await?, 1);

    let again = scene.outbox().await?.max_attempts(4);
    due(&again).await?.done().await?;
    assert_eq!((again.stalled().await?, scene.waiting().await?), (0, 0));
    Ok(())
}

#[tokio::test]
async fn a_message_waits_for_its_time_and_for_the_delay() -> Result<()> {
    let scene = Scene::new().await?;
    let later =
        "INSERT INTO messages (kind, number, available_at) VALUES ('later', 1, now() + interval '1 hour')";
    scene.clinic.execute_unprepared(later).await?;
    enqueue(&scene.clinic, 2).await?;
    // By default the delay is 30 seconds.
    let outbox = scene.worker().await?.outbox(messages::Entity)?;
    let failing = async |_: &TenantTransaction, message: messages::Model| -> Result<(), String> {
        Err(format!("number {}", message.number))
    };
    let run = outbox.work(10, failing).await?;
    assert_eq!((run.done, run.failed), (0, 1));
    let run = outbox.work(10, failing).await?;
    assert_eq!((run.done, run.failed), (0, 0));
    let sql = "SELECT extract(epoch FROM available_at - now())::float8 AS s FROM messages WHERE number = 2";
    let sql = sea_orm::Statement::from_string(sea_orm::DbBackend::Postgres, sql);
    let row = scene.database.superuser().await?.query_one_raw(sql).await?.context("a row")?;
    let delay: f64 = row.try_get("", "s")?;
    assert!((20.0..=30.0).contains(&delay), "{delay}");
    Ok(())
}

/// The handler ends its own transactions only.
#[tokio::test]
async fn an_open_savepoint_of_a_handler_is_an_error_and_not_a_commit() -> Result<()> {
    let scene = Scene::new().await?;
    enqueue(&scene.clinic, 1).await?;
    let outbox = scene.outbox().await?;
    let delivery = outbox.next().await?.context("due")?;
    let savepoint = delivery.tenant().begin().await?;
    note(&savepoint, delivery.message()).await?;
    if delivery.done().await.is_ok() {
        bail!("a savepoint was open");
    }
    drop(savepoint);
    assert_eq!(numbers(&scene.clinic).await?, [0; 0]);
    due(&outbox).await?.done().await?;
    Ok(())
}

#[tokio::test]
async fn a_worker_whose_session_ends_leaves_the_message_to_another() -> Result<()> {
    let scene = Scene::new().await?;
    enqueue(&scene.clinic, 1).await?;
    let outbox = scene.outbox().await?;
    let delivery = outbox.next().await?.context("due")?;
    note(delivery.tenant(), delivery.message()).await?;
    let end = format!(
        "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity \
         WHERE datname = current_database() AND usename = '{}'",
        super::WORKER
    );
    scene.database.superuser().await?.execute_unprepared(&end).await?;
    assert!(delivery.done().await.is_err());
    assert_eq!(scene.outbox().await?.work(10, flaky).await?.done, 1);
    assert_eq!(numbers(&scene.clinic).await?, [1]);
    Ok(())
}
