//! The audit trail: written, filtered, read page by page, and never changed.

use anyhow::Result;
use chrono::TimeDelta;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};
use serde_json::json;
use uuid::Uuid;
use watertight::InvalidInput;
use watertight::Watertight;
use watertight::auth::AuthError;
use watertight::auth::{AuditCursor, AuditEventType, AuditFilter, NewAuditEvent, Severity, Source};
use watertight::entity::auth::audit_events;

use super::World;

fn event(n: usize) -> NewAuditEvent {
    NewAuditEvent { details: json!({"n": n}), ..NewAuditEvent::new(AuditEventType::SystemConfigured) }
}

#[tokio::test]
async fn every_field_of_an_event_is_stored() -> Result<()> {
    let world = World::new().await?;
    let auth = world.clinic.auth();
    let (user, target) = (Uuid::new_v4(), Uuid::new_v4());
    let new = NewAuditEvent {
        user_id: Some(user),
        target_user_id: Some(target),
        handle: Some("jess".into()),
        ip_address: Some("192.0.2.7".into()),
        user_agent: Some("Mozilla/5.0".into()),
        details: json!({"card": {"number": 17, "tags": ["a", null, 1.5]}}),
        severity: Severity::Critical,
        source: Source::Admin,
        ..NewAuditEvent::new("GIFT_CARD_PRINTED".parse()?)
    };
    let logged = auth.audit().log(new.clone()).await?;
    assert_eq!(logged.id.get_version_num(), 7);
    let kept = auth.audit().recent(None).await?.remove(0);
    assert_eq!(kept, logged);
    assert_eq!((kept.event_type, kept.severity, kept.source), (new.event_type, new.severity, new.source));
    assert_eq!((kept.user_id, kept.target_user_id, kept.handle), (Some(user), Some(target), new.handle));
    assert_eq!(
        (kept.ip_address, kept.user_agent, kept.details),
        (new.ip_address, new.user_agent, new.details)
    );
    Ok(())
}

#[tokio::test]
async fn every_event_type_round_trips() -> Result<()> {
    let world = World::new().await?;
    let auth = world.clinic.auth();
    assert_eq!(AuditEventType::ALL.len(), 34);
    auth.audit().log_all(AuditEventType::ALL.iter().cloned().map(NewAuditEvent::new).collect()).await?;
    let mut read: Vec<_> =
        auth.audit().recent(None).await?.into_iter().map(|event| event.event_type).collect();
    read.reverse();
    assert_eq!(read, AuditEventType::ALL, "in the order they were logged");
    Ok(())
}

#[tokio::test]
async fn pages_have_no_gap_or_repetition() -> Result<()> {
    let world = World::new().await?;
    let auth = world.clinic.auth();
    // Many events share one timestamp.
    for batch in 0..5 {
        auth.audit().log_all((batch * 10..batch * 10 + 10).map(event).collect()).await?;
    }
    let mut seen = Vec::new();
    let mut after: Option<AuditCursor> = None;
    loop {
        let page = auth.audit().page(&AuditFilter { after, limit: Some(7), ..Default::default() }).await?;
        assert!(page.events.len() <= 7);
        seen.extend(page.events.iter().map(|event| event.details["n"].as_u64().expect("a number")));
        match page.next {
            // As text, as on a page of an application.
            Some(next) => after = Some(next.to_string().parse()?),
            None => break,
        }
    }
    assert_eq!(seen, (0..50).rev().collect::<Vec<_>>());
    for limit in [0, 1001] {
        let refused = auth.audit().page(&AuditFilter { limit: Some(limit), ..Default::default() }).await;
        assert!(matches!(refused, Err(AuthError::InvalidInput(InvalidInput { .. }))), "{limit}");
    }
    assert_eq!(auth.audit().recent(Some(3)).await?.len(), 3);
    Ok(())
}

#[tokio::test]
async fn filters_can_be_combined() -> Result<()> {
    let world = World::new().await?;
    let auth = world.clinic.auth();
    let jess = Uuid::new_v4();
    auth.audit().log(NewAuditEvent { user_id: Some(jess), ..event(1) }).await?;
    auth.audit().log(NewAuditEvent { severity: Severity::Error, ..event(2) }).await?;
    auth.audit()
        .log(NewAuditEvent { user_id: Some(jess), ..NewAuditEvent::new(AuditEventType::Logout) })
        .await?;
    let all = auth.audit().recent(None).await?;
    let count = async |filter: AuditFilter| anyhow::Ok(auth.audit().page(&filter).await?.events.len());
    let none = AuditFilter::default;
    assert_eq!(count(none()).await?, 3);
    assert_eq!(count(AuditFilter { user_id: Some(jess), ..none() }).await?, 2);
    assert_eq!(count(AuditFilter { severity: Some(Severity::Error), ..none() }).await?, 1);
    assert_eq!(count(AuditFilter { event_type: Some(AuditEventType::Logout), ..none() }).await?, 1);
    let both = AuditFilter { user_id: Some(jess), event_type: Some(AuditEventType::Logout), ..none() };
    assert_eq!(count(both).await?, 1);
    let middle = all[1].timestamp;
    assert_eq!(count(AuditFilter { from: Some(middle), ..none() }).await?, 2);
    assert_eq!(count(AuditFilter { until: Some(middle), ..none() }).await?, 1);
    let micro = TimeDelta::microseconds(1);
    let only = AuditFilter { from: Some(middle), until: Some(middle + micro), ..none() };
    assert_eq!(count(only).await?, 1);
    Ok(())
}

#[tokio::test]
async fn the_application_cannot_rewrite_history() -> Result<()> {
    let world = World::new().await?;
    world.clinic.auth().audit().log(event(1)).await?;
    let update = audit_events::Entity::update_many()
        .col_expr(audit_events::Column::Severity, "info".into())
        .filter(audit_events::Column::Severity.eq("info"));
    assert!(update.exec(&world.clinic).await.is_err());
    assert!(audit_events::Entity::delete_many().exec(&world.clinic).await.is_err());
    assert_eq!(world.clinic.auth().audit().recent(None).await?.len(), 1);
    Ok(())
}

/// No statement on a tenant's connection changes the trail.
#[tokio::test]
async fn the_application_cannot_choose_the_time_of_an_event() -> Result<()> {
    let world = World::new().await?;
    let insert = async |time: &str| {
        let sql = format!(
            "INSERT INTO auth.audit_events (type, details, timestamp) VALUES ('LOGIN_SUCCESS', '{{}}', {time})"
        );
        world.clinic.execute_unprepared(&sql).await
    };
    for time in [
        "now() + interval '1 minute'",
        "now() - interval '2 days'",
        "'2020-01-01'",
        "'infinity'",
        "'-infinity'",
    ] {
        let refused = insert(time).await.expect_err(time).to_string();
        assert!(refused.contains("audit_clock"), "{time}: {refused}");
    }
    for time in ["now()", "clock_timestamp()", "DEFAULT", "now() - interval '23 hours'"] {
        insert(time).await?;
    }
    let upsert = "INSERT INTO auth.audit_events (id, type, details, timestamp)
        SELECT id, type, details, timestamp - interval '2 days' FROM auth.audit_events ON CONFLICT (id) DO NOTHING";
    assert!(world.clinic.execute_unprepared(upsert).await.is_err());
    assert_eq!(world.clinic.auth().audit().recent(None).await?.len(), 4);

    // The roles that import and adopt can write any time.
    let old = "INSERT INTO auth.audit_events (tenant_id, type, details, timestamp)
        VALUES (watertight.tenant(), 'LOGOUT', '{}', '2020-01-01')";
    assert_eq!(world.owner().await?.run(old, []).await?, 1);
    Ok(())
}

#[tokio::test]
async fn an_event_that_is_written_again_is_stored_once() -> Result<()> {
    let world = World::new().await?;
    let auth = world.clinic.auth();
    let new = NewAuditEvent { id: Some(Uuid::now_v7()), ..event(1) };
    let first = auth.audit().log(new.clone()).await?;
    assert_eq!(first.id, new.id.expect("given"));
    assert_eq!(auth.audit().log(new.clone()).await?, first);
    auth.audit().log_all(vec![new.clone(), event(2)]).await?;
    assert_eq!(auth.audit().recent(None).await?.len(), 2);
    // The same id is another event of another tenant.
    world.studio.auth().audit().log(new).await?;
    assert_eq!(world.studio.auth().audit().recent(None).await?.len(), 1);
    Ok(())
}

#[tokio::test]
async fn an_event_can_have_the_time_at_which_it_occurred_elsewhere() -> Result<()> {
    let world = World::new().await?;
    let audit = world.clinic.auth().audit();
    let now = audit.log(event(1)).await?.timestamp;
    let at = |time| NewAuditEvent { occurred_at: Some(time), ..event(2) };
    let earlier = now - TimeDelta::hours(3);
    assert_eq!(audit.log(at(earlier)).await?.timestamp, earlier);
    let later = audit.log(at(now + TimeDelta::hours(1))).await?.timestamp;
    assert!(now <= later && later < now + TimeDelta::minutes(5), "{later}");
    let old = at(now - TimeDelta::days(2));
    for refused in [audit.log(old.clone()).await.map(drop), audit.log_all(vec![old.clone()]).await.map(drop)]
    {
        assert!(matches!(refused, Err(AuthError::InvalidInput(InvalidInput { what: "occurred_at", .. }))));
    }
    assert_eq!(audit.recent(None).await?.len(), 3);

    let owner = Watertight::connect(world.database.owner_url()).await?;
    let written = owner.tenant(world.clinic.tenant_id()).auth().audit().log(old.clone()).await?;
    assert_eq!(Some(written.timestamp), old.occurred_at);
    Ok(())
}

#[tokio::test]
async fn only_the_owner_purges_old_events() -> Result<()> {
    let world = World::new().await?;
    for tenant in [&world.clinic, &world.studio] {
        tenant.auth().audit().log_all((0..2_500).map(event).collect()).await?;
    }
    let auth = world.clinic.auth();
    let cut = auth.audit().recent(Some(1)).await?[0].timestamp + TimeDelta::microseconds(1);
    auth.audit().log(event(1)).await?;
    assert!(matches!(auth.audit().purge(cut).await, Err(AuthError::Database(_))));

    let owner = Watertight::connect(world.database.owner_url()).await?;
    assert_eq!(owner.tenant(world.clinic.tenant_id()).auth().audit().purge(cut).await?, 2_500);
    assert_eq!(auth.audit().recent(None).await?.len(), 1);
    assert_eq!(world.studio.auth().audit().recent(Some(1000)).await?.len(), 1_000);
    Ok(())
}

#[tokio::test]
async fn invalid_events_are_refused_and_nothing_is_written() -> Result<()> {
    let world = World::new().await?;
    let auth = world.clinic.auth();
    for bad in [
        NewAuditEvent { handle: Some("x".repeat(65)), ..event(0) },
        NewAuditEvent { ip_address: Some("x".repeat(46)), ..event(0) },
        NewAuditEvent { user_agent: Some("a\0b".into()), ..event(0) },
        NewAuditEvent { details: json!("text"), ..event(0) },
        NewAuditEvent { details: json!(null), ..event(0) },
        NewAuditEvent { details: json!({"a": ["b\0"]}), ..event(0) },
        NewAuditEvent { details: json!({"a\0": 1}), ..event(0) },
    ] {
        let refused = auth.audit().log_all(vec![event(1), bad.clone()]).await;
        assert!(matches!(refused, Err(AuthError::InvalidInput(InvalidInput { .. }))), "{bad:?}");
    }
    assert!(auth.audit().recent(None).await?.is_empty());
    Ok(())
}
