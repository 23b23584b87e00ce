//! The buffered audit log: every event once, in order, for its tenant, and none lost on closing.

use std::time::Duration;

use anyhow::Result;
use futures_util::future::try_join_all;
use serde_json::json;
use watertight::auth::AuthError;
use watertight::auth::{AuditEventType, AuditFilter, AuditLogOptions, NewAuditEvent};

mod faults;

use super::World;

fn event(n: usize) -> NewAuditEvent {
    NewAuditEvent { details: json!({"n": n}), ..NewAuditEvent::new(AuditEventType::SystemConfigured) }
}

async fn numbers(tenant: &watertight::TenantConnection) -> Result<Vec<u64>> {
    let (mut numbers, mut after) = (Vec::new(), None);
    loop {
        let page = tenant
            .auth()
            .audit()
            .page(&AuditFilter { after, limit: Some(1000), ..Default::default() })
            .await?;
        numbers.extend(page.events.iter().filter_map(|event| event.details["n"].as_u64()));
        after = page.next;
        if after.is_none() {
            return Ok(numbers);
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn every_event_of_every_tenant_is_written_once_on_closing() -> Result<()> {
    let world = World::new().await?;
    let log = world.water.spawn_audit_log(AuditLogOptions { capacity: 100, batch: 64, ..Default::default() });
    let tenants = [world.clinic.tenant_id(), world.studio.tenant_id()];
    let writers = (0..10).map(|writer| {
        let log = log.clone();
        async move {
            for n in 0..200 {
                log.log(tenants[writer % 2], event(writer * 1000 + n)).await?;
            }
            Ok::<_, AuthError>(())
        }
    });
    try_join_all(writers).await?;
    let closed = log.clone();
    log.close().await?;
    for (index, tenant) in [&world.clinic, &world.studio].into_iter().enumerate() {
        let mut seen = numbers(tenant).await?;
        seen.sort_unstable();
        let expected: Vec<u64> = (0..10)
            .filter(|writer| writer % 2 == index as u64)
            .flat_map(|w| (0..200).map(move |n| w * 1000 + n))
            .collect();
        assert_eq!(seen, expected);
    }
    let refused = closed.log(tenants[0], event(0)).await;
    assert!(matches!(refused, Err(AuthError::AuditLogClosed)));
    Ok(())
}

#[tokio::test]
async fn dropping_the_log_writes_the_buffered_events() -> Result<()> {
    let world = World::new().await?;
    let log = world.water.spawn_audit_log(AuditLogOptions::default());
    for n in 0..50 {
        log.log(world.clinic.tenant_id(), event(n)).await?;
    }
    drop(log);
    while numbers(&world.clinic).await?.len() < 50 {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert_eq!(numbers(&world.clinic).await?, (0..50).rev().collect::<Vec<_>>(), "newest first");
    Ok(())
}

#[tokio::test]
async fn events_are_written_after_a_temporary_database_error() -> Result<()> {
    let world = World::new().await?;
    let owner = world.owner().await?;
    let app_role = world.database.app_role();
    owner.run(&format!("REVOKE INSERT ON auth.audit_events FROM {app_role}"), []).await?;
    let log = world.water.spawn_audit_log(AuditLogOptions::default());
    for n in 0..20 {
        log.log(world.clinic.tenant_id(), event(n)).await?;
    }
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert!(numbers(&world.clinic).await?.is_empty());
    owner.run(&format!("GRANT INSERT ON auth.audit_events TO {app_role}"), []).await?;
    log.close().await?;
    assert_eq!(numbers(&world.clinic).await?.len(), 20);
    Ok(())
}

#[tokio::test]
async fn closing_returns_the_events_that_cannot_be_written() -> Result<()> {
    let world = World::new().await?;
    let revoke = format!("REVOKE INSERT ON auth.audit_events FROM {}", world.database.app_role());
    world.owner().await?.run(&revoke, []).await?;
    let options =
        AuditLogOptions { close_timeout: Duration::from_millis(100), batch: 5, ..Default::default() };
    let log = world.water.spawn_audit_log(options);
    for n in 0..20 {
        log.log(world.clinic.tenant_id(), event(n)).await?;
    }
    match log.close().await {
        Err(AuthError::AuditEventsUnwritten { events, .. }) => {
            assert!(events.iter().all(|(_, event)| event.id.is_some() && event.occurred_at.is_some()));
            let plain = |event| NewAuditEvent { id: None, occurred_at: None, ..event };
            let events: Vec<_> = events.into_iter().map(|(tenant, event)| (tenant, plain(event))).collect();
            assert_eq!(events, (0..20).map(|n| (world.clinic.tenant_id(), event(n))).collect::<Vec<_>>());
        }
        other => panic!("{other:?}"),
    }
    Ok(())
}

#[tokio::test]
async fn closing_does_not_wait_for_an_unresponsive_database() -> Result<()> {
    use sea_orm::{ConnectionTrait, TransactionTrait};
    let world = World::new().await?;
    let owner = world.database.owner().await?;
    let locked = owner.begin().await?;
    locked.execute_unprepared("LOCK TABLE auth.audit_events IN ACCESS EXCLUSIVE MODE").await?;
    let options = AuditLogOptions { close_timeout: Duration::from_millis(200), ..Default::default() };
    let log = world.water.spawn_audit_log(options);
    for n in 0..3 {
        log.log(world.clinic.tenant_id(), event(n)).await?;
    }
    match log.close().await {
        Err(AuthError::AuditEventsUnwritten { events, .. }) => assert_eq!(events.len(), 3),
        other => panic!("{other:?}"),
    }
    Ok(())
}
