//! Hashing under load: a bounded number of concurrent hashes, and none on an asynchronous worker thread.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::Result;
use futures_util::future::join_all;

use super::{PASSWORD, World, request, settings, user};

/// There is one worker thread, so that a blocking call would block every task.
#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn other_requests_proceed_while_fifty_logins_hash() -> Result<()> {
    static DONE: AtomicBool = AtomicBool::new(false);
    let world = World::with(settings().bcrypt_cost(10).concurrent_hashes(2)).await?;
    let jess = user(&world.clinic, "jess").await?;
    let clinic = world.clinic.clone();
    let logins = tokio::spawn(async move {
        let logins = join_all((0..50).map(|_| clinic.auth().login(request("jess", PASSWORD)))).await;
        DONE.store(true, Ordering::SeqCst);
        logins
    });
    while world.water.hashing_metrics().running == 0 {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    let mut proceeded = 0;
    while !DONE.load(Ordering::SeqCst) {
        world.clinic.auth().users().find(jess.id).await?;
        proceeded += 1;
    }
    let metrics = world.water.hashing_metrics();
    assert!(logins.await?.iter().all(Result::is_ok));
    assert!(proceeded >= 20, "{proceeded} requests while 50 logins hashed");
    assert!(metrics.peak <= 2 && metrics.limit == 2, "{metrics:?}");
    assert!(metrics.done >= 51, "{metrics:?}");
    Ok(())
}

/// A hash whose future was dropped counts against the bound until the hash is computed.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn dropped_logins_do_not_exceed_the_bound() -> Result<()> {
    let world = World::with(settings().bcrypt_cost(9).concurrent_hashes(2)).await?;
    user(&world.clinic, "jess").await?;
    let abandoned = (0..40).map(|n| {
        let clinic = world.clinic.clone();
        async move {
            let login = clinic.auth().login(request("jess", PASSWORD));
            tokio::time::timeout(Duration::from_millis(5 + n), login).await.ok();
        }
    });
    join_all(abandoned).await;
    world.clinic.auth().login(request("jess", PASSWORD)).await?;
    assert!(world.water.hashing_metrics().peak <= 2);
    Ok(())
}
