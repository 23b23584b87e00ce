//! Failed logins of a window are counted by handle and by address.

use std::time::Duration;

use anyhow::Result;
use sea_orm::{DbBackend, Statement};
use watertight::auth::{
    AddressKey, AddressStorage, AuditEventType, LoginOrigin, LoginRequest, NewAuditEvent, SessionMetadata,
    Severity,
};

use super::{PASSWORD, World, enroll, request, settings, user};

fn from(ip: &str, request: LoginRequest) -> Result<LoginRequest> {
    let metadata = SessionMetadata { client_ip: Some(ip.parse()?), ..Default::default() };
    Ok(LoginRequest { metadata, ..request })
}

#[tokio::test]
async fn failures_are_counted_by_handle_and_by_address_within_the_window() -> Result<()> {
    let key = AddressKey::new(vec![9; 32])?;
    for storage in [AddressStorage::Full, AddressStorage::Hashed(key)] {
        let world = World::with(settings().address_storage(storage).lockout(None)).await?;
        let auth = world.clinic.auth();
        user(&world.clinic, "jess").await?;
        user(&world.clinic, "kai").await?;
        for (ip, name) in [
            ("192.0.2.1", "jess"),
            ("192.0.2.1", "jess@example.com"),
            ("192.0.2.2", "jess"),
            ("192.0.2.1", "kai"),
            ("192.0.2.1", "nobody"),
        ] {
            auth.login(from(ip, request(name, "wrong"))?).await.expect_err("a wrong password");
        }
        auth.login(from("192.0.2.1", request("jess", PASSWORD))?).await?;
        let hour = Duration::from_hours(1);
        let count =
            |origin: LoginOrigin, window| async move { auth.audit().failed_logins(&origin, window).await };
        let handle = |name: &str| Ok::<_, anyhow::Error>(LoginOrigin::Handle(name.parse()?));
        let address = |ip: &str| Ok::<_, anyhow::Error>(LoginOrigin::Address(ip.parse()?));
        assert_eq!(count(handle("jess")?, hour).await?, 3);
        assert_eq!(count(handle("kai")?, hour).await?, 1);
        assert_eq!(count(handle("nobody")?, hour).await?, 0, "unknown names are not logged");
        assert_eq!(count(address("192.0.2.1")?, hour).await?, 4);
        assert_eq!(count(address("::ffff:192.0.2.2")?, hour).await?, 1);
        assert_eq!(count(address("192.0.2.1")?, Duration::ZERO).await?, 0);
        assert_eq!(count(address("192.0.2.1")?, Duration::MAX).await?, 4);
        let theirs = world.studio.auth().audit().failed_logins(&address("192.0.2.1")?, hour).await?;
        assert_eq!(theirs, 0, "another tenant");
    }
    Ok(())
}

#[tokio::test]
async fn a_step_of_a_login_with_two_factors_is_no_failure() -> Result<()> {
    let world = World::new().await?;
    user(&world.clinic, "jess").await?;
    enroll(&world.clinic, "jess").await?;
    world.clinic.auth().login(request("jess", PASSWORD)).await.expect_err("a second factor is required");
    let origin = LoginOrigin::Handle("jess".parse()?);
    let audit = world.clinic.auth().audit();
    assert_eq!(audit.failed_logins(&origin, Duration::from_hours(1)).await?, 0);
    // A failure that the application logs counts, and is a warning.
    let event =
        NewAuditEvent { handle: Some("jess".into()), ..NewAuditEvent::new(AuditEventType::LoginFailure) };
    assert_eq!(event.severity, Severity::Warning);
    audit.log(event).await?;
    assert_eq!(audit.failed_logins(&origin, Duration::from_hours(1)).await?, 1);
    Ok(())
}

#[tokio::test]
async fn the_failures_of_a_window_are_read_from_an_index() -> Result<()> {
    let world = World::new().await?;
    world
        .owner()
        .await?
        .run(
            "INSERT INTO auth.audit_events (tenant_id, id, type, details, timestamp) \
             SELECT watertight.tenant(), gen_random_uuid(), CASE WHEN n % 100 = 0 THEN 'LOGIN_FAILURE' ELSE 'LOGOUT' END, \
                 '{}', now() - n * interval '1 minute' FROM generate_series(1, 20000) AS n",
            [],
        )
        .await?;
    let owner = world.database.owner().await?;
    sea_orm::ConnectionTrait::execute_unprepared(&owner, "ANALYZE auth.audit_events").await?;
    let water = world.database.water_with(watertight::Watertight::builder().dangerous_explain()).await?;
    let tenant = water.tenant(world.clinic.tenant_id());
    let explain = r#"EXPLAIN SELECT count(*) FROM "auth"."audit_events" WHERE "type" = 'LOGIN_FAILURE'
        AND "timestamp" > CURRENT_TIMESTAMP - 900 * INTERVAL '1 second' AND "handle" = 'jess'
        AND "details"->>'reason' IS DISTINCT FROM 'second factor wanted'"#;
    let rows = tenant.query_all_raw(Statement::from_string(DbBackend::Postgres, explain)).await?;
    let plan: Vec<String> = rows.iter().map(|row| row.try_get_by_index(0)).collect::<Result<_, _>>()?;
    let plan = plan.join("\n");
    assert!(plan.contains("Index Scan") && plan.contains("type_timestamp"), "{plan}");
    Ok(())
}
