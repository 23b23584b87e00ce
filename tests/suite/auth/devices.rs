//! Anonymous failures do not lock out a device that the user has logged in from.

use anyhow::Result;
use watertight::auth::{AuthError, DeviceToken, Login, LoginRefusal, LoginRequest, Password};

use super::{PASSWORD, World, enroll, request, settings, trail, user, with_code};

fn from(device: &DeviceToken, request: LoginRequest) -> LoginRequest {
    LoginRequest { device: Some(device.clone()), ..request }
}

async fn refusal(world: &World, request: LoginRequest) -> LoginRefusal {
    match world.clinic.auth().login(request).await {
        Err(AuthError::LoginRefused(refusal)) => refusal,
        other => panic!("{other:?}"),
    }
}

/// A user's device, and an account that anonymous failures have locked.
async fn locked_out(world: &World) -> Result<Login> {
    user(&world.clinic, "jess").await?;
    let login = world.clinic.auth().login(request("jess", PASSWORD)).await?;
    for _ in 0..5 {
        assert_eq!(refusal(world, request("jess", "wrong")).await, LoginRefusal::BadCredentials);
    }
    assert!(is_locked(&refusal(world, request("jess", PASSWORD)).await));
    Ok(login)
}

const fn is_locked(refusal: &LoginRefusal) -> bool {
    matches!(refusal, LoginRefusal::Locked { until: Some(_) })
}

#[tokio::test]
async fn a_known_device_is_not_locked_out_by_others() -> Result<()> {
    let world = World::new().await?;
    let Login { device, user, .. } = locked_out(&world).await?;
    for _ in 0..2 {
        let login = world.clinic.auth().login(from(&device, request("jess", PASSWORD))).await?;
        let known = world.clinic.auth().authenticate(login.token.expose_secret()).await?;
        assert_eq!(known.expect("a session").user.id, user.id);
    }
    let jess = world.clinic.auth().users().find(user.id).await?.expect("jess");
    assert!(jess.is_locked && jess.login_attempts == 5, "guesses from elsewhere get no more tries: {jess:?}");
    assert!(is_locked(&refusal(&world, request("jess", PASSWORD)).await));
    let anyone = DeviceToken::new("of.nobody");
    assert!(is_locked(&refusal(&world, from(&anyone, request("jess", PASSWORD))).await));
    Ok(())
}

#[tokio::test]
async fn a_password_is_changed_in_a_session_while_others_fail() -> Result<()> {
    let world = World::new().await?;
    let Login { user, session, .. } = locked_out(&world).await?;
    let users = world.clinic.auth().users();
    let (right, new) = (super::password(), || Password::new("another one").expect("good"));
    for keep in [None, Some(uuid::Uuid::new_v4())] {
        let refused = users.change_password(user.id, &right, new(), keep).await;
        assert!(matches!(refused, Err(AuthError::LoginRefused(LoginRefusal::Locked { .. }))), "{refused:?}");
    }
    for _ in 0..4 {
        let wrong = users.change_password(user.id, &new(), new(), Some(session.id)).await;
        assert!(matches!(wrong, Err(AuthError::LoginRefused(LoginRefusal::BadCredentials))), "{wrong:?}");
    }
    users.change_password(user.id, &right, new(), Some(session.id)).await?;
    Ok(())
}

#[tokio::test]
async fn failures_of_known_devices_lock_them_alone() -> Result<()> {
    let world = World::new().await?;
    let jess = user(&world.clinic, "jess").await?;
    let device = world.clinic.auth().login(request("jess", PASSWORD)).await?.device;
    for _ in 0..4 {
        refusal(&world, from(&device, request("jess", "wrong"))).await;
    }
    world.clinic.auth().login(from(&device, request("jess", PASSWORD))).await?;
    for _ in 0..5 {
        let wrong = refusal(&world, from(&device, request("jess", "wrong"))).await;
        assert_eq!(wrong, LoginRefusal::BadCredentials, "counted from the last success");
    }
    for typed in [PASSWORD, "wrong"] {
        assert!(is_locked(&refusal(&world, from(&device, request("jess", typed))).await), "{typed}");
    }
    let events = trail(&world.clinic).await?;
    assert_eq!(events.iter().filter(|event| *event == "ACCOUNT_LOCKED").count(), 1);
    assert_eq!(world.clinic.auth().users().find(jess.id).await?.expect("jess").login_attempts, 0);
    world.clinic.auth().login(request("jess", PASSWORD)).await?;
    world.clinic.auth().users().unlock(jess.id).await?;
    world.clinic.auth().login(from(&device, request("jess", PASSWORD))).await?;
    Ok(())
}

#[tokio::test]
async fn a_device_is_of_one_user_and_tenant() -> Result<()> {
    let world = World::new().await?;
    user(&world.clinic, "ana").await?;
    let ana = world.clinic.auth().login(request("ana", PASSWORD)).await?.device;
    user(&world.studio, "jess").await?;
    let studio = world.studio.auth().login(request("jess", PASSWORD)).await?.device;
    let jess = locked_out(&world).await?;
    for other in [&ana, &studio, &DeviceToken::new(jess.token.expose_secret())] {
        assert!(is_locked(&refusal(&world, from(other, request("jess", PASSWORD))).await));
    }
    // A device that both use is known to both.
    let both = world.clinic.auth().login(from(&jess.device, request("ana", PASSWORD))).await?.device;
    world.clinic.auth().login(from(&both, request("jess", PASSWORD))).await?;
    Ok(())
}

#[tokio::test]
async fn an_administrators_lock_binds_every_device() -> Result<()> {
    let world = World::new().await?;
    let login = locked_out(&world).await?;
    world.clinic.auth().users().lock(login.user.id, "a reason").await?;
    let refused = refusal(&world, from(&login.device, request("jess", PASSWORD))).await;
    assert_eq!(refused, LoginRefusal::Locked { until: None });
    Ok(())
}

#[tokio::test]
async fn a_second_factor_is_required_of_a_known_device() -> Result<()> {
    let world = World::new().await?;
    user(&world.clinic, "jess").await?;
    let device = world.clinic.auth().login(request("jess", PASSWORD)).await?.device;
    enroll(&world.clinic, "jess").await?;
    for _ in 0..5 {
        refusal(&world, request("jess", "wrong")).await;
    }
    let refused = refusal(&world, from(&device, request("jess", PASSWORD))).await;
    assert_eq!(refused, LoginRefusal::SecondFactorRequired);
    for _ in 0..5 {
        let wrong = refusal(&world, from(&device, with_code("jess", "000000"))).await;
        assert_eq!(wrong, LoginRefusal::SecondFactorWrong);
    }
    assert!(is_locked(&refusal(&world, from(&device, with_code("jess", "000000"))).await));
    Ok(())
}

/// Parallel guesses from a stolen device get as many answers as one after another.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_burst_from_a_known_device_reveals_no_password() -> Result<()> {
    let world = World::with(settings()).await?;
    user(&world.clinic, "jess").await?;
    let device = world.clinic.auth().login(request("jess", PASSWORD)).await?.device;
    let guesses = (0..100).map(|n| {
        let typed = if n == 80 { PASSWORD.to_owned() } else { format!("wrong {n}") };
        refusal_or_success(&world, from(&device, request("jess", &typed)))
    });
    let answers = futures_util::future::join_all(guesses).await;
    let told = answers.iter().filter(|answer| !answer.as_ref().is_err_and(is_locked)).count();
    assert_eq!(told, 5, "{answers:?}");
    assert!(answers[80].is_err());
    Ok(())
}

async fn refusal_or_success(world: &World, request: LoginRequest) -> Result<(), LoginRefusal> {
    match world.clinic.auth().login(request).await {
        Ok(_) => Ok(()),
        Err(AuthError::LoginRefused(refusal)) => Err(refusal),
        Err(other) => panic!("{other:?}"),
    }
}
