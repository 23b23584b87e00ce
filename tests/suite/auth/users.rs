//! Users: every field is stored, updates set and clear fields, and names are unique within a tenant.

use anyhow::Result;
use futures_util::TryStreamExt;
use sea_orm::EntityTrait;
use uuid::Uuid;
use watertight::InvalidInput;
use watertight::auth::AuthError;
use watertight::auth::{
    AuditEventType, Change, NewAuditEvent, NewInvitation, NewUser, Permissions, Profile, ProfileUpdate, Role,
    SessionMetadata, User, UserEntity, UserRecord, UserUpdate,
};
use watertight::entity::auth::users;

use super::{PASSWORD, World, enroll, new_user, request, user};

fn profile() -> Profile {
    Profile {
        display_name: Some("Jess Sullivan".into()),
        bio: Some("Runs the clinic".into()),
        avatar_url: Some("https://example.com/jess.png".into()),
        pronouns: Some("she/her".into()),
        timezone: Some("America/New_York".into()),
        locale: Some("en-US".into()),
        theme: Some("dark".into()),
        email_notifications: false,
    }
}

#[tokio::test]
async fn every_field_given_is_stored() -> Result<()> {
    let world = World::new().await?;
    let permissions = Some(Permissions(vec!["refund".into(), "export".into()]));
    let created = world
        .clinic
        .auth()
        .users()
        .create(NewUser {
            role: "front_desk".parse()?,
            profile: profile(),
            is_active: false,
            needs_onboarding: false,
            onboarding_step: 3,
            permissions: permissions.clone(),
            ..new_user("jess")
        })
        .await?;
    let read = world.clinic.auth().users().find(created.id).await?.expect("the user");
    assert_eq!(read, created);
    assert_eq!((read.handle.as_str(), read.email.as_str()), ("jess", "jess@example.com"));
    assert_eq!((read.role.as_str(), read.profile), ("front_desk", profile()));
    assert_eq!((read.is_active, read.needs_onboarding, read.onboarding_step), (false, false, 3));
    assert_eq!(read.permissions, permissions);
    assert!(read.first_login && !read.is_locked && !read.totp_enabled);
    Ok(())
}

/// The operations read columns by position: each position must belong to the column of its name.
#[tokio::test]
async fn columns_by_position_are_those_by_name() -> Result<()> {
    let world = World::new().await?;
    let jess = world.clinic.auth().users().create(NewUser { profile: profile(), ..new_user("jess") }).await?;
    let owner = world.owner().await?;
    // Before the session, because other permissions end it.
    owner.run(r#"UPDATE auth.users SET permissions = '["refund"]'"#, []).await?;
    let login = world.clinic.auth().login(request("jess", PASSWORD)).await?;
    // Every column has a different value.
    owner
        .run(
            r#"UPDATE auth.users SET permissions = '["refund"]', lock_reason = 'why', locked_at = '2026-01-01Z',
               locked_until = '2026-01-02Z', onboarding_step = 5, login_attempts = 7, last_failed_login_at = '2026-01-03Z',
               last_login_at = '2026-01-04Z', password_changed_at = '2026-01-05Z', created_at = '2026-01-06Z',
               updated_at = '2026-01-07Z', ip_address = '192.0.2.7', user_agent = 'agent', first_login = NOT first_login,
               is_locked = true"#,
            [],
        )
        .await?;
    owner
        .run(
            r#"UPDATE auth.sessions SET created_at = '2026-01-08Z', temp_totp_expires_at = '2026-01-09Z', client_ip = 'ip',
               client_ip_masked = 'masked', user_agent = 'session agent', browser_fingerprint = 'fingerprint',
               device_type = 'tablet', geo_location = '{"country": "US"}'"#,
            [],
        )
        .await?;
    let by_name = users::Entity::find_by_id((watertight_tests::uuid_of(world.clinic.tenant_id()), jess.id));
    let mut by_name = by_name.into_model::<User>().one(&world.clinic).await?.expect("the user");
    let by_place = world.clinic.auth().users().find(jess.id).await?.expect("the user");
    // By name this is the column, and by position the state of the lock.
    assert!(by_name.is_locked && !by_place.is_locked);
    by_name.is_locked = false;
    assert_eq!(by_name, by_place);
    let known = world.clinic.auth().authenticate(login.token.expose_secret()).await?.expect("someone known");
    assert_eq!(known.user, by_place);
    assert_eq!(Some(known.session), world.clinic.auth().sessions().find(login.session.id).await?);
    Ok(())
}

#[tokio::test]
async fn users_are_found_by_handle_and_email_in_any_case() -> Result<()> {
    let world = World::new().await?;
    let jess = user(&world.clinic, "jess").await?;
    let auth = world.clinic.auth();
    assert_eq!(auth.users().find_by_handle(&" JESS ".parse()?).await?, Some(jess.clone()));
    assert_eq!(auth.users().find_by_email(&"Jess@Example.COM".parse()?).await?, Some(jess.clone()));
    assert_eq!(users::Entity::find_by_handle(&world.clinic, &"jess".parse()?).await?, Some(jess));
    assert_eq!(auth.users().find(Uuid::new_v4()).await?, None);
    assert_eq!(auth.users().find_by_handle(&"nobody".parse()?).await?, None);
    assert_eq!(auth.users().find_by_email(&"nobody@example.com".parse()?).await?, None);
    Ok(())
}

#[tokio::test]
async fn all_users_are_listed_in_order_by_page_and_by_stream() -> Result<()> {
    let world = World::new().await?;
    let auth = world.clinic.auth();
    assert!(!auth.users().any().await?);
    for handle in ["maya", "ana", "zoe", "jess", "ben"] {
        user(&world.clinic, handle).await?;
    }
    assert!(auth.users().any().await?);
    let all = auth.users().all().await?;
    let handles: Vec<_> = all.iter().map(|user| user.handle.as_str()).collect();
    assert_eq!(handles, ["ana", "ben", "jess", "maya", "zoe"]);
    let streamed: Vec<_> = auth.users().stream().await?.try_collect().await?;
    assert_eq!(streamed, all);
    let mut paged = Vec::new();
    loop {
        let after = paged.last().map(|user: &watertight::auth::User| user.handle.clone());
        let page = auth.users().page(after.as_ref(), 2).await?;
        if page.is_empty() {
            break;
        }
        paged.extend(page);
    }
    assert_eq!(paged, all);
    Ok(())
}

#[tokio::test]
async fn a_taken_name_is_reported_and_aborts_no_transaction() -> Result<()> {
    let world = World::new().await?;
    user(&world.clinic, "jess").await?;
    let ana = user(&world.clinic, "ana").await?;
    let transaction = world.clinic.begin().await?;
    let auth = transaction.auth();
    let same_handle = NewUser { email: "other@example.com".parse()?, ..new_user("jess") };
    assert!(
        matches!(auth.users().create(same_handle).await, Err(AuthError::HandleTaken { handle }) if handle == "jess")
    );
    let same_email = NewUser { email: "jess@example.com".parse()?, ..new_user("other") };
    assert!(
        matches!(auth.users().create(same_email).await, Err(AuthError::EmailTaken { email }) if email == "jess@example.com")
    );
    auth.users().create(new_user("ben")).await?;
    transaction.commit().await?;
    assert_eq!(world.clinic.auth().users().all().await?.len(), 3);

    let auth = world.clinic.auth();
    let handle =
        UserUpdate { handle: "jess".parse::<watertight::auth::Handle>()?.into(), ..Default::default() };
    assert!(
        matches!(auth.users().update(ana.id, handle).await, Err(AuthError::HandleTaken { handle }) if handle == "jess")
    );
    let email = UserUpdate {
        email: "jess@example.com".parse::<watertight::auth::Email>()?.into(),
        ..Default::default()
    };
    assert!(matches!(auth.users().update(ana.id, email).await, Err(AuthError::EmailTaken { .. })));
    assert_eq!(auth.users().find(ana.id).await?, Some(ana));
    Ok(())
}

#[tokio::test]
async fn an_update_sets_clears_and_keeps() -> Result<()> {
    let world = World::new().await?;
    let auth = world.clinic.auth();
    let jess = auth.users().create(NewUser { profile: profile(), ..new_user("jess") }).await?;
    let update = UserUpdate {
        role: Role::Admin.into(),
        profile: ProfileUpdate {
            bio: Change::Set(None),
            theme: Some("light".to_owned()).into(),
            ..Default::default()
        },
        onboarding_step: 7.into(),
        first_login: false.into(),
        ..Default::default()
    };
    let changed = jess.apply(&world.clinic, update).await?;
    assert_eq!((&changed.role, changed.onboarding_step, changed.first_login), (&Role::Admin, 7, false));
    assert_eq!(changed.profile, Profile { bio: None, theme: Some("light".into()), ..profile() });
    assert!(changed.updated_at > jess.updated_at);
    assert_eq!(changed.created_at, jess.created_at);
    assert_eq!(auth.users().find(jess.id).await?, Some(changed));

    let missing = auth.users().update(Uuid::new_v4(), UserUpdate::default()).await;
    assert!(matches!(missing, Err(AuthError::UserNotFound { .. })));
    Ok(())
}

#[tokio::test]
async fn a_second_factor_follows_its_users_handle() -> Result<()> {
    let world = World::new().await?;
    let jess = user(&world.clinic, "jess").await?;
    let (secret, _) = enroll(&world.clinic, "jess").await?;
    let renamed =
        UserUpdate { handle: "jessica".parse::<watertight::auth::Handle>()?.into(), ..Default::default() };
    let auth = world.clinic.auth();
    auth.users().update(jess.id, renamed).await?;
    assert!(auth.totp().find(&"jess".parse()?).await?.is_none());
    let stored = auth.totp().find(&"jessica".parse()?).await?.expect("the secret");
    assert_eq!(stored.secret.code_at(0)?, secret.code_at(0)?);
    let code = super::code(&world.clinic, &secret, 0).await?;
    auth.login(super::with_code("jessica", &code)).await?;
    Ok(())
}

#[tokio::test]
async fn only_the_audit_trail_of_a_deleted_user_is_left() -> Result<()> {
    let world = World::new().await?;
    let auth = world.clinic.auth();
    let (jess, ana) = (user(&world.clinic, "jess").await?, user(&world.clinic, "ana").await?);
    enroll(&world.clinic, "jess").await?;
    auth.sessions().create(jess.id, &SessionMetadata::default()).await?;
    auth.invitations().create(NewInvitation::new("new@example.com".parse()?, Role::Editor, jess.id)).await?;
    auth.audit()
        .log(NewAuditEvent { user_id: Some(jess.id), ..NewAuditEvent::new(AuditEventType::SystemConfigured) })
        .await?;
    let before = jess.audit_events(&world.clinic).await?.events.len();
    assert!(before > 3);

    assert!(auth.users().delete(jess.id).await?);
    assert_eq!(auth.users().find(jess.id).await?, None);
    assert!(jess.sessions(&world.clinic).await?.is_empty());
    assert!(jess.backup_codes(&world.clinic).await?.is_none());
    assert!(auth.totp().find(&jess.handle).await?.is_none());
    assert!(auth.invitations().all().await?.is_empty());
    assert_eq!(jess.audit_events(&world.clinic).await?.events.len(), before);
    assert_eq!(auth.users().all().await?, [ana]);
    assert!(!auth.users().delete(jess.id).await?);
    Ok(())
}

#[tokio::test]
async fn invalid_users_are_refused_and_nothing_changes() -> Result<()> {
    let world = World::new().await?;
    let auth = world.clinic.auth();
    for profile in [
        Profile { display_name: Some("x".repeat(129)), ..Default::default() },
        Profile { theme: Some("very dark".into()), ..Default::default() },
        Profile { bio: Some("a\0b".into()), ..Default::default() },
    ] {
        let refused = auth.users().create(NewUser { profile, ..new_user("jess") }).await;
        assert!(matches!(refused, Err(AuthError::InvalidInput(InvalidInput { .. }))), "{refused:?}");
    }
    assert!(!auth.users().any().await?);
    for handle in ["", " ", "a b", "a@b", "a:b", "a\0b", &"x".repeat(65)] {
        assert!(handle.parse::<watertight::auth::Handle>().is_err(), "{handle:?}");
    }
    for email in ["", "jess", "@example.com", "jess@", "a b@example.com", &format!("{}@x", "x".repeat(255))] {
        assert!(email.parse::<watertight::auth::Email>().is_err(), "{email:?}");
    }
    Ok(())
}

#[tokio::test]
async fn an_administrator_locks_and_unlocks() -> Result<()> {
    let world = World::new().await?;
    let auth = world.clinic.auth();
    let jess = user(&world.clinic, "jess").await?;
    let login = auth.login(super::request("jess", super::PASSWORD)).await?;
    let locked = auth.users().lock(jess.id, "left the company").await?;
    assert!(locked.is_locked && locked.locked_until.is_none());
    assert_eq!(locked.lock_reason.as_deref(), Some("left the company"));
    assert_eq!(auth.authenticate(login.token.expose_secret()).await?, None);
    assert!(jess.sessions(&world.clinic).await?.is_empty());
    assert!(auth.login(super::request("jess", super::PASSWORD)).await.is_err());
    assert!(!auth.users().unlock(jess.id).await?.is_locked);
    auth.login(super::request("jess", super::PASSWORD)).await?;
    assert!(matches!(auth.users().lock(Uuid::new_v4(), "").await, Err(AuthError::UserNotFound { .. })));
    Ok(())
}
