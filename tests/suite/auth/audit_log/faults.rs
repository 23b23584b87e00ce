//! The audit log under faults: repeated closing, rejected events, tenants that cannot be written, a full queue.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use sea_orm::{ConnectionTrait, DatabaseTransaction, DbBackend, Statement, TransactionTrait};
use watertight::auth::{AuditLog, AuditLogOptions, AuthError, NewAuditEvent};
use watertight::{TenantConnection, TenantId, Watertight};
use watertight_testing::CountingProxy;

use super::{World, event, numbers};

/// Allows or forbids the application to write audit events.
async fn allow_writing(world: &World, allowed: bool) -> Result<()> {
    let role = world.database.app_role();
    let sql = if allowed {
        format!("GRANT INSERT ON auth.audit_events TO {role}")
    } else {
        format!("REVOKE INSERT ON auth.audit_events FROM {role}")
    };
    world.owner().await?.run(&sql, []).await?;
    Ok(())
}

async fn unwritten(log: AuditLog) -> Result<Vec<(TenantId, NewAuditEvent)>> {
    match log.close().await {
        Err(AuthError::AuditEventsUnwritten { events, .. }) => Ok(events),
        other => bail!("{other:?}"),
    }
}

/// Makes writes of the clinic's events wait until the returned transaction ends.
async fn writes_wait(world: &World) -> Result<DatabaseTransaction> {
    let owner = world.database.owner().await?;
    let trigger = format!(
        "CREATE FUNCTION public.wait() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
             PERFORM pg_advisory_xact_lock(77); RETURN NEW; END $$;
         CREATE TRIGGER wait BEFORE INSERT ON auth.audit_events FOR EACH ROW
             WHEN (NEW.tenant_id = '{}') EXECUTE FUNCTION public.wait()",
        world.clinic.tenant_id()
    );
    owner.execute_unprepared(&trigger).await?;
    let lock = owner.begin().await?;
    lock.execute_unprepared("SELECT pg_advisory_xact_lock(77)").await?;
    Ok(lock)
}

/// The number of sessions of this database that wait for an advisory lock.
async fn waiting_statements(world: &World) -> Result<i64> {
    let select = "SELECT count(*) AS n FROM pg_locks JOIN pg_database ON pg_database.oid = pg_locks.database
                  WHERE locktype = 'advisory' AND NOT granted AND datname = current_database()";
    let owner = world.database.owner().await?;
    let row = owner.query_one_raw(Statement::from_string(DbBackend::Postgres, select)).await?;
    Ok(row.context("a row")?.try_get("", "n")?)
}

async fn wait_for(tenant: &TenantConnection, count: usize) -> Result<()> {
    while numbers(tenant).await?.len() < count {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    Ok(())
}

#[tokio::test]
async fn every_close_returns_the_events_that_were_not_written() -> Result<()> {
    let world = World::new().await?;
    allow_writing(&world, false).await?;
    let options = AuditLogOptions { close_timeout: Duration::from_millis(150), ..Default::default() };
    let log = world.water.spawn_audit_log(options);
    for n in 0..3 {
        log.log(world.clinic.tenant_id(), event(n)).await?;
    }
    // The future is dropped before the log gives up.
    let dropped = tokio::time::timeout(Duration::from_millis(20), log.clone().close()).await;
    assert!(dropped.is_err());
    let (first, second) = tokio::join!(unwritten(log.clone()), unwritten(log.clone()));
    let events = first?;
    assert_eq!(events.len(), 3);
    assert_eq!(second?, events);
    assert_eq!(unwritten(log).await?, events);

    // Writing them again, twice, stores each once, with its time.
    allow_writing(&world, true).await?;
    for _ in 0..2 {
        let events = events.iter().map(|(_, event)| event.clone()).collect();
        world.clinic.auth().audit().log_all(events).await?;
    }
    assert_eq!(numbers(&world.clinic).await?, [2, 1, 0], "newest first");
    Ok(())
}

#[tokio::test]
async fn events_that_arrived_without_an_answer_are_stored_once() -> Result<()> {
    let world = World::new().await?;
    let lock = writes_wait(&world).await?;
    let proxy = CountingProxy::start(&world.database.app_url()).await?;
    let water = Watertight::connect(proxy.url(&world.database.app_url())?).await?;
    let options = AuditLogOptions { close_timeout: Duration::from_millis(200), ..Default::default() };
    let log = water.spawn_audit_log(options);
    log.log(world.clinic.tenant_id(), event(1)).await?;
    while waiting_statements(&world).await? == 0 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    proxy.lose_answers(true);
    lock.commit().await?;
    wait_for(&world.clinic, 1).await?;
    let events = unwritten(log).await?;
    assert_eq!(events.len(), 1);
    world.clinic.auth().audit().log_all(events.into_iter().map(|(_, event)| event).collect()).await?;
    assert_eq!(numbers(&world.clinic).await?, [1]);
    Ok(())
}

#[tokio::test]
async fn a_rejected_event_blocks_no_other() -> Result<()> {
    let world = World::new().await?;
    let rule = "ALTER TABLE auth.audit_events ADD CHECK (details ->> 'n' NOT IN ('13', '14'))";
    world.owner().await?.run(rule, []).await?;
    let log_all = async |log: &AuditLog| {
        for n in 0..40 {
            log.log(world.clinic.tenant_id(), event(n)).await?;
            log.log(world.studio.tenant_id(), event(100 + n)).await?;
        }
        anyhow::Ok(())
    };
    let refused = Arc::new(Mutex::new(Vec::new()));
    let log = world.water.spawn_audit_log(AuditLogOptions::default());
    let received = Arc::clone(&refused);
    log.on_refused(move |event| received.lock().expect("no panic").push(event));
    log_all(&log).await?;
    let metrics = log.clone();
    log.close().await?;
    assert_eq!(numbers(&world.clinic).await?.len(), 38);
    assert_eq!(numbers(&world.studio).await?.len(), 40);
    let metrics = metrics.metrics();
    assert_eq!((metrics.waiting, metrics.written, metrics.refused), (0, 78, 2));
    let refused = std::mem::take(&mut *refused.lock().expect("no panic"));
    let expected = |n| (world.clinic.tenant_id(), event(n).details);
    let received: Vec<_> = refused.iter().map(|it| (it.tenant, it.event.details.clone())).collect();
    assert_eq!(received, [expected(13), expected(14)]);
    assert!(refused.iter().all(|it| it.event.id.is_some() && it.error.to_string().contains("check")));

    // Without a receiver, closing returns them.
    let log = world.water.spawn_audit_log(AuditLogOptions::default());
    log_all(&log).await?;
    let events: Vec<_> = unwritten(log).await?.into_iter().map(|(_, event)| event.details).collect();
    assert_eq!(events, [event(13).details, event(14).details]);
    assert_eq!(numbers(&world.clinic).await?.len(), 76);
    Ok(())
}

#[tokio::test]
async fn a_tenant_that_cannot_be_written_blocks_no_other() -> Result<()> {
    let world = World::new().await?;
    let lock = writes_wait(&world).await?;
    let log = world.water.spawn_audit_log(AuditLogOptions { batch: 1, ..Default::default() });
    for n in 0..10 {
        log.log(world.clinic.tenant_id(), event(n)).await?;
        log.log(world.studio.tenant_id(), event(n)).await?;
    }
    wait_for(&world.studio, 10).await?;
    assert!(numbers(&world.clinic).await?.is_empty());
    lock.commit().await?;
    log.close().await?;
    assert_eq!(numbers(&world.clinic).await?.len(), 10);
    Ok(())
}

#[tokio::test]
async fn a_full_queue_is_an_error_and_the_other_tenants_have_space() -> Result<()> {
    let world = World::new().await?;
    let (clinic, studio) = (world.clinic.tenant_id(), world.studio.tenant_id());
    allow_writing(&world, false).await?;
    let options = AuditLogOptions {
        capacity: 5,
        tenant_capacity: Some(3),
        close_timeout: Duration::from_millis(50),
        ..Default::default()
    };
    let log = world.water.spawn_audit_log(options);
    let full = |logged: Result<(), AuthError>, of: TenantId| matches!(logged, Err(AuthError::AuditLogFull { tenant }) if tenant == of);
    for n in 0..3 {
        log.try_log(clinic, event(n))?;
    }
    assert!(full(log.try_log(clinic, event(3)), clinic), "the share of the tenant");
    log.try_log(studio, event(4))?;
    log.log(studio, event(5)).await?;
    assert!(full(log.try_log(studio, event(6)), studio), "the capacity of all");
    let waiting = tokio::time::timeout(Duration::from_millis(20), log.log(clinic, event(7))).await;
    assert!(waiting.is_err(), "waits");
    let waiting = tokio::spawn({
        let log = log.clone();
        async move { log.log(clinic, event(8)).await }
    });
    tokio::task::yield_now().await;
    assert_eq!(unwritten(log.clone()).await?.len(), 5);
    assert!(matches!(waiting.await?, Err(AuthError::AuditLogClosed)));
    assert!(matches!(log.try_log(clinic, event(9)), Err(AuthError::AuditLogClosed)));
    Ok(())
}

#[tokio::test]
async fn a_runtime_that_stops_leaves_its_events_to_close() -> Result<()> {
    let world = World::new().await?;
    allow_writing(&world, false).await?;
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    let (water, tenant) = (world.water.clone(), world.clinic.tenant_id());
    let log = runtime
        .spawn(async move {
            let log = water.spawn_audit_log(AuditLogOptions::default());
            log.log(tenant, event(1)).await?;
            Ok::<_, AuthError>(log)
        })
        .await??;
    runtime.shutdown_background();
    assert_eq!(unwritten(log).await?.len(), 1);
    Ok(())
}
