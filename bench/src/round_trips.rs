//! The round trips of an operation, counted on the wire.

use anyhow::Result;
use serde::{Deserialize, Serialize};
use watertight_testing::CountingProxy;

use crate::operation::{Operation, Way};
use crate::ways::Ways;
use crate::world::World;

/// The round trips of an operation whose statements are prepared.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(crate) struct RoundTrips {
    pub(crate) operation: Operation,
    pub(crate) way: Way,
    pub(crate) number: f64,
}

/// Counts round trips on one connection a way, through a proxy and on one thread, so that the pool's
/// background work waits until the caller has its answer.
pub(crate) fn count(world: &World) -> Result<Vec<RoundTrips>> {
    std::thread::scope(|scope| {
        let counting = scope.spawn(|| {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
            runtime.block_on(count_alone(world))
        });
        counting.join().unwrap_or_else(|_| anyhow::bail!("the counting of round trips panicked"))
    })
}

async fn count_alone(world: &World) -> Result<Vec<RoundTrips>> {
    const TIMES: u32 = 5;
    let (privileged, app) = (world.database.maintenance_url()?, world.database.app_url());
    let proxy = CountingProxy::start(&app).await?;
    let ways = Ways::connect_to(world, &proxy.url(&privileged)?, &proxy.url(&app)?, 1).await?;
    let mut counted = Vec::new();
    for operation in Operation::REPEATED {
        for way in Way::ALL {
            ways.run(way, operation, world, 0).await?;
            let start = proxy.settled().await;
            let mut turns = 0;
            let mut before = start;
            for n in 0..TIMES {
                ways.run(way, operation, world, n as usize).await?;
                turns += proxy.turns() - before;
                before = proxy.settled().await;
            }
            counted.push(RoundTrips { operation, way, number: turns as f64 / f64::from(TIMES) });
        }
    }
    Ok(counted)
}
