//! Sessions and invitations of a user who is locked, deactivated or has another role.

use std::time::Duration;

use anyhow::Result;
use watertight::auth::AuthError;
use watertight::auth::{
    CreatedInvitation, InvitationState, InvitedUser, LoginRefusal, NewInvitation, NewUser, Permissions,
    ProfileUpdate, Role, SessionMetadata, User, UserUpdate,
};
use watertight::{Change, TenantConnection};

use super::{PASSWORD, World, code, new_user, password, request, user};

async fn session(tenant: &TenantConnection, user: &User) -> Result<String> {
    let session = tenant.auth().sessions().create(user.id, &SessionMetadata::default()).await?;
    Ok(tenant.auth().sessions().issue_token(session.id).await?.expose_secret().to_owned())
}

async fn is_live(tenant: &TenantConnection, token: &str) -> Result<bool> {
    Ok(tenant.auth().authenticate(token).await?.is_some())
}

fn set_active(is_active: bool) -> UserUpdate {
    UserUpdate { is_active: is_active.into(), ..Default::default() }
}

fn set_role(role: Role) -> UserUpdate {
    UserUpdate { role: role.into(), ..Default::default() }
}

#[tokio::test]
async fn no_session_is_created_for_an_inactive_or_locked_user() -> Result<()> {
    let world = World::new().await?;
    let auth = world.clinic.auth();
    let jess = user(&world.clinic, "jess").await?;
    let refusal = async || match auth.sessions().create(jess.id, &SessionMetadata::default()).await {
        Err(AuthError::LoginRefused(refusal)) => refusal,
        other => panic!("{other:?}"),
    };
    auth.users().lock(jess.id, "a reason").await?;
    assert_eq!(refusal().await, LoginRefusal::Locked { until: None });
    auth.users().unlock(jess.id).await?;
    session(&world.clinic, &jess).await?;

    auth.users().update(jess.id, set_active(false)).await?;
    assert_eq!(refusal().await, LoginRefusal::Inactive);
    auth.users().update(jess.id, set_active(true)).await?;
    session(&world.clinic, &jess).await?;

    for _ in 0..5 {
        auth.login(request("jess", "wrong")).await.expect_err("wrong");
    }
    assert!(matches!(refusal().await, LoginRefusal::Locked { until: Some(_) }));
    Ok(())
}

/// The lock is not yet committed when the session is authenticated.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_session_is_created_during_a_lock_or_deactivation() -> Result<()> {
    let world = World::new().await?;
    let jess = user(&world.clinic, "jess").await?;
    for lock in [true, false] {
        let transaction = world.clinic.begin().await?;
        if lock {
            transaction.auth().users().lock(jess.id, "a reason").await?;
        } else {
            transaction.auth().users().update(jess.id, set_active(false)).await?;
        }
        let clinic = world.clinic.clone();
        let beginning = tokio::spawn(async move {
            clinic.auth().sessions().create(jess.id, &SessionMetadata::default()).await
        });
        tokio::time::sleep(Duration::from_millis(300)).await;
        assert!(!beginning.is_finished(), "it waits for the outcome");
        transaction.commit().await?;
        assert!(matches!(beginning.await?, Err(AuthError::LoginRefused(_))));
        let auth = world.clinic.auth();
        auth.users().unlock(jess.id).await?;
        auth.users().update(jess.id, set_active(true)).await?;
        assert!(auth.sessions().all().await?.is_empty());
    }
    Ok(())
}

#[tokio::test]
async fn a_deactivation_or_a_lock_ends_earlier_sessions() -> Result<()> {
    let world = World::new().await?;
    let auth = world.clinic.auth();
    let jess = user(&world.clinic, "jess").await?;
    let owner = world.owner().await?;

    let token = session(&world.clinic, &jess).await?;
    auth.users().update(jess.id, set_active(false)).await?;
    auth.users().update(jess.id, set_active(true)).await?;
    assert!(!is_live(&world.clinic, &token).await?, "deactivated");

    // Another program writes the row, and does not end sessions.
    let token = session(&world.clinic, &jess).await?;
    owner.run("UPDATE auth.users SET is_active = false", []).await?;
    auth.users().update(jess.id, set_active(true)).await?;
    assert!(!is_live(&world.clinic, &token).await?, "deactivated by another program");

    let token = session(&world.clinic, &jess).await?;
    auth.users().lock(jess.id, "a reason").await?;
    auth.users().unlock(jess.id).await?;
    assert!(!is_live(&world.clinic, &token).await?, "locked");

    let token = session(&world.clinic, &jess).await?;
    owner.run("UPDATE auth.users SET is_locked = true", []).await?;
    auth.users().unlock(jess.id).await?;
    assert!(!is_live(&world.clinic, &token).await?, "locked by another program");

    let token = session(&world.clinic, &jess).await?;
    for _ in 0..5 {
        auth.login(request("jess", "wrong")).await.expect_err("wrong");
    }
    auth.users().unlock(jess.id).await?;
    assert!(is_live(&world.clinic, &token).await?, "a lock of failures ends none");
    Ok(())
}

#[tokio::test]
async fn a_new_role_ends_sessions_and_a_new_name_does_not() -> Result<()> {
    let world = World::new().await?;
    let auth = world.clinic.auth();
    let permissions = Permissions(vec!["print".into()]);
    let new = NewUser { role: Role::Admin, permissions: Some(permissions.clone()), ..new_user("jess") };
    let jess = auth.users().create(new).await?;
    let ana = user(&world.clinic, "ana").await?;
    let hers = session(&world.clinic, &ana).await?;
    let ending = [
        set_role(Role::Viewer),
        UserUpdate { permissions: Change::Set(None), ..Default::default() },
        UserUpdate { totp_enabled: true.into(), ..Default::default() },
        UserUpdate {
            role: Role::Editor.into(),
            handle: "jessica".parse::<watertight::Handle>()?.into(),
            ..Default::default()
        },
    ];
    let keeping = [
        set_role(Role::Admin),
        set_active(true),
        UserUpdate {
            permissions: Some(permissions).into(),
            totp_enabled: false.into(),
            ..Default::default()
        },
        UserUpdate { email: "j@example.com".parse::<watertight::Email>()?.into(), ..Default::default() },
        UserUpdate { handle: "jess2".parse::<watertight::Handle>()?.into(), ..Default::default() },
        UserUpdate {
            profile: ProfileUpdate { bio: Some("x".to_owned()).into(), ..Default::default() },
            ..Default::default()
        },
    ];
    for update in keeping {
        let token = session(&world.clinic, &jess).await?;
        auth.users().update(jess.id, update.clone()).await?;
        assert!(is_live(&world.clinic, &token).await?, "{update:?}");
    }
    for update in ending {
        let token = session(&world.clinic, &jess).await?;
        auth.users().update(jess.id, update.clone()).await?;
        assert!(!is_live(&world.clinic, &token).await?, "{update:?}");
    }
    assert!(is_live(&world.clinic, &hers).await?, "another user's");
    Ok(())
}

#[tokio::test]
async fn enrolling_a_second_factor_ends_the_other_sessions() -> Result<()> {
    let world = World::new().await?;
    let auth = world.clinic.auth();
    let jess = user(&world.clinic, "jess").await?;
    // The second round replaces the result of the first.
    for round in 0..2 {
        let other = session(&world.clinic, &jess).await?;
        let here = auth.sessions().create(jess.id, &SessionMetadata::default()).await?;
        let enrollment = auth.totp().enroll(here.id).await?;
        assert!(is_live(&world.clinic, &other).await?, "not before it is confirmed");
        auth.totp().confirm(here.id, &code(&world.clinic, enrollment.secret(), -1).await?).await?;
        assert!(!is_live(&world.clinic, &other).await?, "round {round}");
        assert_eq!(auth.sessions().all().await?.iter().map(|one| one.id).collect::<Vec<_>>(), [here.id]);
    }
    Ok(())
}

/// An administrator, and an invitation by the administrator to become one.
async fn invitation(world: &World) -> Result<(User, CreatedInvitation)> {
    let auth = world.clinic.auth();
    let root = match auth.users().find_by_handle(&"root".parse()?).await? {
        Some(root) => root,
        None => auth.users().create(NewUser { role: Role::Admin, ..new_user("root") }).await?,
    };
    let new = NewInvitation::new("kai@example.com".parse()?, Role::Admin, root.id);
    Ok((root, auth.invitations().create(new).await?))
}

async fn accept(tenant: &TenantConnection, made: &CreatedInvitation) -> Result<User, AuthError> {
    let invited = InvitedUser::new("kai".parse()?, password());
    tenant.auth().invitations().accept(made.token.expose_secret(), invited).await
}

#[tokio::test]
async fn an_invitation_is_void_when_its_inviter_loses_the_right() -> Result<()> {
    let world = World::new().await?;
    let auth = world.clinic.auth();
    let owner = world.owner().await?;
    let (root, made) = invitation(&world).await?;
    let void =
        |accepted| matches!(accepted, Err(AuthError::InvitationClosed { state: InvitationState::Void }));

    auth.users().update(root.id, set_active(false)).await?;
    assert!(void(accept(&world.clinic, &made).await), "inactive");
    assert!(auth.invitations().all_pending().await?.is_empty());
    auth.users().update(root.id, set_active(true)).await?;

    auth.users().lock(root.id, "a reason").await?;
    assert!(void(accept(&world.clinic, &made).await), "locked");
    auth.users().unlock(root.id).await?;

    auth.users().update(root.id, set_role(Role::Viewer)).await?;
    assert!(void(accept(&world.clinic, &made).await), "demoted");
    auth.users().update(root.id, set_role(Role::Admin)).await?;

    owner.run("UPDATE auth.users SET role = 'member'", []).await?;
    assert!(void(accept(&world.clinic, &made).await), "demoted by another program");
    owner.run("UPDATE auth.users SET role = 'admin'", []).await?;

    // Anyone can lock an account temporarily by guessing.
    for _ in 0..5 {
        auth.login(request("root", "wrong")).await.expect_err("wrong");
    }
    assert_eq!(auth.invitations().all_pending().await?.len(), 1);
    assert_eq!(accept(&world.clinic, &made).await?.role, Role::Admin);
    auth.login(request("kai", PASSWORD)).await?;

    auth.users().delete(root.id).await?;
    let (root, made) = invitation(&world).await?;
    auth.users().delete(root.id).await?;
    assert!(matches!(accept(&world.clinic, &made).await, Err(AuthError::InvitationNotFound)));
    Ok(())
}

#[tokio::test]
async fn inactive_or_locked_users_cannot_invite() -> Result<()> {
    let world = World::new().await?;
    let auth = world.clinic.auth();
    let (root, _) = invitation(&world).await?;
    auth.users().lock(root.id, "a reason").await?;
    let refused = invitation(&world).await.err().and_then(|error| error.downcast::<AuthError>().ok());
    assert!(matches!(refused, Some(AuthError::LoginRefused(LoginRefusal::Locked { until: None }))));
    auth.users().unlock(root.id).await?;
    auth.users().update(root.id, set_active(false)).await?;
    let refused = invitation(&world).await.err().and_then(|error| error.downcast::<AuthError>().ok());
    assert!(matches!(refused, Some(AuthError::LoginRefused(LoginRefusal::Inactive))));
    Ok(())
}

/// The demotion of the inviter is not yet committed when the invitation is accepted.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_invitation_is_accepted_during_a_demotion() -> Result<()> {
    let world = World::new().await?;
    let (root, made) = invitation(&world).await?;
    let transaction = world.clinic.begin().await?;
    transaction.auth().users().update(root.id, set_role(Role::Viewer)).await?;
    let clinic = world.clinic.clone();
    let accepting = tokio::spawn(async move { accept(&clinic, &made).await });
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert!(!accepting.is_finished(), "it waits for the outcome");
    transaction.commit().await?;
    let closed = accepting.await?;
    assert!(
        matches!(closed, Err(AuthError::InvitationClosed { state: InvitationState::Void })),
        "{closed:?}"
    );
    assert_eq!(world.clinic.auth().users().all().await?.len(), 1);
    Ok(())
}
