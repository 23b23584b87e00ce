//! The cost of verifying the tenant: the same operations on a database that verifies it, and on a copy that
//! does not.

use std::fmt::Write;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use watertight::{TenantConnection, Watertight};
use watertight_migration::tenant_keys;

use crate::measure::Pace;
use crate::operation::Operation;
use crate::ours;
use crate::world::{World, connect};

/// The operations measured by default. The verification costs most when an operation reads a single row.
pub(crate) const USUAL: [Operation; 5] = [
    Operation::GetUser,
    Operation::Authenticate,
    Operation::Join,
    Operation::LogAuditEvents,
    Operation::Transaction,
];

/// Measures each operation in turns on both databases, and returns a table that compares the throughputs.
pub(crate) async fn run(operations: &[Operation], concurrency: &[usize], pace: Pace) -> Result<String> {
    let world = Arc::new(World::create().await?);
    let copy = world.database.duplicate().await?;
    let owner = copy.owner().await?;
    tenant_keys::waive(&owner).await?;
    owner.close().await?;
    let signed = connect(&world.database, Watertight::builder()).await?.tenant(world.tenant);
    let unsigned = connect(&copy, Watertight::builder()).await?.tenant(world.tenant);

    let mut table = String::from(
        "| operation | at once | verified, a second | believed, a second | ratio (median; least to most) |\n|---|---|---|---|---|\n",
    );
    let operations = if operations.is_empty() { &USUAL } else { operations };
    for operation in operations.iter().copied() {
        for concurrency in concurrency.iter().copied() {
            let (mut verified, mut believed) = (Vec::new(), Vec::new());
            // The first round prepares statements and fills caches.
            for round in 0..=pace.rounds {
                let both = [(&signed, &mut verified), (&unsigned, &mut believed)];
                let mut turns: Vec<_> = both.into_iter().collect();
                turns.rotate_left(round % 2);
                for (tenant, rates) in turns {
                    let rate = rate(tenant, &world, operation, concurrency, pace).await?;
                    if round > 0 {
                        rates.push(rate);
                    }
                }
            }
            let mut ratios: Vec<f64> = verified.iter().zip(&believed).map(|(v, b)| v / b).collect();
            let (least, median, most) = spread(&mut ratios).context("no round was measured")?;
            let (_, verified, _) = spread(&mut verified).context("no round was measured")?;
            let (_, believed, _) = spread(&mut believed).context("no round was measured")?;
            let title = operation.title();
            writeln!(
                table,
                "| {title} | {concurrency} | {verified:.0} | {believed:.0} | {median:.2}; {least:.2} to {most:.2} |"
            )?;
            println!(
                "{title} at {concurrency}: {verified:.0}/s verified, {believed:.0}/s believed, {median:.3}"
            );
        }
    }
    Ok(table)
}

fn spread(values: &mut [f64]) -> Option<(f64, f64, f64)> {
    values.sort_unstable_by(f64::total_cmp);
    Some((*values.first()?, *values.get(values.len() / 2)?, *values.last()?))
}

/// Operations a second, with `concurrency` concurrent tasks.
async fn rate(
    tenant: &TenantConnection,
    world: &Arc<World>,
    operation: Operation,
    concurrency: usize,
    pace: Pace,
) -> Result<f64> {
    let length = Duration::from_millis(pace.slice_ms);
    let start = Instant::now();
    let tasks: Vec<_> = (0..concurrency)
        .map(|task| {
            let (tenant, world) = (tenant.clone(), Arc::clone(world));
            tokio::spawn(async move {
                let first = task * 7_919;
                let mut n = first;
                while start.elapsed() < length {
                    ours::run(operation, &tenant, &world, n).await?;
                    n += 1;
                }
                anyhow::Ok(n - first)
            })
        })
        .collect();
    let mut done = 0;
    for task in tasks {
        done += task.await??;
    }
    Ok(done as f64 / start.elapsed().as_secs_f64())
}
