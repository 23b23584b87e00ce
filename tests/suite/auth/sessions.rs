//! Sessions expire by the database's clock, and are changed, renewed, ended and cleaned up.

use anyhow::Result;
use chrono::{TimeDelta, Utc};
use sea_orm::ConnectionTrait;
use uuid::Uuid;
use watertight::auth::AuthError;
use watertight::auth::{
    Change, DeviceType, GeoLocation, NewUser, Profile, Role, Session, SessionMetadata, SessionRecord,
    SessionUpdate, SessionUser, TotpSecret, UserRecord,
};

use super::{World, new_user, settings, user};

fn metadata() -> SessionMetadata {
    SessionMetadata {
        client_ip: Some("2001:db8::17".parse().expect("an address")),
        client_ip_masked: Some("2001:db8::".into()),
        user_agent: Some("Mozilla/5.0".into()),
        device_type: DeviceType::Tablet,
        browser_fingerprint: Some("f00d".into()),
        geo_location: Some(GeoLocation { country: "US".into(), city: Some("Ithaca".into()) }),
    }
}

/// Makes a session expire without waiting.
async fn expire(world: &World, session: &Session) -> Result<()> {
    let sql = "UPDATE auth.sessions SET expires_at = now() WHERE id = $1";
    assert_eq!(world.owner().await?.run(sql, [session.id.into()]).await?, 1);
    Ok(())
}

#[tokio::test]
async fn a_session_contains_its_user_and_its_metadata() -> Result<()> {
    let world = World::new().await?;
    let auth = world.clinic.auth();
    let profile = Profile { display_name: Some("Jess Sullivan".into()), ..Default::default() };
    let new = NewUser { role: Role::Editor, profile, onboarding_step: 2, ..new_user("jess") };
    let jess = auth.users().create(new).await?;
    let session = auth.sessions().create(jess.id, &metadata()).await?;
    assert_eq!(
        session.user_data,
        Some(SessionUser {
            id: jess.id,
            username: "jess".into(),
            name: "Jess Sullivan".into(),
            role: Role::Editor,
            needs_onboarding: Some(true),
            onboarding_step: Some(2),
        })
    );
    assert_eq!((session.client_ip.as_str(), session.user_agent.as_str()), ("2001:db8::17", "Mozilla/5.0"));
    assert_eq!(
        (session.device_type, session.geo_location.clone()),
        (DeviceType::Tablet, metadata().geo_location)
    );
    assert_eq!(session.expires_at - session.created_at, TimeDelta::days(7));
    assert_eq!(auth.sessions().find(session.id).await?, Some(session));

    let bare = auth.sessions().create(jess.id, &SessionMetadata::default()).await?;
    assert_eq!((bare.client_ip.as_str(), bare.user_agent.as_str()), ("unknown", "unknown"));
    assert_eq!(bare.device_type, DeviceType::Unknown);
    let nobody = auth.sessions().create(Uuid::new_v4(), &metadata()).await;
    assert!(matches!(nobody, Err(AuthError::UserNotFound { .. })));
    Ok(())
}

#[tokio::test]
async fn only_live_sessions_are_seen_changed_and_renewed() -> Result<()> {
    let world = World::new().await?;
    let auth = world.clinic.auth();
    let jess = user(&world.clinic, "jess").await?;
    let ended = auth.sessions().create(jess.id, &metadata()).await?;
    let live = auth.sessions().create(jess.id, &metadata()).await?;
    let token = auth.sessions().issue_token(ended.id).await?;
    expire(&world, &ended).await?;

    assert_eq!(auth.sessions().find(ended.id).await?, None);
    assert_eq!(jess.sessions(&world.clinic).await?, std::slice::from_ref(&live));
    assert_eq!(auth.sessions().all().await?, [live]);
    assert_eq!(auth.authenticate(token.expose_secret()).await?, None);
    assert_eq!(ended.renew(&world.clinic).await?, None);
    let later = SessionUpdate { expires_at: (Utc::now() + TimeDelta::days(1)).into(), ..Default::default() };
    for update in [later, SessionUpdate::default()] {
        let refused = auth.sessions().update(ended.id, update).await;
        assert!(matches!(refused, Err(AuthError::SessionNotFound { .. })), "an ended session is not revived");
    }
    assert!(matches!(auth.sessions().issue_token(ended.id).await, Err(AuthError::SessionNotFound { .. })));
    assert!(matches!(auth.totp().enroll(ended.id).await, Err(AuthError::SessionNotFound { .. })));
    Ok(())
}

#[tokio::test]
async fn an_update_sets_clears_and_keeps() -> Result<()> {
    let world = World::new().await?;
    let auth = world.clinic.auth();
    let jess = user(&world.clinic, "jess").await?;
    let session = auth.sessions().create(jess.id, &metadata()).await?;
    let (secret, soon) = (TotpSecret::generate()?, Utc::now() + TimeDelta::hours(1));
    let update = SessionUpdate {
        expires_at: soon.into(),
        temp_totp_secret: Some(secret.clone()).into(),
        temp_totp_expires_at: Some(soon).into(),
        ..Default::default()
    };
    let changed = auth.sessions().update(session.id, update).await?;
    assert_eq!(changed.expires_at.timestamp_micros(), soon.timestamp_micros());
    assert_eq!(changed.user_data, session.user_data);
    let kept = auth.totp().find_pending(session.id).await?.expect("the secret");
    assert_eq!(kept.code_at(0)?, secret.code_at(0)?);

    let update = SessionUpdate {
        user_data: Change::Set(None),
        temp_totp_secret: Change::Set(None),
        temp_totp_expires_at: Change::Set(None),
        ..Default::default()
    };
    let cleared = auth.sessions().update(session.id, update).await?;
    assert_eq!((cleared.user_data, cleared.temp_totp_expires_at), (None, None));
    assert_eq!(cleared.expires_at, changed.expires_at);
    assert!(auth.totp().find_pending(session.id).await?.is_none());
    Ok(())
}

#[tokio::test]
async fn only_a_session_that_is_due_is_renewed() -> Result<()> {
    let world = World::new().await?;
    let auth = world.clinic.auth();
    let jess = user(&world.clinic, "jess").await?;
    let session = auth.sessions().create(jess.id, &metadata()).await?;
    let token = auth.sessions().issue_token(session.id).await?;
    assert_eq!(session.renew(&world.clinic).await?, Some(session.clone()));
    let known = auth.authenticate(token.expose_secret()).await?.expect("known");
    assert!(!known.renewal_due);

    let sql = "UPDATE auth.sessions SET expires_at = now() + interval '23 hours'";
    world.owner().await?.run(sql, []).await?;
    let known = auth.authenticate(token.expose_secret()).await?.expect("known");
    assert!(known.renewal_due);
    let renewed = session.renew(&world.clinic).await?.expect("renewed");
    assert!(renewed.expires_at - known.session.expires_at > TimeDelta::days(5));
    assert!(!auth.authenticate(token.expose_secret()).await?.expect("known").renewal_due);
    Ok(())
}

#[tokio::test]
async fn one_session_or_all_sessions_of_a_user_are_ended() -> Result<()> {
    let world = World::new().await?;
    let auth = world.clinic.auth();
    let (jess, ana) = (user(&world.clinic, "jess").await?, user(&world.clinic, "ana").await?);
    let session = auth.sessions().create(jess.id, &metadata()).await?;
    for _ in 0..3 {
        auth.sessions().create(jess.id, &metadata()).await?;
        auth.sessions().create(ana.id, &metadata()).await?;
    }
    assert!(auth.sessions().end(session.id).await?);
    assert!(!session.end(&world.clinic).await?);
    assert_eq!(jess.end_sessions(&world.clinic).await?, 3);
    assert_eq!(auth.sessions().end_all_of(jess.id).await?, 0);
    assert_eq!(auth.sessions().all().await?.len(), 3);
    Ok(())
}

#[tokio::test]
async fn concurrent_clean_ups_delete_each_expired_session_once() -> Result<()> {
    let world = World::new().await?;
    let (jess, other) = (user(&world.clinic, "jess").await?, user(&world.studio, "jess").await?);
    let kept = world.clinic.auth().sessions().create(jess.id, &metadata()).await?;
    let plant = "INSERT INTO auth.sessions (tenant_id, user_id, expires_at)
        SELECT watertight.tenant(), $1, now() - n * interval '1 second'
        FROM generate_series(0, 4499) AS n";
    world.owner().await?.run(plant, [jess.id.into()]).await?;
    let theirs = world.studio.auth().sessions().create(other.id, &metadata()).await?;
    let (here, there) = (world.clinic.clone(), world.clinic_elsewhere().await?);
    let (here, there) = tokio::join!(async { here.auth().sessions().delete_expired().await }, async {
        there.auth().sessions().delete_expired().await
    });
    assert_eq!(here? + there?, 4_500);
    assert_eq!(world.clinic.auth().sessions().all().await?, [kept]);
    assert_eq!(world.studio.auth().sessions().all().await?, [theirs]);
    Ok(())
}

/// A nested loop, which the planner chooses with stale statistics, must not repeat the selection of a batch.
#[tokio::test]
async fn a_batch_has_its_limit_under_every_plan() -> Result<()> {
    let world = World::new().await?;
    let jess = user(&world.clinic, "jess").await?;
    let kept = world.clinic.auth().sessions().create(jess.id, &metadata()).await?;
    let owner = world.database.owner().await?;
    owner.execute_unprepared("ANALYZE auth.sessions").await?;
    let plant = "INSERT INTO auth.sessions (tenant_id, user_id, expires_at)
        SELECT watertight.tenant(), $1, now() - n * interval '1 second' FROM generate_series(2500, 1, -1) AS n";
    world.owner().await?.run(plant, [jess.id.into()]).await?;
    let methods =
        ["hashjoin", "mergejoin", "hashagg", "sort", "material", "memoize", "bitmapscan", "indexscan"];
    for method in methods {
        let off = format!(
            "DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET enable_{method} = off', current_database()); END $$"
        );
        owner.execute_unprepared(&off).await?;
    }
    owner
        .execute_unprepared(
            "CREATE FUNCTION public.limit_batch() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
                IF (SELECT count(*) FROM gone) > 1000 THEN
                    RAISE EXCEPTION '% rows in one batch', (SELECT count(*) FROM gone); END IF; RETURN NULL; END $$;
             CREATE TRIGGER limit_batch AFTER DELETE ON auth.sessions REFERENCING OLD TABLE AS gone
                FOR EACH STATEMENT EXECUTE FUNCTION public.limit_batch()",
        )
        .await?;
    let elsewhere = world.clinic_elsewhere().await?;
    assert_eq!(elsewhere.auth().sessions().delete_expired().await?, 2_500);
    assert_eq!(world.clinic.auth().sessions().all().await?, [kept]);
    Ok(())
}

#[tokio::test]
async fn an_invalid_token_is_refused_without_the_database() -> Result<()> {
    let world = World::with(settings()).await?;
    let jess = user(&world.clinic, "jess").await?;
    let session = world.clinic.auth().sessions().create(jess.id, &metadata()).await?;
    let token = world.clinic.auth().sessions().issue_token(session.id).await?;
    let (studio, clinic) = (world.studio.clone(), world.clinic.clone());
    // Statements on a closed pool fail.
    world.water.clone().close().await?;
    assert_eq!(studio.auth().authenticate(token.expose_secret()).await?, None);
    assert_eq!(studio.auth().authenticate("nonsense").await?, None);
    assert!(!studio.auth().logout(token.expose_secret()).await?);
    assert!(clinic.auth().authenticate(token.expose_secret()).await.is_err());
    Ok(())
}
