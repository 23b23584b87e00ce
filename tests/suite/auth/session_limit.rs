//! A user has at most as many sessions as the settings allow, and the oldest end.

use anyhow::Result;
use futures_util::future::join_all;
use watertight::Watertight;
use watertight::auth::{AuthError, SessionMetadata};

use super::{PASSWORD, World, request, settings, trail, user};

#[tokio::test]
async fn a_login_beyond_the_limit_ends_the_oldest_session() -> Result<()> {
    let world = World::with(settings().sessions_per_user(Some(2))).await?;
    let auth = world.clinic.auth();
    let jess = user(&world.clinic, "jess").await?;
    let kai = user(&world.clinic, "kai").await?;
    let other = auth.sessions().create(kai.id, &SessionMetadata::default()).await?;
    let mut sessions = Vec::new();
    for _ in 0..4 {
        sessions.push(auth.login(request("jess", PASSWORD)).await?.session.id);
    }
    let live: Vec<_> = auth.sessions().all_of(jess.id).await?.into_iter().map(|session| session.id).collect();
    assert_eq!(live, [sessions[3], sessions[2]]);
    assert!(auth.sessions().find(other.id).await?.is_some(), "another user's session goes on");
    let ended = trail(&world.clinic).await?.iter().filter(|kind| *kind == "SESSION_DESTROYED").count();
    assert_eq!(ended, 2);
    // A limit of one, and a session that the application creates.
    let world = World::with(settings().sessions_per_user(Some(1))).await?;
    let jess = user(&world.clinic, "jess").await?;
    for _ in 0..2 {
        let new = world.clinic.auth().sessions().create(jess.id, &SessionMetadata::default()).await?;
        let live = world.clinic.auth().sessions().all_of(jess.id).await?;
        assert_eq!(live.iter().map(|session| session.id).collect::<Vec<_>>(), [new.id]);
    }
    let nobody =
        world.clinic.auth().sessions().create(uuid::Uuid::new_v4(), &SessionMetadata::default()).await;
    assert!(matches!(nobody, Err(AuthError::UserNotFound { .. })), "{nobody:?}");
    let refused =
        world.database.water_with(Watertight::builder().auth(settings().sessions_per_user(Some(0))));
    assert!(refused.await.is_err(), "a limit of none");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn concurrent_logins_keep_the_limit_and_each_is_live_when_it_returns() -> Result<()> {
    let limited = || settings().sessions_per_user(Some(3));
    let world = World::with(limited()).await?;
    let elsewhere = world.database.water_with(Watertight::builder().auth(limited())).await?;
    let tenants = [world.clinic.clone(), elsewhere.tenant(world.clinic.tenant_id())];
    let jess = user(&world.clinic, "jess").await?;
    let created = join_all((0..24).map(|n| {
        let tenant = tenants[n % 2].clone();
        async move { tenant.auth().sessions().create(jess.id, &SessionMetadata::default()).await }
    }))
    .await;
    let created = created.into_iter().collect::<Result<Vec<_>, _>>()?;
    assert_eq!(created.len(), 24);
    assert_eq!(world.clinic.auth().sessions().all_of(jess.id).await?.len(), 3);
    let ended = trail(&world.clinic).await?.iter().filter(|kind| *kind == "SESSION_DESTROYED").count();
    assert_eq!(ended, 21, "each ended session is logged once");
    Ok(())
}
