//! Jobs of tenants: the tenants enqueue in their own transactions, and a worker on apalis runs the jobs later.
//!
//! The outbox makes the jobs durable and knows their tenants. Apalis runs them, and stops
//! gracefully. Each job runs in a transaction of its tenant, which also removes the job.
//!
//! `DATABASE_OWNER_URL` names the database with the role that owns the tables, `DATABASE_URL` with the role of the
//! application, and `DATABASE_SUPERUSER_URL` with a role that can create the role of the worker. `cargo xtask examples`
//! sets all three. The program checks every step and exits with an error if a check fails.
#![allow(clippy::print_stdout, reason = "a program for the terminal")]

mod letter;
mod message;
mod migration;
mod work;

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use apalis_core::error::BoxDynError;
use sea_orm::{ActiveModelTrait, ConnectionTrait, Database, EntityTrait, PaginatorTrait, QueryOrder, Set};
use sea_orm_migration::MigratorTraitSelf;
use uuid::Uuid;
use watertight::{Builder, Delivery, TableSets, Tenant, TenantConnection, TenantId, Watertight};

/// The role of the worker.
const WORKER: &str = "letter_worker";

#[tokio::main]
async fn main() -> Result<()> {
    set_up().await?;
    let water = builder().connect_from_env().await?;
    let (north, south) = (tenant(&water)?, tenant(&water)?);

    for client in ["Ana", "Ben", "Cleo"] {
        order_letter(&north, client).await?;
    }
    let transaction = south.begin().await?;
    order_letter(&transaction, "Dora").await?;
    transaction.commit().await?;
    let undone = south.begin().await?;
    order_letter(&undone, "Eve").await?;
    undone.rollback().await?;
    ensure!(message::Entity::find().count(&north).await.is_err(), "a tenant reads the outbox");
    println!("enqueued: three letters of one tenant, one of another, and one that was rolled back");

    // Usually another process.
    let worker = builder().connect(worker_url()?).await?;
    let outbox = worker.outbox(message::Entity)?.delays(Duration::from_millis(50), Duration::from_mins(10));
    let done = all_written(north.clone(), south.clone());
    work::run(outbox, write_letter, done).await?;

    ensure!(clients(&north).await? == ["Ana", "Ben", "Cleo"], "the letters of the first tenant are wrong");
    ensure!(clients(&south).await? == ["Dora"], "the letters of the second tenant are wrong");
    println!("worked: each letter was written once, for its tenant, with a gapless number");
    worker.close().await?;
    water.close().await?;
    Ok(())
}

/// Enqueues a job for a tenant. On a transaction the job belongs to it.
async fn order_letter(tenant: &impl Tenant, client: &str) -> Result<()> {
    let message = message::ActiveModel { client: Set(client.to_owned()), ..Default::default() };
    Ok(tenant.enqueue(message).await?)
}

/// The job. An error or a panic rolls its changes back, and the outbox delivers the message again.
async fn write_letter(delivery: Delivery<message::Entity>) -> Result<(), BoxDynError> {
    let (tenant, client) = (delivery.tenant(), delivery.message().client.clone());
    let number = tenant.next_number("letter").await?;
    letter::ActiveModel { client: Set(client.clone()), number: Set(number), ..Default::default() }
        .insert(tenant)
        .await?;
    if client == "Ben" && delivery.attempt() == 1 {
        println!("the letter to Ben fails once, after it was written");
        return Err("out of paper".into());
    }
    delivery.done().await?;
    Ok(())
}

/// Waits until every letter is written, so that the program ends.
async fn all_written(north: TenantConnection, south: TenantConnection) -> Result<(), std::io::Error> {
    let count = async || -> Result<u64> {
        Ok(letter::Entity::find().count(&north).await? + letter::Entity::find().count(&south).await?)
    };
    for _ in 0..200 {
        if count().await.map_err(std::io::Error::other)? == 4 {
            return Ok(());
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    Err(std::io::Error::other("the letters were not written in 10 seconds"))
}

/// The clients of a tenant's letters by name, whose numbers have no gap.
async fn clients(tenant: &TenantConnection) -> Result<Vec<String>> {
    let letters = letter::Entity::find().order_by_asc(letter::Column::Number).all(tenant).await?;
    let numbers: Vec<i64> = letters.iter().map(|letter| letter.number).collect();
    ensure!(numbers == (1..).take(letters.len()).collect::<Vec<_>>(), "the numbers have a gap: {numbers:?}");
    let mut clients: Vec<String> = letters.into_iter().map(|letter| letter.client).collect();
    clients.sort_unstable();
    Ok(clients)
}

/// Creates the role of the worker and the tables.
async fn set_up() -> Result<()> {
    let superuser = Database::connect(url("DATABASE_SUPERUSER_URL")?).await?;
    let role = format!(
        "DO $$ BEGIN IF to_regrole('{WORKER}') IS NULL THEN \
         CREATE ROLE {WORKER} LOGIN NOSUPERUSER NOBYPASSRLS IN ROLE {}; END IF; END $$",
        migration::settings().app_role()
    );
    superuser.execute_unprepared(&role).await?;
    let owner = Database::connect(url("DATABASE_OWNER_URL")?).await?;
    migration::migrator().up(&owner, None).await?;
    let report = builder().doctor(&owner).await?.require_sound()?;
    println!("migrated: an outbox and a table of letters; the doctor found {} notes", report.findings.len());
    Ok(())
}

fn builder() -> Builder {
    Watertight::builder()
        .table_sets(TableSets::none())
        .outbox_table(message::Entity)
        .tenant_table(letter::Entity)
}

fn tenant(water: &Watertight) -> Result<TenantConnection> {
    Ok(water.tenant(TenantId::new(Uuid::new_v4())?))
}

/// The application's URL with the role of the worker.
fn worker_url() -> Result<String> {
    let url = url("DATABASE_URL")?;
    let (scheme, rest) = url.split_once("://").context("DATABASE_URL has no scheme")?;
    let (_, place) = rest.split_once('@').context("DATABASE_URL has no role")?;
    Ok(format!("{scheme}://{WORKER}@{place}"))
}

fn url(variable: &str) -> Result<String> {
    std::env::var(variable).with_context(|| format!("set {variable}"))
}
