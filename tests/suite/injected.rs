//! A workload under injected faults: connections cut before, during and after a message, silent connections, and a server that
//! is stopped and killed. What the callers were told is compared with the rows, by plain SQL.
//!
//! `WATERTIGHT_FAULTS_SECONDS` is the duration, 40 by default; the nightly run takes an hour. `WATERTIGHT_FAULTS_SEED` repeats
//! the choices of a run, as far as the order of the tasks allows. Without the embedded server's program, the server of all
//! tests serves, which is neither stopped nor killed.

mod checks;
mod history;
mod operations;

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use futures_util::future::try_join_all;
use sea_orm::{ConnectOptions, Database};
use sea_orm_migration::MigratorTrait;
use watertight::Watertight;
use watertight::auth::AuditLogOptions;
use watertight_migration::Migrator;
use watertight_tests::faulty::FaultyProxy;
use watertight_tests::private::PrivateServer;
use watertight_tests::{TestDatabase, new_tenant};

use self::history::History;
use self::operations::Caller;

const CALLERS: u64 = 6;

/// The longest wait for an answer. A stop of the server is longer.
const ANSWER_TIMEOUT: Duration = Duration::from_millis(1_500);

/// The server of the workload.
enum Server {
    Private { server: Box<PrivateServer>, _data: tempfile::TempDir },
    Shared(Box<TestDatabase>),
}

impl Server {
    async fn start() -> Result<Self> {
        let Some(program) = PrivateServer::program() else {
            println!("the server of all tests serves: it is neither stopped nor killed");
            return Ok(Self::Shared(Box::new(TestDatabase::create().await?)));
        };
        let data = tempfile::tempdir()?;
        let folder = data.path().join("data");
        let server = tokio::task::spawn_blocking(move || PrivateServer::start(program, &folder)).await??;
        let owner = Database::connect(server.url("owner_url")?).await?;
        Migrator::up(&owner, None).await?;
        owner.close().await?;
        Ok(Self::Private { server: Box::new(server), _data: data })
    }

    fn url(&self, role: &str) -> Result<String> {
        match self {
            Self::Private { server, .. } => server.url(role),
            Self::Shared(database) if role == "app_url" => Ok(database.app_url()),
            Self::Shared(database) => database.superuser_url(),
        }
    }

    /// Stops the server for longer than an answer is awaited, or kills it and starts it again. Returns the number of faults.
    async fn disturb(&mut self, kills: bool, proxy: &FaultyProxy) -> Result<u64> {
        let Self::Private { server, .. } = self else { return Ok(0) };
        if kills {
            tokio::task::block_in_place(|| {
                server.kill()?;
                server.restart()
            })?;
            proxy.redirect(&server.url("app_url")?)?;
        } else {
            server.signal("STOP")?;
            tokio::time::sleep(ANSWER_TIMEOUT * 2).await;
            server.signal("CONT")?;
        }
        Ok(1)
    }
}

fn number(variable: &str) -> Result<Option<u64>> {
    std::env::var(variable).ok().map(|text| text.parse().with_context(|| variable.to_owned())).transpose()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_callers_are_told_is_what_the_database_has() -> Result<()> {
    let seconds = number("WATERTIGHT_FAULTS_SECONDS")?.unwrap_or(40);
    let seed = number("WATERTIGHT_FAULTS_SEED")?.unwrap_or_else(|| fastrand::u64(..));
    println!("WATERTIGHT_FAULTS_SEED={seed}");
    // A caller that waits for good is a failure, too.
    let most = Duration::from_secs(seconds + 300);
    tokio::time::timeout(most, workload(seconds, seed)).await.context("a caller waits for good")?
}

async fn workload(seconds: u64, seed: u64) -> Result<()> {
    let mut server = Server::start().await?;
    let proxy = FaultyProxy::start(&server.url("app_url")?, seed).await?;
    let mut options = ConnectOptions::new(proxy.url(&server.url("app_url")?)?);
    options.max_connections(10).acquire_timeout(Duration::from_secs(3)).sqlx_logging(false);
    let builder =
        Watertight::builder().auth(crate::auth::settings().lockout(None)).answer_timeout(ANSWER_TIMEOUT);
    let water = builder.connect(options).await?;
    let log = water.spawn_audit_log(AuditLogOptions { write_timeout: ANSWER_TIMEOUT, ..Default::default() });
    let tenants = [new_tenant()?, new_tenant()?];
    let ends = AtomicBool::new(false);
    let mut callers = Vec::new();
    for number in 0..CALLERS {
        let tenant = water.tenant(tenants[usize::try_from(number % 2)?]);
        let caller = Caller::prepare(number, tenant, log.clone(), seed).await?;
        callers.push(caller);
    }
    proxy.inject(true);
    let running = try_join_all(callers.into_iter().map(|caller| caller.run(&ends)));
    let start = Instant::now();
    let disturbing = async {
        let mut disturbances = 0;
        for turn in 0.. {
            tokio::time::sleep(Duration::from_secs(5)).await;
            if start.elapsed() >= Duration::from_secs(seconds) {
                break;
            }
            disturbances += server.disturb(turn % 2 == 1, &proxy).await?;
        }
        proxy.inject(false);
        ends.store(true, Ordering::SeqCst);
        anyhow::Ok(disturbances)
    };
    let (records, disturbances) = tokio::try_join!(running, disturbing)?;
    let mut history = History::default();
    for records in records {
        history.extend(records);
    }
    let closed = log.close().await;
    println!(
        "{history}; {:?} cuts before, halfway, after, and silences; {disturbances} stops and kills",
        proxy.faults()
    );
    assert!(closed.is_ok(), "{closed:?}");
    assert!(history.operations() > seconds, "the workload hardly ran: {history}");

    let judge = Database::connect(server.url("superuser_url")?).await?;
    checks::check(&judge, tenants, &history).await
}
