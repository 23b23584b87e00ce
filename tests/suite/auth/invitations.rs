//! Invitations are created, found, changed, accepted, revoked and cleaned up.

use std::time::Duration;

use anyhow::Result;
use chrono::{TimeDelta, Utc};
use sea_orm::EntityTrait;
use uuid::Uuid;
use watertight::auth::AuthError;
use watertight::auth::{
    Change, InvitationEntity, InvitationMetadata, InvitationRecord, InvitationState, InvitationUpdate,
    InvitedUser, NewInvitation, Profile, Role, TotpSecret, UserRecord,
};
use watertight::entity::auth::invitations;

use super::{PASSWORD, World, password, request, trail, user};

fn metadata() -> InvitationMetadata {
    InvitationMetadata {
        inviter_handle: "jess".into(),
        inviter_display_name: Some("Jess".into()),
        message: Some("Welcome".into()),
        custom_instructions: None,
    }
}

fn invited(handle: &str) -> InvitedUser {
    InvitedUser::new(handle.parse().expect("a handle"), password())
}

#[tokio::test]
async fn an_invitation_is_created_and_found_and_its_token_is_stored_hashed() -> Result<()> {
    let world = World::new().await?;
    let auth = world.clinic.auth();
    let jess = user(&world.clinic, "jess").await?;
    let secret = TotpSecret::generate()?;
    let new = NewInvitation {
        valid_for: Duration::from_hours(48),
        temporary_totp_secret: Some(secret.clone()),
        metadata: Some(metadata()),
        ..NewInvitation::new("Kai@Example.com".parse()?, Role::Editor, jess.id)
    };
    let made = auth.invitations().create(new).await?;
    let (invitation, token) = (made.invitation, made.token.expose_secret());
    assert_eq!((invitation.email.as_str(), &invitation.role), ("kai@example.com", &Role::Editor));
    assert_eq!(invitation.expires_at - invitation.created_at, TimeDelta::hours(48));
    assert_eq!(invitation.metadata, Some(metadata()));
    assert_eq!(auth.invitations().find_by_token(token).await?, Some(invitation.clone()));
    assert_eq!(invitations::Entity::find_by_token(&world.clinic, token).await?, Some(invitation.clone()));
    assert_eq!(auth.invitations().find(invitation.id).await?, Some(invitation.clone()));
    assert_eq!(jess.invitations(&world.clinic).await?, [invitation]);
    assert_eq!(auth.invitations().find_by_token("nonsense").await?, None);
    let kept = auth.invitations().find_totp_secret(token).await?.expect("the secret");
    assert_eq!(kept.code_at(0)?, secret.code_at(0)?);
    let rows = format!("{:?}", invitations::Entity::find().all(&world.clinic).await?);
    assert!(!rows.contains(token));
    assert!(!rows.contains(secrecy::ExposeSecret::expose_secret(&secret.expose_base32())));

    let nobody = NewInvitation::new("kai@example.com".parse()?, Role::Editor, Uuid::new_v4());
    assert!(matches!(auth.invitations().create(nobody).await, Err(AuthError::UserNotFound { .. })));
    Ok(())
}

#[tokio::test]
async fn accepting_creates_the_invited_user() -> Result<()> {
    let world = World::new().await?;
    let auth = world.clinic.auth();
    let jess = user(&world.clinic, "jess").await?;
    let made = auth
        .invitations()
        .create(NewInvitation::new("kai@example.com".parse()?, Role::Editor, jess.id))
        .await?;
    let token = made.token.expose_secret();

    let refused = auth.invitations().accept(token, invited("jess")).await;
    assert!(matches!(refused, Err(AuthError::HandleTaken { .. })));
    assert_eq!(auth.invitations().all_pending().await?.len(), 1, "a failure changes nothing");

    let profile = Profile { pronouns: Some("he/him".into()), ..Default::default() };
    let kai =
        auth.invitations().accept(token, InvitedUser { profile: profile.clone(), ..invited("kai") }).await?;
    assert_eq!((kai.email.as_str(), &kai.role, &kai.profile), ("kai@example.com", &Role::Editor, &profile));
    auth.login(request("kai", PASSWORD)).await?;
    let used = auth.invitations().find(made.invitation.id).await?.expect("it");
    assert!(used.used_at.is_some() && used.used_by == Some(kai.id) && !used.is_active);
    assert_eq!(trail(&world.clinic).await?[..2], ["INVITATION_ACCEPTED", "USER_CREATED"]);
    let again = auth.invitations().accept(token, invited("lea")).await;
    assert!(matches!(again, Err(AuthError::InvitationClosed { state: InvitationState::Used })));
    Ok(())
}

#[tokio::test]
async fn ended_invitations_are_not_accepted_and_state_the_reason() -> Result<()> {
    let world = World::new().await?;
    let auth = world.clinic.auth();
    let jess = user(&world.clinic, "jess").await?;
    let invite = async |email: &str| {
        auth.invitations().create(NewInvitation::new(email.parse()?, Role::Viewer, jess.id)).await
    };
    let (withdrawn, expired) = (invite("a@example.com").await?, invite("b@example.com").await?);
    let open = invite("c@example.com").await?;
    let revoked = withdrawn.invitation.revoke(&world.clinic).await?;
    assert!(!revoked.is_active);
    let past = InvitationUpdate { expires_at: Utc::now().into(), ..Default::default() };
    auth.invitations().update(expired.invitation.id, past).await?;

    let state = async |made: &watertight::auth::CreatedInvitation| match auth
        .invitations()
        .accept(made.token.expose_secret(), invited("kai"))
        .await
    {
        Err(AuthError::InvitationClosed { state }) => state,
        other => panic!("{other:?}"),
    };
    assert_eq!(state(&withdrawn).await, InvitationState::Revoked);
    assert_eq!(state(&expired).await, InvitationState::Expired);
    assert_eq!(auth.invitations().find_by_token(expired.token.expose_secret()).await?, None);
    assert!(auth.invitations().find(expired.invitation.id).await?.is_some());
    let unknown = auth.invitations().accept("nonsense", invited("kai")).await;
    assert!(matches!(unknown, Err(AuthError::InvitationNotFound)));
    assert_eq!(auth.invitations().all_pending().await?, [open.invitation]);
    assert_eq!(auth.invitations().all().await?.len(), 3);
    Ok(())
}

#[tokio::test]
async fn an_update_sets_clears_and_keeps() -> Result<()> {
    let world = World::new().await?;
    let auth = world.clinic.auth();
    let jess = user(&world.clinic, "jess").await?;
    let new = NewInvitation {
        metadata: Some(metadata()),
        ..NewInvitation::new("kai@example.com".parse()?, Role::Editor, jess.id)
    };
    let made = auth.invitations().create(new).await?.invitation;
    let later = made.expires_at + TimeDelta::days(1);
    let update = InvitationUpdate {
        expires_at: later.into(),
        used_at: Some(later).into(),
        used_by: Some(jess.id).into(),
        ..Default::default()
    };
    let changed = auth.invitations().update(made.id, update).await?;
    assert_eq!((changed.expires_at, changed.used_at, changed.used_by), (later, Some(later), Some(jess.id)));
    assert_eq!(changed.metadata, made.metadata);
    let update = InvitationUpdate {
        used_at: Change::Set(None),
        used_by: Change::Set(None),
        metadata: Change::Set(None),
        ..Default::default()
    };
    let cleared = auth.invitations().update(made.id, update).await?;
    assert_eq!((cleared.used_at, cleared.used_by, cleared.metadata), (None, None, None));
    let missing = auth.invitations().update(Uuid::new_v4(), InvitationUpdate::default()).await;
    assert!(matches!(missing, Err(AuthError::InvitationNotFound)));
    assert!(auth.invitations().delete(made.id).await?);
    assert!(!auth.invitations().delete(made.id).await?);
    Ok(())
}

#[tokio::test]
async fn cleaning_up_keeps_open_and_accepted_invitations() -> Result<()> {
    let world = World::new().await?;
    let auth = world.clinic.auth();
    let jess = user(&world.clinic, "jess").await?;
    let mut made = Vec::new();
    for n in 0..4 {
        let email = format!("{n}@example.com").parse()?;
        made.push(auth.invitations().create(NewInvitation::new(email, Role::Viewer, jess.id)).await?);
    }
    auth.invitations().accept(made[0].token.expose_secret(), invited("kai")).await?;
    let past = || InvitationUpdate { expires_at: Utc::now().into(), ..Default::default() };
    for expired in &made[..3] {
        auth.invitations().update(expired.invitation.id, past()).await?;
    }
    assert_eq!(auth.invitations().delete_expired().await?, 2);
    assert_eq!(auth.invitations().delete_expired().await?, 0);
    assert_eq!(auth.invitations().all().await?.len(), 2);
    Ok(())
}
