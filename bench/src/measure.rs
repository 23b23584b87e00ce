//! Measurements in slices of time, in which the ways take turns.

use std::alloc::System;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Result;
use rustix::time::{ClockId, clock_gettime};
use serde::{Deserialize, Serialize};
use stats_alloc::{Region, StatsAlloc};

use crate::operation::{Operation, Way};
use crate::ways::Ways;
use crate::world::World;

/// The measurements in the slices of one way.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    operations: u64,
    wall: Duration,
    cpu: Duration,
    allocations: u64,
    allocated: u64,
    latencies: Vec<Duration>,
    /// Operations a second in each slice.
    rates: Vec<f64>,
}

/// The cost of an operation in one way.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Cost {
    pub(crate) way: Way,
    /// Operations a second.
    pub(crate) throughput: f64,
    /// The median latency in microseconds.
    pub(crate) p50_us: f64,
    /// The 99th percentile of the latency in microseconds.
    pub(crate) p99_us: f64,
    /// The processor time of this process per operation, in microseconds.
    pub(crate) cpu_us: f64,
    /// Allocations per operation.
    pub(crate) allocations: f64,
    /// Allocated bytes per operation.
    pub(crate) allocated: f64,
}

/// The ratio of two ways, by slices of the same round.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(crate) struct Ratio {
    pub(crate) of: Way,
    pub(crate) to: Way,
    pub(crate) median: f64,
    pub(crate) least: f64,
    pub(crate) most: f64,
}

impl Seen {
    fn cost(&mut self, way: Way) -> Cost {
        self.latencies.sort_unstable();
        let operations = self.operations.max(1) as f64;
        let at = |percent: usize| {
            let place = (self.latencies.len() * percent / 100).min(self.latencies.len().saturating_sub(1));
            self.latencies.get(place).copied().unwrap_or_default().as_secs_f64() * 1e6
        };
        Cost {
            way,
            throughput: operations / self.wall.as_secs_f64(),
            p50_us: at(50),
            p99_us: at(99),
            cpu_us: self.cpu.as_secs_f64() * 1e6 / operations,
            allocations: self.allocations as f64 / operations,
            allocated: self.allocated as f64 / operations,
        }
    }
}

impl Ratio {
    fn of(of: (Way, &Seen), to: (Way, &Seen)) -> Self {
        let mut ratios: Vec<f64> = of.1.rates.iter().zip(&to.1.rates).map(|(of, to)| of / to).collect();
        ratios.sort_unstable_by(f64::total_cmp);
        let at = |place: usize| ratios.get(place).copied().unwrap_or(f64::NAN);
        Self {
            of: of.0,
            to: to.0,
            median: at(ratios.len() / 2),
            least: at(0),
            most: at(ratios.len().saturating_sub(1)),
        }
    }
}

/// The number and length of the slices.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(crate) struct Pace {
    pub(crate) rounds: usize,
    pub(crate) slice_ms: u64,
}

/// One operation at one concurrency, in every way.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Measured {
    pub(crate) operation: Operation,
    pub(crate) concurrency: usize,
    pub(crate) costs: Vec<Cost>,
    pub(crate) ratios: Vec<Ratio>,
}

/// Measures an operation. In each round every way has a slice, and another way begins.
pub(crate) async fn measure(
    allocator: &'static StatsAlloc<System>,
    ways: &Arc<Ways>,
    world: &Arc<World>,
    operation: Operation,
    concurrency: usize,
    pace: Pace,
) -> Result<Measured> {
    let length = Duration::from_millis(pace.slice_ms);
    let mut seen: [Seen; 4] = Default::default();
    // The first round prepares statements and fills caches.
    for round in 0..=pace.rounds {
        for turn in 0..Way::ALL.len() {
            let next = (round + turn) % Way::ALL.len();
            let (Some(way), Some(seen)) = (Way::ALL.get(next), seen.get_mut(next)) else { continue };
            let slice = slice(allocator, ways, world, operation, *way, concurrency, length).await?;
            if round > 0 {
                seen.add(slice);
            }
        }
    }
    Ok(summary(operation, concurrency, &mut seen))
}

/// Measures the clean-up, which needs new rows before each run.
pub(crate) async fn measure_cleanup(
    allocator: &'static StatsAlloc<System>,
    ways: &Arc<Ways>,
    world: &Arc<World>,
    sessions: usize,
    rounds: usize,
) -> Result<Measured> {
    let mut seen: [Seen; 4] = Default::default();
    for round in 0..rounds {
        for turn in 0..Way::ALL.len() {
            let next = (round + turn) % Way::ALL.len();
            let (Some(way), Some(seen)) = (Way::ALL.get(next), seen.get_mut(next)) else { continue };
            world.expire(sessions).await?;
            let slice = slice(allocator, ways, world, Operation::Cleanup, *way, 1, Duration::ZERO).await?;
            seen.add(slice);
        }
    }
    Ok(summary(Operation::Cleanup, 1, &mut seen))
}

fn summary(operation: Operation, concurrency: usize, seen: &mut [Seen; 4]) -> Measured {
    let costs = Way::ALL.iter().zip(seen.iter_mut()).map(|(way, seen)| seen.cost(*way)).collect();
    let [sqlx, sea_orm, rewriting, watertight] = &*seen;
    let ratios = vec![
        Ratio::of((Way::Rewriting, rewriting), (Way::SeaOrm, sea_orm)),
        Ratio::of((Way::Watertight, watertight), (Way::SeaOrm, sea_orm)),
        Ratio::of((Way::Watertight, watertight), (Way::Sqlx, sqlx)),
        Ratio::of((Way::SeaOrm, sea_orm), (Way::Sqlx, sqlx)),
    ];
    Measured { operation, concurrency, costs, ratios }
}

impl Seen {
    fn add(&mut self, mut slice: Self) {
        self.rates.push(slice.operations as f64 / slice.wall.as_secs_f64());
        self.operations += slice.operations;
        self.wall += slice.wall;
        self.cpu += slice.cpu;
        self.allocations += slice.allocations;
        self.allocated += slice.allocated;
        self.latencies.append(&mut slice.latencies);
    }
}

/// Runs one way until the end of the slice, at least once for each task.
async fn slice(
    allocator: &'static StatsAlloc<System>,
    ways: &Arc<Ways>,
    world: &Arc<World>,
    operation: Operation,
    way: Way,
    concurrency: usize,
    length: Duration,
) -> Result<Seen> {
    let region = Region::new(allocator);
    let (start, cpu) = (Instant::now(), cpu_time());
    let tasks: Vec<_> = (0..concurrency)
        .map(|task| {
            let (ways, world) = (Arc::clone(ways), Arc::clone(world));
            tokio::spawn(async move {
                let mut latencies = Vec::with_capacity(16_384);
                let mut n = task * 7_919;
                loop {
                    let begin = Instant::now();
                    ways.run(way, operation, &world, n).await?;
                    latencies.push(begin.elapsed());
                    n += 1;
                    if start.elapsed() >= length {
                        return anyhow::Ok(latencies);
                    }
                }
            })
        })
        .collect();
    let mut latencies = Vec::new();
    for task in tasks {
        latencies.append(&mut task.await??);
    }
    let wall = start.elapsed();
    let cpu = cpu_time().saturating_sub(cpu);
    let change = region.change();
    Ok(Seen {
        operations: latencies.len() as u64,
        wall,
        cpu,
        allocations: change.allocations as u64,
        allocated: change.bytes_allocated as u64,
        latencies,
        rates: Vec::new(),
    })
}

/// The processor time of all threads of this process, without the server's processes.
fn cpu_time() -> Duration {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    Duration::new(time.tv_sec.unsigned_abs(), u32::try_from(time.tv_nsec).unwrap_or_default())
}
