//! A sink gets each written audit event, and no operation waits for it.

use std::time::Duration;

use anyhow::Result;
use watertight::auth::{
    AddressStorage, AuditEventType, AuditLogOptions, AuditSink, LoginRequest, NewAuditEvent, SessionMetadata,
};

use super::{PASSWORD, World, request, settings, user};

#[tokio::test]
async fn each_written_event_is_passed_on_once_with_its_tenant_and_id() -> Result<()> {
    let (sink, mut events) = AuditSink::new(100);
    let world =
        World::with(settings().audit_sink(sink.clone()).address_storage(AddressStorage::Masked)).await?;
    user(&world.clinic, "jess").await?;
    let metadata = SessionMetadata { client_ip: Some("192.0.2.7".parse()?), ..Default::default() };
    world.clinic.auth().login(LoginRequest { metadata, ..request("jess", PASSWORD) }).await?;
    world.studio.auth().audit().log(NewAuditEvent::new(AuditEventType::SecurityScan)).await?;
    let log = world.water.spawn_audit_log(AuditLogOptions::default());
    log.log(world.studio.tenant_id(), NewAuditEvent::new(AuditEventType::SystemConfigured)).await?;
    log.close().await?;
    let invalid =
        NewAuditEvent { handle: Some("x".repeat(65)), ..NewAuditEvent::new(AuditEventType::SecurityScan) };
    world.studio.auth().audit().log(invalid).await.expect_err("not written");

    let mut passed = Vec::new();
    while let Ok(sunk) = events.try_recv() {
        passed.push((sunk.tenant, sunk.id, sunk.event.event_type, sunk.event.ip_address));
    }
    let mut written = Vec::new();
    for tenant in [&world.clinic, &world.studio] {
        let page = tenant.auth().audit().recent(None).await?;
        written.extend(
            page.into_iter().map(|event| (tenant.tenant_id(), event.id, event.event_type, event.ip_address)),
        );
    }
    passed.sort_by_key(|(_, id, ..)| *id);
    written.sort_by_key(|(_, id, ..)| *id);
    assert_eq!(passed, written);
    assert_eq!((passed.len(), sink.dropped()), (4, 0));
    Ok(())
}

#[tokio::test]
async fn a_full_or_forsaken_sink_neither_blocks_nor_fails_an_operation() -> Result<()> {
    let (sink, events) = AuditSink::new(1);
    let world = World::with(settings().audit_sink(sink.clone())).await?;
    let audit = world.clinic.auth().audit();
    let log = || audit.log_all(vec![NewAuditEvent::new(AuditEventType::SecurityScan); 3]);
    tokio::time::timeout(Duration::from_secs(30), log()).await??;
    assert_eq!((events.len(), sink.dropped()), (1, 2));
    drop(events);
    log().await?;
    assert_eq!(sink.dropped(), 5);
    assert_eq!(audit.recent(None).await?.len(), 6);
    Ok(())
}
