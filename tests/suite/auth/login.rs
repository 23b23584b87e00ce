//! Logging in: successes, refusals and their reasons, and the written rows.

use std::time::Duration;

use anyhow::Result;
use sea_orm::EntityTrait;
use watertight::auth::AuthError;
use watertight::auth::{
    AuditFilter, Lockout, LoginRefusal, LoginRequest, NewUser, Password, PasswordHash, SessionMetadata,
    UserUpdate,
};
use watertight::entity::auth::users;
use watertight::{Error, InvalidInput};

use super::{PASSWORD, World, enroll, new_user, password, request, settings, trail, user, with_code};

async fn refusal(world: &World, request: LoginRequest) -> LoginRefusal {
    match world.clinic.auth().login(request).await {
        Err(AuthError::LoginRefused(refusal)) => refusal,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn users_log_in_by_handle_and_by_email() -> Result<()> {
    let world = World::new().await?;
    let auth = world.clinic.auth();
    let jess = user(&world.clinic, "jess").await?;
    let metadata = SessionMetadata {
        client_ip: Some("192.0.2.7".parse()?),
        user_agent: Some("Mozilla/5.0".into()),
        ..Default::default()
    };
    for name in ["jess", "JESS", "jess@example.com"] {
        let login =
            auth.login(LoginRequest { metadata: metadata.clone(), ..request(name, PASSWORD) }).await?;
        assert_eq!((login.user.id, login.session.user_id), (jess.id, jess.id));
        assert!(login.user.last_login_at.is_some());
        assert_eq!(login.user.ip_address.as_deref(), Some("192.0.2.7"));
        let known = auth.authenticate(login.token.expose_secret()).await?.expect("known");
        assert_eq!((known.user, known.session), (login.user, login.session));
    }
    assert_eq!(trail(&world.clinic).await?[..2], ["LOGIN_SUCCESS", "SESSION_CREATED"]);
    let events = auth.audit().recent(None).await?;
    assert!(events.iter().all(|event| event.ip_address.as_deref() == Some("192.0.2.7")));
    Ok(())
}

#[tokio::test]
async fn a_wrong_password_and_an_unknown_user_get_the_same_answer() -> Result<()> {
    let world = World::new().await?;
    user(&world.clinic, "jess").await?;
    let hashes = |world: &World| world.water.hashing_metrics().done;
    for name in ["jess", "jess@example.com", "nobody", "nobody@example.com"] {
        let before = hashes(&world);
        assert_eq!(refusal(&world, request(name, "wrong")).await, LoginRefusal::BadCredentials);
        assert_eq!(hashes(&world) - before, 1, "{name} costs one hash");
    }
    let reasons: Vec<_> = world
        .clinic
        .auth()
        .audit()
        .recent(None)
        .await?
        .into_iter()
        .map(|event| (event.handle, event.details["reason"].clone()))
        .collect();
    assert!(
        reasons
            .iter()
            .any(|(handle, reason)| handle.as_deref() == Some("jess") && reason == "wrong password")
    );
    assert!(reasons.iter().any(|(handle, reason)| handle.is_none() && reason == "unknown user"));
    Ok(())
}

#[tokio::test]
async fn five_failures_lock_and_time_unlocks() -> Result<()> {
    let world = World::new().await?;
    let auth = world.clinic.auth();
    let jess = user(&world.clinic, "jess").await?;
    for _ in 0..5 {
        assert_eq!(refusal(&world, request("jess", "wrong")).await, LoginRefusal::BadCredentials);
    }
    let locked = auth.users().find(jess.id).await?.expect("jess");
    assert!(locked.is_locked && locked.login_attempts == 5);
    let until = locked.locked_until;
    assert!(until.is_some());
    for typed in [PASSWORD, "wrong"] {
        assert_eq!(refusal(&world, request("jess", typed)).await, LoginRefusal::Locked { until });
    }
    assert!(trail(&world.clinic).await?.contains(&"ACCOUNT_LOCKED".to_owned()));

    world.owner().await?.run("UPDATE auth.users SET locked_until = now()", []).await?;
    assert!(!auth.users().find(jess.id).await?.expect("jess").is_locked);
    assert_eq!(refusal(&world, request("jess", "wrong")).await, LoginRefusal::BadCredentials);
    let counted = auth.users().find(jess.id).await?.expect("jess");
    assert_eq!((counted.login_attempts, counted.is_locked), (1, false), "counted from the beginning");
    let login = auth.login(request("jess", PASSWORD)).await?;
    assert_eq!((login.user.login_attempts, login.user.locked_until), (0, None));
    Ok(())
}

#[tokio::test]
async fn old_failures_do_not_count() -> Result<()> {
    let world = World::new().await?;
    let jess = user(&world.clinic, "jess").await?;
    for _ in 0..8 {
        refusal(&world, request("jess", "wrong")).await;
        let sql = "UPDATE auth.users SET last_failed_login_at = last_failed_login_at - interval '16 minutes'";
        world.owner().await?.run(sql, []).await?;
    }
    let user = world.clinic.auth().users().find(jess.id).await?.expect("jess");
    assert_eq!((user.login_attempts, user.is_locked), (1, false));
    Ok(())
}

#[tokio::test]
async fn the_lockout_is_configurable_and_can_be_off() -> Result<()> {
    let lockout = Lockout { failures: 2, window: Duration::from_mins(1), duration: Duration::from_hours(1) };
    let strict = World::with(settings().lockout(Some(lockout))).await?;
    user(&strict.clinic, "jess").await?;
    refusal(&strict, request("jess", "wrong")).await;
    refusal(&strict, request("jess", "wrong")).await;
    assert!(matches!(
        refusal(&strict, request("jess", PASSWORD)).await,
        LoginRefusal::Locked { until: Some(_) }
    ));

    let lenient = World::with(settings().lockout(None)).await?;
    user(&lenient.clinic, "jess").await?;
    for _ in 0..10 {
        refusal(&lenient, request("jess", "wrong")).await;
    }
    lenient.clinic.auth().login(request("jess", PASSWORD)).await?;
    Ok(())
}

#[tokio::test]
async fn inactivity_is_reported_only_with_the_right_password() -> Result<()> {
    let world = World::new().await?;
    let auth = world.clinic.auth();
    let jess = user(&world.clinic, "jess").await?;
    let login = auth.login(request("jess", PASSWORD)).await?;
    auth.users().update(jess.id, UserUpdate { is_active: false.into(), ..Default::default() }).await?;
    assert_eq!(refusal(&world, request("jess", "wrong")).await, LoginRefusal::BadCredentials);
    assert_eq!(refusal(&world, request("jess", PASSWORD)).await, LoginRefusal::Inactive);
    assert_eq!(auth.authenticate(login.token.expose_secret()).await?, None);
    Ok(())
}

#[tokio::test]
async fn wrong_second_factors_lock_too() -> Result<()> {
    let world = World::new().await?;
    let jess = user(&world.clinic, "jess").await?;
    let (secret, _) = enroll(&world.clinic, "jess").await?;
    let wrong = super::code(&world.clinic, &secret, 9).await?;
    for _ in 0..5 {
        assert_eq!(refusal(&world, with_code("jess", &wrong)).await, LoginRefusal::SecondFactorWrong);
    }
    assert!(world.clinic.auth().users().find(jess.id).await?.expect("jess").is_locked);
    let right = super::code(&world.clinic, &secret, 0).await?;
    assert!(matches!(refusal(&world, with_code("jess", &right)).await, LoginRefusal::Locked { .. }));
    assert!(trail(&world.clinic).await?.contains(&"TOTP_FAILURE".to_owned()));
    Ok(())
}

/// A login that decided by an outdated row would allow concurrent guesses beyond the limit.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn changes_during_the_verification_of_a_password_count() -> Result<()> {
    let changes = [
        ("locked_until = now() + interval '1 hour', is_locked = true", "locked until"),
        ("is_active = false", "not active"),
        ("password_hash = '!'", "name or the password"),
    ];
    for (change, refused) in changes {
        let world = World::with(settings().bcrypt_cost(13).concurrent_hashes(1)).await?;
        user(&world.clinic, "jess").await?;
        let owner = world.owner().await?;
        let clinic = world.clinic.clone();
        let login = tokio::spawn(async move { clinic.auth().login(request("jess", PASSWORD)).await });
        while world.water.hashing_metrics().running == 0 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        owner.run(&format!("UPDATE auth.users SET {change}"), []).await?;
        assert_eq!(world.water.hashing_metrics().running, 1, "the password is still being verified");
        match login.await? {
            Err(AuthError::LoginRefused(refusal)) => {
                assert!(refusal.to_string().contains(refused), "{change}: {refusal}");
            }
            other => panic!("{change}: {other:?}"),
        }
        assert!(world.clinic.auth().sessions().all().await?.is_empty());
    }
    Ok(())
}

#[tokio::test]
async fn a_lockout_ends_no_session() -> Result<()> {
    let world = World::new().await?;
    let auth = world.clinic.auth();
    user(&world.clinic, "jess").await?;
    let login = auth.login(request("jess", PASSWORD)).await?;
    for _ in 0..5 {
        refusal(&world, request("jess", "wrong")).await;
    }
    assert!(auth.authenticate(login.token.expose_secret()).await?.is_some());
    Ok(())
}

#[tokio::test]
async fn a_cheap_hash_is_rebuilt() -> Result<()> {
    let world = World::with(settings().bcrypt_cost(5)).await?;
    let auth = world.clinic.auth();
    let cheap = World::new().await?.clinic.auth().hash_password(password()).await?;
    assert!(auth.needs_rehash(&cheap));
    auth.users().create(NewUser { credential: cheap.into(), ..new_user("jess") }).await?;
    auth.login(request("jess", PASSWORD)).await?;
    let row = users::Entity::find().one(&world.clinic).await?.expect("jess");
    let hash: PasswordHash = row.password_hash.parse()?;
    assert_eq!(hash.cost(), 5);
    assert!(auth.verify_password(password(), hash).await?);
    auth.login(request("jess", PASSWORD)).await?;
    Ok(())
}

#[tokio::test]
async fn changing_the_password_requires_it_and_ends_the_other_sessions() -> Result<()> {
    let world = World::new().await?;
    let auth = world.clinic.auth();
    let jess = user(&world.clinic, "jess").await?;
    let here = auth.login(request("jess", PASSWORD)).await?;
    let there = auth.login(request("jess", PASSWORD)).await?;
    let new = || Password::new("another one").expect("good");
    let refused =
        auth.users().change_password(jess.id, &Password::new("wrong")?, new(), Some(here.session.id)).await;
    assert!(matches!(refused, Err(AuthError::LoginRefused(LoginRefusal::BadCredentials))));
    assert!(auth.authenticate(there.token.expose_secret()).await?.is_some());

    auth.users().change_password(jess.id, &password(), new(), Some(here.session.id)).await?;
    assert!(auth.authenticate(here.token.expose_secret()).await?.is_some());
    assert!(auth.authenticate(there.token.expose_secret()).await?.is_none());
    assert_eq!(refusal(&world, request("jess", PASSWORD)).await, LoginRefusal::BadCredentials);
    let login = auth.login(request("jess", "another one")).await?;
    assert!(login.user.password_changed_at.is_some());

    auth.users().set_password(jess.id, password()).await?;
    assert!(auth.sessions().all().await?.is_empty());
    auth.login(request("jess", PASSWORD)).await?;
    let nobody = auth.users().set_password(uuid::Uuid::new_v4(), password()).await;
    assert!(matches!(nobody, Err(AuthError::UserNotFound { .. })));
    Ok(())
}

/// Compares the rounds of bcrypt and not times: the rounds determine the duration.
#[tokio::test]
async fn every_login_costs_the_same_number_of_rounds() -> Result<()> {
    let world = World::with(settings().bcrypt_cost(6).slowest_bcrypt_cost(8)).await?;
    let auth = world.clinic.auth();
    for cost in [4, 5, 6, 7, 8] {
        let other = World::with(settings().bcrypt_cost(cost)).await?;
        let hash = other.clinic.auth().hash_password(password()).await?;
        auth.users().create(NewUser { credential: hash.into(), ..new_user(&format!("cost{cost}")) }).await?;
    }
    let locked = user(&world.clinic, "locked").await?;
    auth.users().lock(locked.id, "a reason").await?;
    user(&world.clinic, "hashless").await?;
    world
        .owner()
        .await?
        .run("UPDATE auth.users SET password_hash = '!' WHERE handle = 'hashless'", [])
        .await?;
    let rounds = || world.water.hashing_metrics().rounds;
    for name in ["cost4", "cost5", "cost6", "cost7", "cost8", "locked", "hashless", "nobody"] {
        let before = rounds();
        refusal(&world, request(name, "wrong")).await;
        assert_eq!(rounds() - before, 1 << 8, "{name}");
    }
    for name in ["cost6", "cost7", "cost8"] {
        let before = rounds();
        auth.login(request(name, PASSWORD)).await?;
        assert_eq!(rounds() - before, 1 << 8, "{name}");
    }
    Ok(())
}

#[tokio::test]
async fn logging_out_ends_the_session_once() -> Result<()> {
    let world = World::new().await?;
    let auth = world.clinic.auth();
    user(&world.clinic, "jess").await?;
    let login = auth.login(request("jess", PASSWORD)).await?;
    assert!(auth.logout(login.token.expose_secret()).await?);
    assert!(!auth.logout(login.token.expose_secret()).await?);
    assert!(auth.authenticate(login.token.expose_secret()).await?.is_none());
    let logouts = AuditFilter { event_type: Some("LOGOUT".parse()?), ..Default::default() };
    assert_eq!(auth.audit().page(&logouts).await?.events.len(), 1);
    Ok(())
}

#[tokio::test]
async fn invalid_settings_are_refused_when_connecting() -> Result<()> {
    let world = World::new().await?;
    for bad in [
        settings().bcrypt_cost(3),
        settings().bcrypt_cost(32),
        settings().bcrypt_cost(6).slowest_bcrypt_cost(5),
        settings().slowest_bcrypt_cost(32),
        settings().concurrent_hashes(0),
        settings().session_age(Duration::ZERO),
        settings().session_age(Duration::MAX),
        settings().renewal_threshold(Duration::from_hours(1000)),
        settings().issuer("a:b"),
        settings().issuer(" "),
        settings().backup_codes(0),
        settings().lockout(Some(Lockout { failures: 0, ..Default::default() })),
    ] {
        let refused = world.database.water_with(watertight::Watertight::builder().auth(bad.clone())).await;
        let refused = refused.err().and_then(|error| error.downcast::<Error>().ok());
        assert!(
            matches!(refused, Some(Error::Auth(AuthError::InvalidInput(InvalidInput { .. })))),
            "{bad:?}"
        );
    }
    Ok(())
}
