//! Concurrent guesses lock the account, and no later answer depends on the guess.

use anyhow::Result;
use futures_util::future::join_all;
use watertight::TenantConnection;
use watertight::auth::AuthError;
use watertight::auth::{AuditFilter, LoginRefusal, LoginRequest, Password, SecondFactor, User, UserUpdate};

use super::{PASSWORD, World, enroll, request, user};

const GUESSES: usize = 400;
/// The position of the right guess, late enough that the account is locked before it.
const RIGHT: usize = 300;
const LIMIT: usize = 5;

type Answers = Vec<Result<(), AuthError>>;

/// Runs all guesses concurrently. The guess at [`RIGHT`] is right.
async fn burst<T, F: Future<Output = Result<T, AuthError>>>(
    tenant: &TenantConnection,
    guess: impl Fn(TenantConnection, String) -> F,
) -> Answers {
    let guesses = (0..GUESSES).map(|n| {
        let typed = if n == RIGHT { PASSWORD.to_owned() } else { format!("wrong {n}") };
        guess(tenant.clone(), typed)
    });
    join_all(guesses).await.into_iter().map(|answer| answer.map(drop)).collect()
}

fn is_locked(answer: &Result<(), AuthError>) -> bool {
    matches!(answer, Err(AuthError::LoginRefused(LoginRefusal::Locked { until: Some(_) })))
}

/// Checks that the right guess gets the same answer as a wrong one, that the number of guesses reported as
/// wrong is the limit, and that the trail contains every guess.
async fn assert_nothing_revealed(world: &World, jess: &User, answers: &Answers) -> Result<()> {
    assert!(is_locked(&answers[RIGHT]), "{:?}", answers[RIGHT]);
    let told: Vec<_> = answers.iter().filter(|answer| !is_locked(answer)).collect();
    assert_eq!(told.len(), LIMIT, "answers that are not Locked");
    for answer in told {
        let wrong = matches!(answer, Err(AuthError::LoginRefused(LoginRefusal::BadCredentials)));
        assert!(wrong, "{answer:?}");
    }
    assert_eq!(failures(world).await?, GUESSES);
    let auth = world.clinic.auth();
    let locks = AuditFilter { event_type: Some("ACCOUNT_LOCKED".parse()?), ..Default::default() };
    assert_eq!(auth.audit().page(&locks).await?.events.len(), 1);
    let jess = auth.users().find(jess.id).await?.expect("jess");
    assert_eq!((jess.is_locked, usize::try_from(jess.login_attempts)?), (true, LIMIT));
    Ok(())
}

async fn failures(world: &World) -> Result<usize> {
    let filter =
        AuditFilter { event_type: Some("LOGIN_FAILURE".parse()?), limit: Some(1_000), ..Default::default() };
    Ok(world.clinic.auth().audit().page(&filter).await?.events.len())
}

async fn log_in(tenant: TenantConnection, typed: String) -> Result<(), AuthError> {
    tenant.auth().login(request("jess", &typed)).await.map(drop)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_burst_reveals_no_password() -> Result<()> {
    let world = World::new().await?;
    let jess = user(&world.clinic, "jess").await?;
    let answers = burst(&world.clinic, log_in).await;
    assert_nothing_revealed(&world, &jess, &answers).await?;
    assert!(world.clinic.auth().sessions().all().await?.is_empty());
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_burst_reveals_no_password_of_a_user_with_a_second_factor() -> Result<()> {
    let world = World::new().await?;
    let jess = user(&world.clinic, "jess").await?;
    enroll(&world.clinic, "jess").await?;
    let answers = burst(&world.clinic, log_in).await;
    assert_nothing_revealed(&world, &jess, &answers).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_burst_with_codes_reveals_no_password_and_compares_no_code() -> Result<()> {
    let world = World::new().await?;
    let jess = user(&world.clinic, "jess").await?;
    let (_, codes) = enroll(&world.clinic, "jess").await?;
    let before = world.water.hashing_metrics().done;
    let answers = burst(&world.clinic, |tenant, typed| {
        let second_factor = Some(SecondFactor::BackupCode(codes[0].as_str().into()));
        let request = LoginRequest { second_factor, ..request("jess", &typed) };
        async move { tenant.auth().login(request).await }
    })
    .await;
    assert_nothing_revealed(&world, &jess, &answers).await?;
    // One hash for each password. Comparing a code only after the right password would take longer and reveal
    // it.
    assert_eq!(world.water.hashing_metrics().done - before, GUESSES);
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_burst_reveals_no_password_of_an_inactive_user() -> Result<()> {
    let world = World::new().await?;
    let jess = user(&world.clinic, "jess").await?;
    let update = UserUpdate { is_active: false.into(), ..Default::default() };
    world.clinic.auth().users().update(jess.id, update).await?;
    let answers = burst(&world.clinic, log_in).await;
    assert_nothing_revealed(&world, &jess, &answers).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_burst_at_changing_the_password_reveals_no_password() -> Result<()> {
    let world = World::new().await?;
    let jess = user(&world.clinic, "jess").await?;
    let before = world.water.hashing_metrics().done;
    let answers = burst(&world.clinic, |tenant, typed| async move {
        let new = Password::new("another one")?;
        tenant.auth().users().change_password(jess.id, &Password::new(typed)?, new, None).await
    })
    .await;
    let jess = world.clinic.auth().users().find(jess.id).await?.expect("jess");
    assert_nothing_revealed(&world, &jess, &answers).await?;
    assert_eq!(jess.password_changed_at, None);
    assert_eq!(world.water.hashing_metrics().done - before, GUESSES, "the new password was hashed");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_burst_at_disabling_the_second_factor_reveals_no_password() -> Result<()> {
    let world = World::new().await?;
    let jess = user(&world.clinic, "jess").await?;
    enroll(&world.clinic, "jess").await?;
    let answers = burst(&world.clinic, |tenant, typed| async move {
        tenant.auth().totp().disable(jess.id, &Password::new(typed)?).await
    })
    .await;
    assert_nothing_revealed(&world, &jess, &answers).await?;
    assert!(world.clinic.auth().totp().find(&jess.handle).await?.is_some());
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_burst_of_backup_codes_locks_and_consumes_none() -> Result<()> {
    let world = World::new().await?;
    let jess = user(&world.clinic, "jess").await?;
    let codes = world.clinic.auth().backup_codes().regenerate(jess.id).await?;
    let right = codes.expose_secrets().next().expect("a code");
    let guesses = (0..60).map(|n| {
        let code = if n == 50 { right.to_owned() } else { format!("WRNG-{n:04}") };
        let tenant = world.clinic.clone();
        async move { tenant.auth().backup_codes().consume(jess.id, &code).await }
    });
    let answers = join_all(guesses).await;
    let told = answers.iter().filter(|answer| answer.is_ok()).count();
    assert_eq!(told, LIMIT, "answers that are not Locked");
    let locked = |answer: &Result<Option<usize>, AuthError>| {
        matches!(answer, Err(AuthError::LoginRefused(LoginRefusal::Locked { .. })))
    };
    assert!(locked(&answers[50]));
    assert!(answers.iter().all(|answer| locked(answer) || matches!(answer, Ok(None))));
    let set = world.clinic.auth().backup_codes().find(jess.id).await?.expect("the set");
    assert_eq!(set.remaining(), 10);
    assert_eq!(failures(&world).await?, 60);
    Ok(())
}

#[tokio::test]
async fn a_used_code_does_not_count_as_a_guess() -> Result<()> {
    let world = World::new().await?;
    let auth = world.clinic.auth();
    let jess = user(&world.clinic, "jess").await?;
    let codes = auth.backup_codes().regenerate(jess.id).await?;
    let code = codes.expose_secrets().next().expect("a code");
    assert_eq!(auth.backup_codes().consume(jess.id, code).await?, Some(9));
    for _ in 0..2 * LIMIT {
        assert_eq!(auth.backup_codes().consume(jess.id, code).await?, None);
    }
    assert_eq!(auth.users().find(jess.id).await?.expect("jess").login_attempts, 0);
    Ok(())
}

/// A login in progress during the enrollment of the second factor does not bypass it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_factor_enrolled_during_a_login_is_required() -> Result<()> {
    let world = World::with(super::settings().bcrypt_cost(13).concurrent_hashes(1)).await?;
    user(&world.clinic, "jess").await?;
    let owner = world.owner().await?;
    let clinic = world.clinic.clone();
    let login = tokio::spawn(async move { clinic.auth().login(request("jess", PASSWORD)).await });
    while world.water.hashing_metrics().running == 0 {
        tokio::time::sleep(std::time::Duration::from_millis(1)).await;
    }
    owner.run("UPDATE auth.users SET totp_enabled = true", []).await?;
    assert_eq!(world.water.hashing_metrics().running, 1, "the password is still being verified");
    let refused = login.await?.map(drop);
    assert!(
        matches!(refused, Err(AuthError::LoginRefused(LoginRefusal::SecondFactorRequired))),
        "{refused:?}"
    );
    let reasons: Vec<_> = world.clinic.auth().audit().recent(None).await?;
    assert_eq!(reasons[0].details["reason"], "second factor wanted");
    Ok(())
}
