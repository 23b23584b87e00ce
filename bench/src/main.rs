//! Benchmarks of watertight against hand-written code, side by side in one run: `cargo xtask bench`.
#![allow(clippy::print_stdout, reason = "a program for the terminal")]
#![allow(clippy::cast_precision_loss, reason = "figures to look at")]

mod floor;
mod growth;
mod hand;
mod measure;
mod operation;
mod ours;
mod pgbench;
mod record;
mod report;
mod round_trips;
mod signing;
mod slots;
mod ways;
mod world;

use std::alloc::System;
use std::sync::Arc;
use std::time::Duration;

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

/// Measures watertight against hand-written code, in turns on the same rows.
#[derive(Debug, Parser)]
#[command(bin_name = "cargo xtask bench")]
enum Args {
    /// Measures operations with sqlx, with hand-written SeaORM, with rewriting alone, and with watertight's
    /// default layers.
    Operations {
        /// Measure only these operations.
        #[arg(value_enum)]
        operations: Vec<Operation>,
        /// The number of concurrent tasks.
        #[arg(long, value_delimiter = ',', default_values_t = [1, 8, 64])]
        concurrency: Vec<usize>,
        /// The number of slices of each way.
        #[arg(long, default_value_t = 10)]
        rounds: usize,
        /// The length of a slice, in milliseconds.
        #[arg(long, default_value_t = 200)]
        slice: u64,
        /// Record the figures as JSON, and write the guide's table from them.
        #[arg(long)]
        record: bool,
    },
    /// Measures the growth with the number of tenants.
    Growth {
        /// The numbers of tenants. Each tenant has 100 rows.
        #[arg(long, value_delimiter = ',', default_values_t = [10, 1_000, 100_000])]
        tenants: Vec<usize>,
        /// The number of slices of each number of tenants.
        #[arg(long, default_value_t = 10)]
        rounds: usize,
        /// The length of a slice, in milliseconds.
        #[arg(long, default_value_t = 500)]
        slice: u64,
        /// Record the figures as JSON, and write the guide's table from them.
        #[arg(long)]
        record: bool,
    },
    /// Measures the cost of verifying the tenant, in turns on a database that verifies it and a copy that
    /// does not.
    Signing {
        /// Measure only these operations.
        #[arg(value_enum)]
        operations: Vec<Operation>,
        /// The number of concurrent tasks.
        #[arg(long, value_delimiter = ',', default_values_t = [1, 8])]
        concurrency: Vec<usize>,
        /// The number of slices of each database.
        #[arg(long, default_value_t = 15)]
        rounds: usize,
        /// The length of a slice, in milliseconds.
        #[arg(long, default_value_t = 400)]
        slice: u64,
    },
    /// Writes the guide's tables from the recorded figures.
    Tables,
}

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() -> Result<()> {
    match Args::parse() {
        Args::Operations { operations, concurrency, rounds, slice, record } => {
            let report =
                measure_operations(&operations, &concurrency, Pace { rounds, slice_ms: slice }).await?;
            println!("\n{}", report.markdown());
            if record {
                record::keep(record::OPERATIONS, &report)?;
                record::write_tables()?;
            }
        }
        Args::Growth { tenants, rounds, slice, record } => {
            let growth = growth::run(ALLOCATOR, &tenants, rounds, Duration::from_millis(slice)).await?;
            println!("\n{}", growth.markdown());
            if record {
                record::keep(record::GROWTH, &growth)?;
                record::write_tables()?;
            }
        }
        Args::Signing { operations, concurrency, rounds, slice } => {
            let pace = Pace { rounds, slice_ms: slice };
            println!("\n{}", signing::run(&operations, &concurrency, pace).await?);
        }
        Args::Tables => record::write_tables()?,
    }
    Ok(())
}

async fn measure_operations(operations: &[Operation], concurrency: &[usize], pace: Pace) -> Result<Report> {
    let wanted = |operation: &Operation| operations.is_empty() || operations.contains(operation);
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
        for concurrency in concurrency.iter().copied() {
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
    Ok(report)
}

/// Fails unless each way finds the same number of rows.
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
