//! Many tenants on few connections, with statements dropped and backends killed at random: no tenant sees a
//! foreign row.
//!
//! `WATERTIGHT_STRESS_SECONDS` is the duration; the nightly run takes 30 seconds or more.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use futures_util::TryStreamExt;
use sea_orm::{
    ActiveModelTrait, ColumnTrait, ConnectOptions, ConnectionTrait, DatabaseConnection, DbBackend, DbErr,
    EntityTrait, PaginatorTrait, QueryFilter, RuntimeErr, Statement,
};
use watertight::entity::public::services;
use watertight::{TenantConnection, Watertight};
use watertight_tests::{TestDatabase, new_tenant};

use crate::rows;

const TENANTS: usize = 12;
const TASKS: usize = 40;
const CONNECTIONS: u32 = 4;

/// The observations of the tasks.
#[derive(Debug, Default)]
struct Seen {
    operations: AtomicU64,
    dropped: AtomicU64,
    broken: AtomicU64,
    rows: AtomicU64,
}

/// The name of every row of a tenant. A row with another name is foreign, whatever its `tenant_id`.
fn mark(tenant: &TenantConnection) -> String {
    format!("row of {}", tenant.tenant_id())
}

fn check(tenant: &TenantConnection, found: &[services::Model], seen: &Seen) -> Result<()> {
    for row in found {
        ensure!(row.name == mark(tenant), "{} sees {row:?}", tenant.tenant_id());
        ensure!(
            row.tenant_id == watertight_tests::uuid_of(tenant.tenant_id()),
            "{} sees {row:?}",
            tenant.tenant_id()
        );
    }
    seen.rows.fetch_add(found.len() as u64, Ordering::Relaxed);
    Ok(())
}

/// Runs one random operation of a tenant. Returns the number of rows that it has certainly added.
async fn operate(tenant: &TenantConnection, choice: u8, seen: &Seen) -> Result<usize> {
    match choice {
        0 | 1 => {
            rows::service(&mark(tenant)).insert(tenant).await?;
            Ok(1)
        }
        2 => {
            let transaction = tenant.begin().await?;
            rows::service(&mark(tenant)).insert(&transaction).await?;
            let inner = transaction.begin().await?;
            rows::service(&mark(tenant)).insert(&inner).await?;
            drop(inner);
            check(tenant, &services::Entity::find().all(&transaction).await?, seen)?;
            transaction.commit().await?;
            Ok(1)
        }
        3 => {
            let transaction = tenant.begin().await?;
            rows::service(&mark(tenant)).insert(&transaction).await?;
            Ok(0)
        }
        4 => {
            let mut stream = services::Entity::find().stream(tenant).await?;
            if let Some(row) = stream.try_next().await? {
                check(tenant, &[row], seen)?;
            }
            Ok(0)
        }
        5 => {
            let raised = services::Entity::update_many()
                .col_expr(services::Column::DisplayOrder, 7.into())
                .exec_with_returning(tenant)
                .await?;
            check(tenant, &raised, seen)?;
            Ok(0)
        }
        6 => {
            let any = services::Column::Name.ne("").or_true();
            check(tenant, &services::Entity::find().filter(any).all(tenant).await?, seen)?;
            Ok(0)
        }
        _ => {
            check(tenant, &services::Entity::find().all(tenant).await?, seen)?;
            Ok(0)
        }
    }
}

trait OrTrue {
    fn or_true(self) -> Self;
}

impl OrTrue for sea_orm::sea_query::Expr {
    fn or_true(self) -> Self {
        sea_orm::ExprTrait::or(self, true)
    }
}

/// Returns true for the errors of a lost connection or of a time limit. No other error is expected.
fn is_about_the_connection(error: &anyhow::Error) -> bool {
    match error.downcast_ref::<DbErr>() {
        Some(DbErr::Conn(_) | DbErr::ConnectionAcquire(_)) => true,
        Some(DbErr::Exec(RuntimeErr::SqlxError(error)) | DbErr::Query(RuntimeErr::SqlxError(error))) => {
            match error.as_database_error().and_then(sea_orm::sqlx::error::DatabaseError::code) {
                // The administrator has ended the backend.
                Some(code) => code == "57P01",
                None => true,
            }
        }
        _ => false,
    }
}

async fn kill_backends(owner: DatabaseConnection, stop: Arc<AtomicBool>) -> Result<u64, DbErr> {
    let mut killed = 0;
    while !stop.load(Ordering::Relaxed) {
        tokio::time::sleep(Duration::from_millis(fastrand::u64(100..400))).await;
        let sql = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() \
                   AND usename <> current_user ORDER BY random() LIMIT 1";
        killed += owner.query_all_raw(Statement::from_string(DbBackend::Postgres, sql)).await?.len() as u64;
    }
    Ok(killed)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_foreign_row_is_seen_while_connections_fail() -> Result<()> {
    let seconds = std::env::var("WATERTIGHT_STRESS_SECONDS").map_or(4, |text| text.parse().unwrap());
    let database = TestDatabase::create().await?;
    let mut options = ConnectOptions::new(database.app_url());
    options.max_connections(CONNECTIONS).sqlx_logging(false);
    let water = Watertight::connect(options).await?;
    let tenants: Vec<_> = (0..TENANTS).map(|_| Ok(water.tenant(new_tenant()?))).collect::<Result<_>>()?;

    let (seen, stop) = (Arc::new(Seen::default()), Arc::new(AtomicBool::new(false)));
    let killing = tokio::spawn(kill_backends(database.owner().await?, Arc::clone(&stop)));
    let end = Instant::now() + Duration::from_secs(seconds);
    let tasks: Vec<_> = (0..TASKS)
        .map(|_| {
            let (tenants, seen) = (tenants.clone(), Arc::clone(&seen));
            tokio::spawn(async move {
                let mut sure = HashMap::<_, usize>::new();
                while Instant::now() < end {
                    let tenant = &tenants[fastrand::usize(..tenants.len())];
                    let operation = operate(tenant, fastrand::u8(..10), &seen);
                    let outcome = if fastrand::u8(..4) == 0 {
                        let moment = Duration::from_micros(fastrand::u64(..20_000));
                        tokio::time::timeout(moment, operation).await.ok()
                    } else {
                        Some(operation.await)
                    };
                    seen.operations.fetch_add(1, Ordering::Relaxed);
                    match outcome {
                        None => drop(seen.dropped.fetch_add(1, Ordering::Relaxed)),
                        Some(Ok(added)) => *sure.entry(tenant.tenant_id()).or_default() += added,
                        Some(Err(error)) if is_about_the_connection(&error) => {
                            seen.broken.fetch_add(1, Ordering::Relaxed);
                        }
                        Some(Err(error)) => return Err(error),
                    }
                }
                Ok(sure)
            })
        })
        .collect();
    let mut sure = HashMap::<_, usize>::new();
    for task in tasks {
        for (tenant, added) in task.await?? {
            *sure.entry(tenant).or_default() += added;
        }
    }
    stop.store(true, Ordering::Relaxed);
    let killed = killing.await??;
    println!("{seconds} s, {killed} backends killed, {seen:?}");
    assert!(seen.rows.load(Ordering::Relaxed) > 0 && seen.dropped.load(Ordering::Relaxed) > 0);

    for tenant in &tenants {
        let left = services::Entity::find().all(tenant).await?;
        check(tenant, &left, &seen)?;
        let sure = sure.get(&tenant.tenant_id()).copied().unwrap_or_default();
        assert!(left.len() >= sure, "{sure} rows were committed, {} are there", left.len());
    }
    let sql = "SELECT coalesce(current_setting('watertight.tenant', true), '')";
    for _ in 0..20 {
        let row = water
            .dangerous_unscoped()
            .query_one_raw(Statement::from_string(DbBackend::Postgres, sql))
            .await?
            .unwrap();
        assert_eq!(row.try_get_by_index::<String>(0)?, "");
        assert_eq!(services::Entity::find().count(water.dangerous_unscoped()).await?, 0);
    }
    Ok(())
}
