//! The queue for hashing is bounded, and fair by tenant.

use std::time::Duration;

use anyhow::Result;
use futures_util::future::join_all;
use tokio::task::JoinHandle;
use watertight::auth::{AuthError, Login, LoginRequest};
use watertight::{Error, TenantConnection};

use super::{PASSWORD, World, request, settings, user};

type Answer = Result<Login, AuthError>;

const FLOOD: usize = 100;

/// Anonymous logins at the clinic, all of which have arrived at the queue: they wait or were refused.
async fn flood(world: &World) -> JoinHandle<Vec<Answer>> {
    let (clinic, before) = (world.clinic.clone(), world.water.hashing_metrics().done);
    let flood = tokio::spawn(async move {
        let names: Vec<_> = (0..FLOOD).map(|n| format!("nobody{n}")).collect();
        join_all(names.iter().map(|name| login(&clinic, name, "wrong"))).await
    });
    loop {
        let load = world.water.hashing_metrics();
        if load.waiting + load.running + load.refused + load.done - before >= FLOOD {
            return flood;
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

async fn login(tenant: &TenantConnection, name: &str, password: &str) -> Answer {
    tenant.auth().login(request(name, password)).await
}

fn is_refused(answer: &Answer) -> bool {
    matches!(answer, Err(AuthError::HashingQueueFull { .. }))
}

async fn slow_world() -> Result<World> {
    World::with(settings().bcrypt_cost(10).concurrent_hashes(1).hashing_queue(20)).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_logins_of_one_tenant_do_not_delay_another() -> Result<()> {
    let world = slow_world().await?;
    user(&world.studio, "jess").await?;
    let flood = flood(&world).await;
    let before = world.water.hashing_metrics();
    assert!(before.waiting <= 20 && before.refused > 0, "{before:?}");
    login(&world.studio, "jess", PASSWORD).await?;
    let during = world.water.hashing_metrics();
    assert!(during.waiting > 5, "the clinic's still wait: {during:?}");
    let refused = flood.await?.iter().filter(|answer| is_refused(answer)).count();
    let after = world.water.hashing_metrics();
    assert_eq!((after.waiting, after.refused), (0, refused));
    assert!(after.peak_waiting <= 21, "{after:?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refused_login_counts_for_nobody_and_a_known_device_is_let_in() -> Result<()> {
    let world = slow_world().await?;
    let jess = user(&world.clinic, "jess").await?;
    let device = login(&world.clinic, "jess", PASSWORD).await?.device;
    let flood = flood(&world).await;
    let guesses: Vec<_> = join_all((0..40).map(|_| login(&world.clinic, "jess", "wrong"))).await;
    let refused: Vec<_> = guesses.into_iter().filter(is_refused).collect();
    assert!(refused.len() >= 20, "{} of 40", refused.len());
    for answer in refused {
        assert!(Error::from(answer.expect_err("refused")).is_unavailable());
    }
    // The tenant's own users are let in from their devices.
    let known = LoginRequest { device: Some(device), ..request("jess", PASSWORD) };
    world.clinic.auth().login(known).await?;
    let counted = world.clinic.auth().users().find(jess.id).await?.expect("jess").login_attempts;
    assert!(counted <= 5, "{counted}");
    flood.await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_abandoned_login_leaves_the_queue() -> Result<()> {
    let world = slow_world().await?;
    let flood = flood(&world).await;
    flood.abort();
    assert!(flood.await.is_err());
    assert_eq!(world.water.hashing_metrics().waiting, 0);
    Ok(())
}
