//! Concurrent attempts from two pools have one effect where only one is allowed.

use anyhow::Result;
use futures_util::future::join_all;
use watertight::TenantConnection;
use watertight::auth::AuthError;
use watertight::auth::{
    AuditFilter, BootstrapUser, InvitedUser, LoginRefusal, LoginRequest, NewInvitation, Role, SecondFactor,
};

use super::{PASSWORD, World, code, enroll, new_user, password, request, user, with_code};

/// Runs many attempts concurrently, alternating between the pools.
async fn attempts<T, F: Future<Output = Result<T, AuthError>>>(
    world: &World,
    count: usize,
    attempt: impl Fn(usize, TenantConnection) -> F,
) -> Result<Vec<Result<T, AuthError>>> {
    let elsewhere = world.clinic_elsewhere().await?;
    let tenants = [world.clinic.clone(), elsewhere];
    Ok(join_all((0..count).map(|n| attempt(n, tenants[n % 2].clone()))).await)
}

fn successes<T>(results: &[Result<T, AuthError>]) -> usize {
    results.iter().filter(|result| result.is_ok()).count()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn one_totp_code_logs_in_once() -> Result<()> {
    let world = World::with(super::settings().lockout(None)).await?;
    user(&world.clinic, "jess").await?;
    let (secret, _) = enroll(&world.clinic, "jess").await?;
    let right = code(&world.clinic, &secret, 0).await?;
    let logins = attempts(&world, 40, |_, tenant| {
        let request = with_code("jess", &right);
        async move { tenant.auth().login(request).await }
    })
    .await?;
    assert_eq!(successes(&logins), 1);
    let refused = logins.iter().filter_map(|login| login.as_ref().err());
    for error in refused {
        let expected = matches!(
            error,
            AuthError::LoginRefused(LoginRefusal::SecondFactorWrong | LoginRefusal::Locked { .. })
        );
        assert!(expected, "{error:?}");
    }
    // One session of the enrollment, and one of this login.
    assert_eq!(world.clinic.auth().sessions().all().await?.len(), 2);
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn one_backup_code_is_consumed_once() -> Result<()> {
    let world = World::new().await?;
    let jess = user(&world.clinic, "jess").await?;
    let codes = world.clinic.auth().backup_codes().regenerate(jess.id).await?;
    let codes: Vec<_> = codes.expose_secrets().map(str::to_owned).collect();
    // Many attempts with three codes: no update loses the mark of another.
    let consumed = attempts(&world, 45, |n, tenant| {
        let code = codes[n % 3].clone();
        async move { tenant.auth().backup_codes().consume(jess.id, &code).await }
    })
    .await?;
    let consumed = consumed.into_iter().collect::<Result<Vec<_>, _>>()?;
    let mut remaining: Vec<_> = consumed.into_iter().flatten().collect();
    remaining.sort_unstable();
    assert_eq!(remaining, [7, 8, 9]);
    let set = world.clinic.auth().backup_codes().find(jess.id).await?.expect("the set");
    assert_eq!(set.remaining(), 7);
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn one_backup_code_logs_in_once() -> Result<()> {
    let world = World::new().await?;
    user(&world.clinic, "jess").await?;
    let (_, codes) = enroll(&world.clinic, "jess").await?;
    let logins = attempts(&world, 20, |_, tenant| {
        let second_factor = Some(SecondFactor::BackupCode(codes[0].as_str().into()));
        let request = LoginRequest { second_factor, ..request("jess", PASSWORD) };
        async move { tenant.auth().login(request).await }
    })
    .await?;
    assert_eq!(successes(&logins), 1);
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn one_invitation_is_accepted_once() -> Result<()> {
    let world = World::new().await?;
    let jess = user(&world.clinic, "jess").await?;
    let new = NewInvitation::new("kai@example.com".parse()?, Role::Editor, jess.id);
    let made = world.clinic.auth().invitations().create(new).await?;
    let accepted = attempts(&world, 40, |n, tenant| {
        let token = made.token.clone();
        async move {
            let invited = InvitedUser::new(format!("kai{n}").parse()?, password());
            tenant.auth().invitations().accept(token.expose_secret(), invited).await
        }
    })
    .await?;
    assert_eq!(successes(&accepted), 1);
    assert!(accepted.iter().filter_map(|result| result.as_ref().err()).all(|error| matches!(
        error,
        AuthError::InvitationClosed { state: watertight::auth::InvitationState::Used }
    )));
    assert_eq!(world.clinic.auth().users().all().await?.len(), 2);
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn one_first_user_is_bootstrapped() -> Result<()> {
    let world = World::new().await?;
    let reports = attempts(&world, 30, |_, tenant| {
        let first = BootstrapUser {
            handle: "jess".into(),
            email: "jess@example.com".into(),
            role: "admin".into(),
            credential: Some(password().into()),
            ..Default::default()
        };
        async move { tenant.auth().bootstrap_users(vec![first], true).await }
    })
    .await?;
    let reports = reports.into_iter().collect::<Result<Vec<_>, _>>()?;
    let count = |of: fn(&watertight::auth::BootstrapReport) -> usize| reports.iter().map(of).sum::<usize>();
    assert_eq!(count(|report| report.created.len()), 1);
    assert_eq!(count(|report| report.updated.len()), 0);
    assert_eq!(count(|report| report.unchanged.len()), 29);
    assert_eq!(world.clinic.auth().users().all().await?.len(), 1);
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn concurrent_failures_lock_the_account_once() -> Result<()> {
    let world = World::new().await?;
    let jess = user(&world.clinic, "jess").await?;
    let logins = attempts(&world, 60, |_, tenant| {
        let request = request("jess", "wrong");
        async move { tenant.auth().login(request).await }
    })
    .await?;
    assert_eq!(successes(&logins), 0);
    let auth = world.clinic.auth();
    let locks = AuditFilter { event_type: Some("ACCOUNT_LOCKED".parse()?), ..Default::default() };
    assert_eq!(auth.audit().page(&locks).await?.events.len(), 1);
    let locked = auth.users().find(jess.id).await?.expect("jess");
    assert_eq!((locked.login_attempts, locked.is_locked), (5, true));
    assert!(matches!(
        auth.login(request("jess", PASSWORD)).await,
        Err(AuthError::LoginRefused(LoginRefusal::Locked { .. }))
    ));
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_handle_is_created_once() -> Result<()> {
    let world = World::new().await?;
    let created = attempts(&world, 40, |n, tenant| async move {
        // Half of the users have different handles and the same email address.
        let handle = if n % 4 < 2 { "jess".to_owned() } else { format!("jess{n}") };
        let new = watertight::auth::NewUser { email: "jess@example.com".parse()?, ..new_user(&handle) };
        tenant.auth().users().create(new).await
    })
    .await?;
    assert_eq!(successes(&created), 1);
    assert!(
        created
            .iter()
            .filter_map(|result| result.as_ref().err())
            .all(|error| { matches!(error, AuthError::HandleTaken { .. } | AuthError::EmailTaken { .. }) })
    );
    assert_eq!(world.clinic.auth().users().all().await?.len(), 1);
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn one_enrollment_is_confirmed_once() -> Result<()> {
    let world = World::new().await?;
    user(&world.clinic, "jess").await?;
    let login = world.clinic.auth().login(request("jess", PASSWORD)).await?;
    let enrollment = world.clinic.auth().totp().enroll(login.session.id).await?;
    let right = code(&world.clinic, enrollment.secret(), 0).await?;
    let confirmed = attempts(&world, 10, |_, tenant| {
        let (session, right) = (login.session.id, right.clone());
        async move { tenant.auth().totp().confirm(session, &right).await }
    })
    .await?;
    assert_eq!(successes(&confirmed), 1);
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn concurrent_password_changes_leave_one_of_them() -> Result<()> {
    let world = World::new().await?;
    let jess = user(&world.clinic, "jess").await?;
    let changed = attempts(&world, 10, |n, tenant| async move {
        let new = watertight::auth::Password::new(format!("new password {n}"))?;
        tenant.auth().users().change_password(jess.id, &password(), new, None).await
    })
    .await?;
    assert_eq!(successes(&changed), 1);
    let winner = changed.iter().position(Result::is_ok).expect("one");
    world.clinic.auth().users().unlock(jess.id).await?;
    world.clinic.auth().login(request("jess", &format!("new password {winner}"))).await?;
    Ok(())
}
