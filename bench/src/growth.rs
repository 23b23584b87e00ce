//! The growth of sizes and times with the number of tenants.

use std::alloc::System;
use std::fmt::Write as _;
use std::hint::black_box;
use std::io::Write as _;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use sea_orm::sqlx::PgPool;
use sea_orm::sqlx::postgres::PgPoolCopyExt;
use sea_orm::{ConnectionTrait, DatabaseConnection};
use serde::{Deserialize, Serialize};
use stats_alloc::{Region, StatsAlloc};
use uuid::Uuid;
use watertight::auth::SessionMetadata;
use watertight::{TenantConnection, TenantId, Watertight};
use watertight_tests::TestDatabase;

use crate::hand::token;
use crate::operation::Operation;
use crate::ours::event;
use crate::world::{by_hand, connect};

/// The rows of each tenant.
const USERS: usize = 10;
const SESSIONS: usize = 30;
const EVENTS: usize = 60;

/// The measured operations, which read or write single rows.
const OPERATIONS: [Operation; 5] = [
    Operation::GetUser,
    Operation::GetUserByHandle,
    Operation::Authenticate,
    Operation::CreateSession,
    Operation::LogAuditEvent,
];

/// The results of a run.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Growth {
    pub(crate) sizes: Vec<Size>,
    pub(crate) flat: Vec<Flat>,
    pub(crate) handle: Handle,
    pub(crate) cache: Cache,
}

/// The size of a database, and the time to fill it.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(crate) struct Size {
    pub(crate) tenants: usize,
    pub(crate) rows: usize,
    pub(crate) filled_seconds: f64,
    pub(crate) database_bytes: i64,
}

/// An operation at each size: operations a second, and the median of the ratios to the smallest size in each
/// round.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Flat {
    pub(crate) operation: Operation,
    pub(crate) throughput: Vec<f64>,
    pub(crate) ratio: Vec<f64>,
}

/// The memory of an unused tenant connection.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(crate) struct Handle {
    pub(crate) bytes: usize,
    pub(crate) allocations: usize,
    pub(crate) nanoseconds: f64,
}

/// The cache of rewritten statements after more distinct statements than its bound.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(crate) struct Cache {
    pub(crate) statements: usize,
    pub(crate) remembered: usize,
    pub(crate) charged_bytes: u64,
    pub(crate) allocated_bytes: isize,
    pub(crate) bound_bytes: u64,
}

/// A database with a number of tenants.
struct Estate {
    tenants: usize,
    _database: TestDatabase,
    water: Watertight,
}

fn tenant(n: usize) -> Result<TenantId> {
    Ok(TenantId::new(Uuid::from_u128(0x9e4a_0000_0000_4000_8000_0000_0000_0000 + n as u128 + 1))?)
}

fn user(tenant: usize, n: usize) -> Uuid {
    Uuid::from_u128(0x05e4_0000_0000_4000_8000_0000_0000_0000 + (tenant * USERS + n) as u128)
}

fn session(tenant: usize, n: usize) -> Uuid {
    Uuid::from_u128(0x5e55_0000_0000_4000_8000_0000_0000_0000 + (tenant * SESSIONS + n) as u128)
}

/// Fills a database for each number of tenants, and measures operations on the databases in turns.
pub(crate) async fn run(
    allocator: &'static StatsAlloc<System>,
    tenants: &[usize],
    rounds: usize,
    slice: Duration,
) -> Result<Growth> {
    let mut estates = Vec::new();
    let mut sizes = Vec::new();
    for tenants in tenants.iter().copied() {
        let database = TestDatabase::create().await?;
        let size = fill(&database, tenants).await?;
        println!("{tenants} tenants, {} rows, filled in {:.0} s", size.rows, size.filled_seconds);
        sizes.push(size);
        let water = connect(&database, Watertight::builder()).await?;
        estates.push(Arc::new(Estate { tenants, _database: database, water }));
    }
    let mut flat = Vec::new();
    for operation in OPERATIONS {
        let mut rates: Vec<Vec<f64>> = vec![Vec::new(); estates.len()];
        for round in 0..=rounds {
            for turn in 0..estates.len() {
                let next = (round + turn) % estates.len();
                let (Some(estate), Some(rates)) = (estates.get(next), rates.get_mut(next)) else { continue };
                let rate = rate(estate, operation, round, slice).await?;
                if round > 0 {
                    rates.push(rate);
                }
            }
        }
        let found = summary(operation, &rates);
        println!(
            "{}: {:.0?} a second, {:.2?} of the smallest",
            operation.title(),
            found.throughput,
            found.ratio
        );
        flat.push(found);
    }
    let first = estates.first().context("a number of tenants")?;
    Ok(Growth { sizes, flat, handle: handle(allocator, &first.water)?, cache: cache(allocator)? })
}

fn summary(operation: Operation, rates: &[Vec<f64>]) -> Flat {
    let median = |mut values: Vec<f64>| {
        values.sort_unstable_by(f64::total_cmp);
        values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
    };
    let smallest = rates.first().cloned().unwrap_or_default();
    Flat {
        operation,
        throughput: rates.iter().map(|rates| median(rates.clone())).collect(),
        ratio: rates
            .iter()
            .map(|rates| {
                median(rates.iter().zip(&smallest).map(|(rate, smallest)| rate / smallest).collect())
            })
            .collect(),
    }
}

/// Operations a second with eight concurrent tasks, each for another tenant.
async fn rate(estate: &Arc<Estate>, operation: Operation, round: usize, slice: Duration) -> Result<f64> {
    let start = Instant::now();
    let tasks: Vec<_> = (0..8)
        .map(|task| {
            let estate = Arc::clone(estate);
            tokio::spawn(async move {
                let mut done = 0_usize;
                // The steps share no factor with the numbers of tenants, so that every tenant has its turn.
                let mut place = (task + 1) * 7_919 + round * 104_729;
                while start.elapsed() < slice {
                    place = place.wrapping_add(1_000_003);
                    one(&estate, operation, place % estate.tenants, place).await?;
                    done += 1;
                }
                anyhow::Ok(done)
            })
        })
        .collect();
    let mut done = 0;
    for task in tasks {
        done += task.await??;
    }
    Ok(done as f64 / start.elapsed().as_secs_f64())
}

async fn one(estate: &Estate, operation: Operation, of: usize, place: usize) -> Result<()> {
    let id = tenant(of)?;
    let tenant = estate.water.tenant(id);
    let auth = tenant.auth();
    let found = match operation {
        Operation::GetUser => auth.users().find(user(of, place % USERS)).await?.is_some(),
        Operation::GetUserByHandle => {
            auth.users().find_by_handle(&format!("user-{}", place % USERS).parse()?).await?.is_some()
        }
        Operation::Authenticate => {
            let token = token(id.uuid().unwrap_or_default(), session(of, place % SESSIONS))?;
            auth.authenticate(&token).await?.is_some()
        }
        Operation::CreateSession => {
            auth.sessions().create(user(of, place % USERS), &SessionMetadata::default()).await?;
            true
        }
        _ => {
            auth.audit().log(event()).await?;
            true
        }
    };
    anyhow::ensure!(found, "{} finds nothing for tenant {of}", operation.title());
    Ok(())
}

/// Fills the hot tables with COPY.
async fn fill(database: &TestDatabase, tenants: usize) -> Result<Size> {
    let start = Instant::now();
    let maintenance = by_hand(&database.maintenance_url()?, 2).await?;
    let pool = maintenance.get_postgres_connection_pool();
    copy(pool, "auth.users (tenant_id, id, handle, email, password_hash, role)", tenants, |out, of, id| {
        (0..USERS).try_for_each(|n| {
            writeln!(out, "{id}\t{}\tuser-{n}\tuser-{n}@example.com\t$2b$12$x\tviewer", user(of, n))
        })
    })
    .await?;
    copy(
        pool,
        "auth.sessions (tenant_id, id, user_id, expires_at, client_ip, user_agent, device_type)",
        tenants,
        |out, of, id| {
            (0..SESSIONS).try_for_each(|n| {
                let (session, user) = (session(of, n), user(of, n % USERS));
                writeln!(out, "{id}\t{session}\t{user}\t2100-01-01\t192.0.2.1\tMozilla/5.0\tdesktop")
            })
        },
    )
    .await?;
    copy(
        pool,
        "auth.audit_events (tenant_id, id, type, handle, details, severity, source, timestamp)",
        tenants,
        |out, of, id| {
            (0..EVENTS).try_for_each(|n| {
                let event = Uuid::from_u128((of * EVENTS + n) as u128 + 1);
                writeln!(
                    out,
                    "{id}\t{event}\tlogin.success\tuser-{}\t{{}}\tinfo\tsystem\t2026-01-{:02}",
                    n % USERS,
                    n % 28 + 1
                )
            })
        },
    )
    .await?;
    for table in ["users", "sessions", "audit_events"] {
        maintenance.execute_unprepared(&format!("VACUUM (ANALYZE) auth.{table}")).await?;
    }
    let database_bytes = size_of_database(&maintenance).await?;
    maintenance.close().await?;
    let rows = tenants * (USERS + SESSIONS + EVENTS);
    Ok(Size { tenants, rows, filled_seconds: start.elapsed().as_secs_f64(), database_bytes })
}

async fn size_of_database(db: &DatabaseConnection) -> Result<i64> {
    let sql = "SELECT pg_database_size(current_database()) AS bytes";
    let row = db.query_one_raw(sea_orm::Statement::from_string(sea_orm::DbBackend::Postgres, sql)).await?;
    Ok(row.context("the size of the database")?.try_get("", "bytes")?)
}

async fn copy(
    pool: &PgPool,
    into: &str,
    tenants: usize,
    write: impl Fn(&mut Vec<u8>, usize, TenantId) -> std::io::Result<()>,
) -> Result<()> {
    let mut copy = pool.copy_in_raw(&format!("COPY {into} FROM STDIN")).await?;
    let mut lines = Vec::with_capacity(2 << 20);
    for of in 0..tenants {
        write(&mut lines, of, tenant(of)?)?;
        if lines.len() > 1 << 20 {
            copy.send(lines.as_slice()).await?;
            lines.clear();
        }
    }
    copy.send(lines.as_slice()).await?;
    copy.finish().await?;
    Ok(())
}

/// Measures the memory of a handle, as the mean of a hundred thousand.
fn handle(allocator: &'static StatsAlloc<System>, water: &Watertight) -> Result<Handle> {
    const HANDLES: usize = 100_000;
    let tenants = (0..HANDLES).map(tenant).collect::<Result<Vec<_>>>()?;
    let region = Region::new(allocator);
    let start = Instant::now();
    for tenant in &tenants {
        black_box(water.tenant(black_box(*tenant)));
    }
    let elapsed = start.elapsed();
    let change = region.change();
    Ok(Handle {
        bytes: size_of::<TenantConnection>(),
        allocations: change.allocations,
        nanoseconds: elapsed.as_secs_f64() * 1e9 / HANDLES as f64,
    })
}

/// Rewrites ten thousand distinct statements with one rewriter with the default bound.
fn cache(allocator: &'static StatsAlloc<System>) -> Result<Cache> {
    const STATEMENTS: usize = 10_000;
    let region = Region::new(allocator);
    let rewriter = Watertight::builder().rewriter()?;
    for n in 0..STATEMENTS {
        let columns = ["id", "handle", "email", "role", "display_name"];
        let columns: Vec<_> = columns.iter().cycle().take(n % 30 + 1).copied().collect();
        let sql = format!(
            "SELECT {}, {n} AS n FROM auth.users JOIN auth.sessions ON sessions.user_id = users.id WHERE users.id = $1",
            columns.iter().map(|column| format!("users.{column}")).collect::<Vec<_>>().join(", ")
        );
        rewriter.rewrite(&sql, 1)?;
    }
    let change = region.change();
    let metrics = rewriter.metrics();
    let allocated = change.bytes_allocated.cast_signed() - change.bytes_deallocated.cast_signed();
    Ok(Cache {
        statements: STATEMENTS,
        remembered: metrics.remembered,
        charged_bytes: metrics.bytes,
        allocated_bytes: allocated,
        bound_bytes: 8 << 20,
    })
}

impl Growth {
    /// The tables of the guide.
    pub(crate) fn markdown(&self) -> String {
        let tenants: Vec<_> = self.sizes.iter().map(|size| size.tenants.to_string()).collect();
        let mut text =
            format!("| tenants | {} |\n{}|\n", tenants.join(" | "), "|---".repeat(tenants.len() + 1));
        let mut line = |name: &str, cells: Vec<String>| {
            let _ = writeln!(text, "| {name} | {} |", cells.join(" | "));
        };
        line("rows", self.sizes.iter().map(|size| size.rows.to_string()).collect());
        line(
            "size of the database, MiB",
            self.sizes.iter().map(|size| (size.database_bytes >> 20).to_string()).collect(),
        );
        line(
            "filled with COPY in, seconds",
            self.sizes.iter().map(|size| format!("{:.0}", size.filled_seconds)).collect(),
        );
        for Flat { operation, throughput, ratio } in &self.flat {
            let cells = throughput.iter().zip(ratio).map(|(rate, ratio)| format!("{rate:.0} ({ratio:.2})"));
            line(operation.title(), cells.collect());
        }
        let Handle { bytes, allocations, nanoseconds } = self.handle;
        let Cache { statements, remembered, charged_bytes, allocated_bytes, bound_bytes } = self.cache;
        let _ = write!(
            text,
            "\nThe connection of a tenant is {bytes} bytes, without an allocation ({allocations} in 100,000), made in \
             {nanoseconds:.0} ns.\n\nAfter {statements} distinct statements the rewriter remembers {remembered}, and \
             charges {charged_bytes} bytes for them of the {bound_bytes} it may; {allocated_bytes} bytes are allocated.\n"
        );
        text
    }
}
