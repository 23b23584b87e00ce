//! Logins that the application verifies itself, or that another program has recorded.

use anyhow::Result;
use chrono::{DateTime, Utc};
use uuid::Uuid;
use watertight::auth::{
    AuthError, Change, ClientAddress, DeviceType, GeoLocation, LoginRefusal, SessionMetadata, SessionUpdate,
    UserRecord, UserUpdate,
};

use super::{PASSWORD, World, request, trail, user};

fn client() -> Result<SessionMetadata> {
    Ok(SessionMetadata {
        client_ip: Some("192.0.2.7".parse()?),
        user_agent: Some("Mozilla/5.0".into()),
        ..Default::default()
    })
}

#[tokio::test]
async fn a_recorded_login_is_as_one_of_this_crate() -> Result<()> {
    let world = World::new().await?;
    let users = world.clinic.auth().users();
    let jess = user(&world.clinic, "jess").await?;
    for failures in 1..=4 {
        let jess = users.record_failed_login(jess.id, &client()?).await?;
        assert_eq!((jess.login_attempts, jess.is_locked), (failures, false));
        assert!(jess.last_failed_login_at.is_some() && jess.last_login_at.is_none());
    }
    let recorded = jess.record_login(&world.clinic, &client()?).await?;
    assert_eq!((recorded.login_attempts, recorded.is_locked), (0, false));
    assert_eq!(recorded.ip_address, client()?.client_ip);
    assert_eq!(recorded.user_agent, client()?.user_agent);
    assert!(recorded.last_login_at.is_some_and(|at| at >= jess.created_at));
    // The password is unchanged.
    world.clinic.auth().login(request("jess", PASSWORD)).await?;
    let trail = trail(&world.clinic).await?;
    assert_eq!(trail[..4], ["LOGIN_FAILURE"; 4]);
    assert_eq!(trail[4], "LOGIN_SUCCESS");
    Ok(())
}

#[tokio::test]
async fn recorded_failures_lock_the_account_and_a_locked_or_inactive_user_is_refused() -> Result<()> {
    let world = World::new().await?;
    let users = world.clinic.auth().users();
    let jess = user(&world.clinic, "jess").await?;
    for _ in 0..4 {
        users.record_failed_login(jess.id, &client()?).await?;
    }
    let locked = users.record_failed_login(jess.id, &client()?).await?;
    assert!(locked.is_locked && locked.locked_until.is_some());
    assert_eq!(trail(&world.clinic).await?.last().map(String::as_str), Some("ACCOUNT_LOCKED"));
    // A failure during the lock does not extend it.
    let again = users.record_failed_login(jess.id, &client()?).await?;
    assert_eq!((again.locked_until, again.login_attempts), (locked.locked_until, 5));
    let refused = users.record_login(jess.id, &client()?).await;
    assert!(matches!(refused, Err(AuthError::LoginRefused(LoginRefusal::Locked { .. }))), "{refused:?}");
    assert_eq!(trail(&world.clinic).await?.last().map(String::as_str), Some("LOGIN_FAILURE"));

    let kai = user(&world.clinic, "kai").await?;
    users.update(kai.id, UserUpdate { is_active: false.into(), ..Default::default() }).await?;
    let refused = users.record_login(kai.id, &client()?).await;
    assert!(matches!(refused, Err(AuthError::LoginRefused(LoginRefusal::Inactive))), "{refused:?}");
    Ok(())
}

#[tokio::test]
async fn a_login_of_another_tenants_user_is_not_recorded() -> Result<()> {
    let world = World::new().await?;
    let jess = user(&world.clinic, "jess").await?;
    let theirs = world.studio.auth().users();
    for id in [jess.id, Uuid::new_v4()] {
        let refused = theirs.record_login(id, &client()?).await;
        assert!(matches!(refused, Err(AuthError::UserNotFound { .. })), "{refused:?}");
        let refused = theirs.record_failed_login(id, &client()?).await;
        assert!(matches!(refused, Err(AuthError::UserNotFound { .. })), "{refused:?}");
    }
    let jess = world.clinic.auth().users().find(jess.id).await?.expect("a user");
    assert_eq!((jess.login_attempts, jess.last_login_at), (0, None));
    assert!(trail(&world.studio).await?.is_empty());
    Ok(())
}

#[tokio::test]
async fn every_column_of_a_login_can_be_set() -> Result<()> {
    let world = World::new().await?;
    let users = world.clinic.auth().users();
    let jess = user(&world.clinic, "jess").await?;
    let at = |text: &str| text.parse::<DateTime<Utc>>();
    let (failed, login, password) =
        (at("2024-02-29T23:59:59.999999Z")?, at("2024-03-01T00:00:00Z")?, at("2023-01-01T00:00:00Z")?);
    let address: ClientAddress = "9f86d081884c7d65".parse()?;
    let update = UserUpdate {
        login_attempts: 3.into(),
        last_failed_login_at: Some(failed).into(),
        last_login_at: Some(login).into(),
        password_changed_at: Some(password).into(),
        ip_address: Some(address.clone()).into(),
        user_agent: Some("Mozilla/5.0".into()).into(),
        totp_secret_id: Some("vault/jess".into()).into(),
        ..Default::default()
    };
    let changed = users.update(jess.id, update).await?;
    assert_eq!(users.find(jess.id).await?.as_ref(), Some(&changed));
    assert_eq!(changed.login_attempts, 3);
    assert_eq!(changed.last_failed_login_at, Some(failed));
    assert_eq!((changed.last_login_at, changed.password_changed_at), (Some(login), Some(password)));
    assert_eq!((changed.ip_address, changed.user_agent.as_deref()), (Some(address), Some("Mozilla/5.0")));
    assert_eq!(changed.totp_secret_id.as_deref(), Some("vault/jess"));

    let clear = UserUpdate {
        login_attempts: 0.into(),
        last_failed_login_at: Change::Set(None),
        last_login_at: Change::Set(None),
        password_changed_at: Change::Set(None),
        ip_address: Change::Set(None),
        user_agent: Change::Set(None),
        totp_secret_id: Change::Set(None),
        ..Default::default()
    };
    let cleared = users.update(jess.id, clear).await?;
    assert_eq!(cleared, first_created(&jess, &cleared));
    for bad in [
        UserUpdate { login_attempts: u32::MAX.into(), ..Default::default() },
        UserUpdate { last_login_at: Some(DateTime::<Utc>::MAX_UTC).into(), ..Default::default() },
        UserUpdate { password_changed_at: Some(DateTime::<Utc>::MIN_UTC).into(), ..Default::default() },
        UserUpdate { user_agent: Some("a\0".into()).into(), ..Default::default() },
        UserUpdate { totp_secret_id: Some("x".repeat(129)).into(), ..Default::default() },
    ] {
        let refused = users.update(jess.id, bad).await;
        assert!(matches!(refused, Err(AuthError::InvalidInput(_))), "{refused:?}");
    }
    Ok(())
}

/// A user as first created, at the time of the last change.
fn first_created(before: &watertight::auth::User, now: &watertight::auth::User) -> watertight::auth::User {
    let mut user = before.clone();
    user.updated_at = now.updated_at;
    user
}

#[tokio::test]
async fn every_column_of_a_client_can_be_set_in_a_session() -> Result<()> {
    let world = World::new().await?;
    let jess = user(&world.clinic, "jess").await?;
    let sessions = world.clinic.auth().sessions();
    let session = sessions.create(jess.id, &SessionMetadata::default()).await?;
    let update = SessionUpdate {
        client_ip: Some("192.0.2.7".parse()?).into(),
        client_ip_masked: Some("192.0.2.xxx".into()).into(),
        user_agent: Some("Mozilla/5.0".into()).into(),
        device_type: DeviceType::Mobile.into(),
        browser_fingerprint: Some("f00d".into()).into(),
        geo_location: Some(GeoLocation { country: "US".into(), city: None }).into(),
        ..Default::default()
    };
    let changed = sessions.update(session.id, update).await?;
    assert_eq!(sessions.find(session.id).await?.as_ref(), Some(&changed));
    assert_eq!((changed.client_ip.as_str(), changed.user_agent.as_str()), ("192.0.2.7", "Mozilla/5.0"));
    assert_eq!(
        (changed.client_ip_masked.as_deref(), changed.device_type),
        (Some("192.0.2.xxx"), DeviceType::Mobile)
    );
    assert_eq!(changed.browser_fingerprint.as_deref(), Some("f00d"));
    assert_eq!(changed.geo_location.map(|place| place.country).as_deref(), Some("US"));
    let clear = SessionUpdate {
        client_ip: Change::Set(None),
        client_ip_masked: Change::Set(None),
        user_agent: Change::Set(None),
        device_type: DeviceType::Unknown.into(),
        browser_fingerprint: Change::Set(None),
        geo_location: Change::Set(None),
        ..Default::default()
    };
    assert_eq!(sessions.update(session.id, clear).await?, session);
    for bad in [
        SessionUpdate { client_ip_masked: Some("x".repeat(46)).into(), ..Default::default() },
        SessionUpdate { user_agent: Some("a\0".into()).into(), ..Default::default() },
        SessionUpdate { expires_at: DateTime::<Utc>::MAX_UTC.into(), ..Default::default() },
    ] {
        let refused = sessions.update(session.id, bad).await;
        assert!(matches!(refused, Err(AuthError::InvalidInput(_))), "{refused:?}");
    }
    Ok(())
}
