//! Operations that are repeated because their answers were lost: once carried out, and told again.

use anyhow::Result;
use sea_orm::{EntityTrait, PaginatorTrait};
use uuid::Uuid;
use watertight::TenantConnection;
use watertight::auth::{
    AuthError, BackupCodes, InvitationState, InvitedUser, LoginRefusal, LoginRequest, NewInvitation, NewUser,
    Password, Role, SecondFactor,
};
use watertight::entity::auth::sessions;

use super::{PASSWORD, World, code, enroll, new_user, password, request, trail, user, with_code};

async fn failures(tenant: &TenantConnection, handle: &str) -> Result<i32> {
    Ok(tenant.auth().users().find_by_handle(&handle.parse()?).await?.expect("the user").login_attempts)
}

fn refused<T>(result: Result<T, AuthError>) -> Option<LoginRefusal> {
    match result {
        Err(AuthError::LoginRefused(refusal)) => Some(refusal),
        _ => None,
    }
}

#[tokio::test]
async fn a_repeated_login_returns_the_session_of_the_first() -> Result<()> {
    let world = World::new().await?;
    let auth = world.clinic.auth();
    user(&world.clinic, "jess").await?;
    user(&world.clinic, "kai").await?;
    let attempt = Some(Uuid::new_v4());
    let of = |name: &str| LoginRequest { attempt, ..request(name, PASSWORD) };
    let first = auth.login(of("jess")).await?;
    let again = auth.login(of("jess")).await?;
    assert_eq!(again.session, first.session);
    assert_eq!(again.token.expose_secret(), first.token.expose_secret());
    assert_eq!(sessions::Entity::find().count(&world.clinic).await?, 1);
    assert_eq!(trail(&world.clinic).await?, ["LOGIN_SUCCESS", "SESSION_CREATED"]);

    // The attempt is one of its user and its tenant, and proves nothing.
    assert_ne!(auth.login(of("kai")).await?.session.id, first.session.id);
    let wrong = LoginRequest { attempt, ..request("jess", "wrong") };
    assert_eq!(refused(auth.login(wrong).await), Some(LoginRefusal::BadCredentials));
    let other = LoginRequest { attempt: Some(Uuid::new_v4()), ..request("jess", PASSWORD) };
    assert_ne!(auth.login(other).await?.session.id, first.session.id);

    // A session that has ended does not come back.
    auth.logout(first.token.expose_secret()).await?;
    assert!(matches!(auth.login(of("jess")).await, Err(AuthError::SessionNotFound { .. })));
    assert!(auth.authenticate(first.token.expose_secret()).await?.is_none());
    Ok(())
}

#[tokio::test]
async fn a_repeated_login_is_not_refused_for_its_used_second_factor() -> Result<()> {
    let world = World::new().await?;
    let auth = world.clinic.auth();
    user(&world.clinic, "jess").await?;
    let (secret, codes) = enroll(&world.clinic, "jess").await?;
    let right = code(&world.clinic, &secret, 0).await?;
    let attempt = Some(Uuid::new_v4());
    let with_totp = || LoginRequest { attempt, ..with_code("jess", &right) };
    let first = auth.login(with_totp()).await?;
    assert_eq!(auth.login(with_totp()).await?.session, first.session);
    assert_eq!(failures(&world.clinic, "jess").await?, 0);

    // Neither the attempt without the factor nor the factor without the attempt is enough.
    let bare = LoginRequest { attempt, ..request("jess", PASSWORD) };
    assert_eq!(refused(auth.login(bare).await), Some(LoginRefusal::SecondFactorRequired));
    let wrong = LoginRequest { attempt, ..with_code("jess", "000000") };
    assert_eq!(refused(auth.login(wrong).await), Some(LoginRefusal::SecondFactorWrong));
    for attempt in [None, Some(Uuid::new_v4())] {
        let replayed = LoginRequest { attempt, ..with_code("jess", &right) };
        assert_eq!(refused(auth.login(replayed).await), Some(LoginRefusal::SecondFactorWrong));
    }

    let attempt = Some(Uuid::new_v4());
    let with_backup_code = || {
        let second_factor = Some(SecondFactor::BackupCode(codes[0].as_str().into()));
        LoginRequest { second_factor, attempt, ..request("jess", PASSWORD) }
    };
    let first = auth.login(with_backup_code()).await?;
    let again = auth.login(with_backup_code()).await?;
    assert_eq!(again.session, first.session);
    assert_eq!((first.backup_codes_remaining, again.backup_codes_remaining), (Some(9), Some(9)));
    Ok(())
}

#[tokio::test]
async fn an_old_attempt_is_not_repeated() -> Result<()> {
    let world = World::new().await?;
    let auth = world.clinic.auth();
    user(&world.clinic, "jess").await?;
    let request = LoginRequest { attempt: Some(Uuid::new_v4()), ..request("jess", PASSWORD) };
    auth.login(request.clone()).await?;
    let role = world.database.superuser().await?;
    let older = "UPDATE auth.audit_events SET \"timestamp\" = \"timestamp\" - INTERVAL '11 minutes'";
    sea_orm::ConnectionTrait::execute_unprepared(&role, older).await?;
    assert!(matches!(auth.login(request).await, Err(AuthError::SessionNotFound { .. })));
    Ok(())
}

#[tokio::test]
async fn a_user_with_an_id_is_created_once() -> Result<()> {
    let world = World::new().await?;
    let users = world.clinic.auth().users();
    let id = Some(Uuid::new_v4());
    let created = users.create(NewUser { id, ..new_user("jess") }).await?;
    assert_eq!(Some(created.id), id);
    assert_eq!(users.create(NewUser { id, ..new_user("jess") }).await?, created);
    let other = users.create(NewUser { id, ..new_user("kai") }).await;
    assert!(matches!(other, Err(AuthError::IdTaken { what: "user", .. })));
    assert!(matches!(users.create(new_user("jess")).await, Err(AuthError::HandleTaken { .. })));

    let id = Uuid::new_v4();
    let lea = || users.create(NewUser { id: Some(id), ..new_user("lea") });
    let (first, second, third) = tokio::join!(lea(), lea(), lea());
    assert!(first? == second? && third?.id == id);
    // The same id is free for another tenant.
    world.studio.auth().users().create(NewUser { id: Some(id), ..new_user("mia") }).await?;
    Ok(())
}

#[tokio::test]
async fn a_repeated_invitation_is_one_with_a_new_token() -> Result<()> {
    let world = World::new().await?;
    let invitations = world.clinic.auth().invitations();
    let jess = user(&world.clinic, "jess").await?;
    let id = Some(Uuid::new_v4());
    let new = |email: &str| {
        Ok::<_, AuthError>(NewInvitation { id, ..NewInvitation::new(email.parse()?, Role::Editor, jess.id) })
    };
    let first = invitations.create(new("kai@example.com")?).await?;
    let second = invitations.create(new("kai@example.com")?).await?;
    assert_eq!(Some(second.invitation.id), id);
    assert_eq!(invitations.all().await?.len(), 1);
    let accept = |token: String| async move {
        let kai = InvitedUser::new("kai".parse()?, password());
        invitations.accept(&token, kai).await
    };
    let lost = accept(first.token.expose_secret().to_owned()).await;
    assert!(matches!(lost, Err(AuthError::InvitationNotFound)));
    for other in ["lea@example.com", "kai@example.com"] {
        if other == "kai@example.com" {
            accept(second.token.expose_secret().to_owned()).await?;
        }
        let taken = invitations.create(new(other)?).await;
        assert!(matches!(taken, Err(AuthError::IdTaken { what: "invitation", .. })), "{other}");
    }
    Ok(())
}

#[tokio::test]
async fn an_acceptance_is_repeated_with_the_same_password_alone() -> Result<()> {
    let world = World::new().await?;
    let invitations = world.clinic.auth().invitations();
    let jess = user(&world.clinic, "jess").await?;
    let new = NewInvitation::new("kai@example.com".parse()?, Role::Editor, jess.id);
    let made = invitations.create(new).await?;
    let accept = async |handle: &str, password: &str| {
        let invited = InvitedUser::new(handle.parse()?, Password::new(password)?);
        invitations.accept(made.token.expose_secret(), invited).await
    };
    let kai = accept("kai", PASSWORD).await?;
    assert_eq!(accept("kai", PASSWORD).await?, kai);
    let used = |result| matches!(result, Err(AuthError::InvitationClosed { state: InvitationState::Used }));
    assert!(used(accept("lea", PASSWORD).await));
    assert!(used(accept("kai", "wrong").await));
    assert_eq!(failures(&world.clinic, "kai").await?, 1, "a wrong password is a failed login");
    let later = "UPDATE auth.invitations SET used_at = used_at - INTERVAL '11 minutes'";
    world.owner().await?.run(later, []).await?;
    assert!(used(accept("kai", PASSWORD).await));
    Ok(())
}

#[tokio::test]
async fn a_repeated_change_of_the_password_succeeds() -> Result<()> {
    let world = World::new().await?;
    let auth = world.clinic.auth();
    let jess = user(&world.clinic, "jess").await?;
    let change = async |current: &str, new: &str| {
        auth.users().change_password(jess.id, &Password::new(current)?, Password::new(new)?, None).await
    };
    for _ in 0..2 {
        change(PASSWORD, "a new password").await?;
    }
    assert_eq!(failures(&world.clinic, "jess").await?, 0);
    assert!(refused(change(PASSWORD, "another password").await).is_some());
    assert_eq!(failures(&world.clinic, "jess").await?, 1);
    auth.login(request("jess", "a new password")).await?;
    let later = "UPDATE auth.users SET password_changed_at = password_changed_at - INTERVAL '11 minutes'";
    world.owner().await?.run(later, []).await?;
    assert!(refused(change(PASSWORD, "a new password").await).is_some());
    Ok(())
}

#[tokio::test]
async fn a_confirmation_with_its_own_codes_can_be_repeated() -> Result<()> {
    let world = World::new().await?;
    let auth = world.clinic.auth();
    let jess = user(&world.clinic, "jess").await?;
    let session = auth.login(request("jess", PASSWORD)).await?.session.id;
    let enrollment = auth.totp().enroll(session).await?;
    let right = code(&world.clinic, enrollment.secret(), 0).await?;
    let codes = BackupCodes::generate(4)?;
    auth.totp().confirm_with(session, &right, &codes).await?;
    auth.totp().confirm_with(session, &right, &codes).await?;
    let others = auth.totp().confirm_with(session, &right, &BackupCodes::generate(4)?).await;
    assert!(matches!(others, Err(AuthError::NotEnrolled)));
    assert!(matches!(auth.totp().confirm(session, &right).await, Err(AuthError::NotEnrolled)));
    assert_eq!(auth.backup_codes().find(jess.id).await?.expect("codes").remaining(), 4);

    let typed = codes.expose_secrets().next().expect("a code");
    assert_eq!(auth.backup_codes().used_at(jess.id, typed).await?, None);
    assert_eq!(auth.backup_codes().consume(jess.id, typed).await?, Some(3));
    assert_eq!(auth.backup_codes().consume(jess.id, typed).await?, None);
    assert!(auth.backup_codes().used_at(jess.id, typed).await?.is_some());
    assert_eq!(auth.backup_codes().used_at(jess.id, "ABCD-2345").await?, None);
    Ok(())
}
