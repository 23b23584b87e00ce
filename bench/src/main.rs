//! Benchmarks of watertight against what one would write by hand, side by side in one run: `cargo xtask bench`.
#![allow(clippy::print_stdout, reason = "a program for the terminal")]
#![allow(clippy::cast_precision_loss, reason = "figures to look at")]

mod floor;
mod hand;
mod measure;
mod operation;
mod ours;
mod pgbench;
mod report;
mod round_trips;
mod slots;
mod ways;
mod world;

use std::alloc::System;
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Context, Result};
use clap::Parser;
use sea_orm::{ConnectionTrait, DbBackend, Statement};
use stats_alloc::{INSTRUMENTED_SYSTEM, StatsAlloc};

use crate::measure::Pace;
use crate::operation::{Operation, Way};
use crate::report::Report;
use crate::ways::Ways;
use crate::world::World;

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

/// Measures operations of watertight against SeaORM and sqlx by hand, by turns, on the same rows.
#[derive(Debug, Parser)]
#[command(bin_name = "cargo xtask bench --")]
struct Args {
    /// Measure these operations alone.
    #[arg(value_enum)]
    operations: Vec<Operation>,
    /// How many run at once.
    #[arg(long, value_delimiter = ',', default_values_t = [1, 8, 64])]
    concurrency: Vec<usize>,
    /// How many slices each way has.
    #[arg(long, default_value_t = 10)]
    rounds: usize,
    /// How long a slice is, in milliseconds.
    #[arg(long, default_value_t = 250)]
    slice: u64,
    /// Write the figures to this file, as JSON.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
}

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() -> Result<()> {
    let args = Args::parse();
    let pace = Pace { rounds: args.rounds, slice_ms: args.slice };
    let wanted = |operation: &Operation| args.operations.is_empty() || args.operations.contains(operation);
    let world = Arc::new(World::create().await?);
    let ways = Arc::new(Ways::connect(&world).await?);
    let mut report = Report {
        server: server(&world).await?,
        processors: std::thread::available_parallelism()?.get(),
        pace,
        measured: Vec::new(),
        pgbench: Vec::new(),
        round_trips: round_trips::count(&world)?,
    };
    for operation in Operation::REPEATED.into_iter().filter(wanted) {
        same_rows(&ways, &world, operation).await?;
        for concurrency in args.concurrency.iter().copied() {
            world.tidy().await?;
            let found = measure::measure(ALLOCATOR, &ways, &world, operation, concurrency, pace).await?;
            progress(&found);
            report.measured.push(found);
            let seconds = (pace.slice_ms * pace.rounds as u64).div_ceil(1_000).max(1);
            report.pgbench.extend(pgbench::run(&world, operation, concurrency, seconds)?);
        }
    }
    if wanted(&Operation::Cleanup) {
        world.tidy().await?;
        let found = measure::measure_cleanup(ALLOCATOR, &ways, &world, 100_000, 3).await?;
        progress(&found);
        report.measured.push(found);
    }
    println!("\n{}", report.markdown());
    if let Some(file) = &args.json {
        let json = serde_json::to_string_pretty(&report)?;
        std::fs::write(file, json + "\n").with_context(|| file.display().to_string())?;
        println!("written to {}", file.display());
    }
    Ok(())
}

/// Each way has to find the same, or there is nothing to compare.
async fn same_rows(ways: &Ways, world: &World, operation: Operation) -> Result<()> {
    let expected = ways.run(Way::Sqlx, operation, world, 1).await?;
    anyhow::ensure!(expected > 0, "{} finds nothing", operation.title());
    for way in Way::ALL {
        let found = ways.run(way, operation, world, 1).await?;
        anyhow::ensure!(
            found == expected,
            "{} gives {found} by {}, {expected} by sqlx",
            operation.title(),
            way.title()
        );
    }
    Ok(())
}

async fn server(world: &World) -> Result<String> {
    let owner = world.database.owner().await?;
    let sql = "SELECT 'PostgreSQL ' || current_setting('server_version') AS server";
    let row = owner.query_one_raw(Statement::from_string(DbBackend::Postgres, sql)).await?;
    Ok(row.context("the server's version")?.try_get("", "server")?)
}

fn progress(found: &measure::Measured) {
    print!("{} at {}:", found.operation.title(), found.concurrency);
    for cost in &found.costs {
        print!(" {} {:.0}/s, {:.1} µs of processor;", cost.way.title(), cost.throughput, cost.cpu_us);
    }
    for ratio in &found.ratios {
        print!(" {}/{} {:.2}", ratio.of.title(), ratio.to.title(), ratio.median);
    }
    println!();
}
