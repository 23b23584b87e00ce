//! The queue for hashing is bounded, and fair by tenant.

use std::time::Duration;

use anyhow::Result;
use futures_util::future::join_all;
use tokio::task::JoinHandle;
use watertight::auth::{AuthError, Login, LoginRequest};
use watertight::{Error, TenantConnection};

use super::{PASSWORD, World, request, settings, user};

type Answer = Result<Login, AuthError>;

/// Anonymous logins at the clinic, which compute one hash after another.
async fn flood(world: &World, logins: usize) -> JoinHandle<Vec<Answer>> {
    let clinic = world.clinic.clone();
    let flood = tokio::spawn(async move {
        let names: Vec<_> = (0..logins).map(|n| format!("nobody{n}")).collect();
        join_all(names.iter().map(|name| login(&clinic, name, "wrong"))).await
    });
    while world.water.hashing_metrics().waiting == 0 {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    tokio::time::sleep(Duration::from_millis(100)).await;
    flood
}

async fn login(tenant: &TenantConnection, name: &str, password: &str) -> Answer {
    tenant.auth().login(request(name, password)).await
}

fn is_refused(answer: &Answer) -> bool {
    matches!(answer, Err(AuthError::HashingQueueFull { .. }))
}

async fn slow_world() -> Result<World> {
    World::with(settings().bcrypt_cost(9).concurrent_hashes(1).hashing_queue(20)).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_logins_of_one_tenant_do_not_delay_another() -> Result<()> {
    let world = slow_world().await?;
    user(&world.studio, "jess").await?;
    let flood = flood(&world, 100).await;
    let before = world.water.hashing_metrics();
    assert!(before.waiting <= 20 && before.refused >= 70, "{before:?}");
    login(&world.studio, "jess", PASSWORD).await?;
    let during = world.water.hashing_metrics();
    assert!(during.waiting > 10, "the clinic's still wait: {during:?}");
    assert!(during.done - before.done <= 4, "the next but one at most: {before:?} {during:?}");
    let answers = flood.await?;
    let refused = answers.iter().filter(|answer| is_refused(answer)).count();
    assert!(refused >= 70, "{refused}");
    let after = world.water.hashing_metrics();
    assert_eq!((after.waiting, after.refused), (0, refused));
    assert!(after.peak_waiting <= 21, "{after:?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_login_beyond_the_queue_is_refused_at_once_and_counts_for_nobody() -> Result<()> {
    let world = slow_world().await?;
    let jess = user(&world.clinic, "jess").await?;
    let device = login(&world.clinic, "jess", PASSWORD).await?.device;
    let flood = flood(&world, 100).await;
    let done = world.water.hashing_metrics().done;
    for _ in 0..6 {
        let refused = login(&world.clinic, "jess", "wrong").await;
        assert!(is_refused(&refused), "{refused:?}");
        assert!(Error::from(refused.expect_err("refused")).is_unavailable());
    }
    assert!(world.water.hashing_metrics().done - done <= 3, "at once");
    // The tenant's own users are let in from their devices.
    let known = LoginRequest { device: Some(device), ..request("jess", PASSWORD) };
    world.clinic.auth().login(known).await?;
    assert!(world.water.hashing_metrics().waiting > 5);
    flood.await?;
    assert_eq!(world.clinic.auth().users().find(jess.id).await?.expect("jess").login_attempts, 0);
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_abandoned_login_leaves_the_queue() -> Result<()> {
    let world = slow_world().await?;
    let flood = flood(&world, 100).await;
    flood.abort();
    assert!(flood.await.is_err());
    assert_eq!(world.water.hashing_metrics().waiting, 0);
    Ok(())
}
