//! Behind PgBouncer in its mode `transaction`, where each transaction may meet another server connection.
//!
//! It runs the PgBouncer of the system's package, and is skipped with a message where there is none, but not where
//! `CI` is set.

use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result};
use futures_util::TryStreamExt;
use sea_orm::{
    ActiveModelTrait, ConnectOptions, Database, EntityTrait, PaginatorTrait, TransactionSession,
    TransactionTrait,
};
use url::Url;
use watertight::doctor::{Check, Severity};
use watertight::entity::public::services;
use watertight::{TenantConnection, Watertight};
use watertight_tests::proxy::Proxy;
use watertight_tests::{TestDatabase, new_tenant};

use crate::{auth, rows};

/// A PgBouncer of two server connections, ended when it is dropped.
pub(crate) struct PgBouncer {
    process: Child,
    folder: tempfile::TempDir,
    port: u16,
    _proxy: Proxy,
}

impl PgBouncer {
    async fn start(database_url: &str) -> Result<Self> {
        Self::start_with(database_url, |_| Ok(String::new())).await
    }

    /// Starts one with more settings, made by what also puts the files they name into the folder given.
    pub(crate) async fn start_with(
        database_url: &str,
        settings: impl FnOnce(&Path) -> Result<String>,
    ) -> Result<Self> {
        let role = Url::parse(database_url)?.username().to_owned();
        // PgBouncer does not run as root, and another user may not enter the directory of the server's socket.
        let proxy = Proxy::start(database_url).await?;
        let user = if std::fs::metadata("/proc/self")?.uid() == 0 { "user = nobody\n" } else { "" };
        let port = free_port()?;
        let folder = tempfile::tempdir()?;
        std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o777))?;
        let more = settings(folder.path())?;
        let path = folder.path().display();
        std::fs::write(folder.path().join("users"), format!("\"{role}\" \"\"\n"))?;
        let settings = format!(
            "[databases]\n* = host=127.0.0.1 port={}\n[pgbouncer]\n{user}listen_port = {port}\n\
             unix_socket_dir = {path}\nauth_type = trust\nauth_file = {path}/users\npool_mode = transaction\n\
             default_pool_size = 2\nmax_client_conn = 100\nignore_startup_parameters = extra_float_digits\n{more}",
            proxy.port()
        );
        let file = folder.path().join("pgbouncer.ini");
        std::fs::write(&file, settings)?;
        let process = Command::new("pgbouncer")
            .arg("--quiet")
            .arg(&file)
            .stdin(Stdio::null())
            .spawn()
            .context("pgbouncer cannot be run")?;
        let socket = folder.path().join(format!(".s.PGSQL.{port}"));
        for _ in 0..100 {
            if socket.exists() {
                break;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        Ok(Self { process, folder, port, _proxy: proxy })
    }

    /// The URL of the listener that the settings open on 127.0.0.1.
    pub(crate) fn tcp_url(&self, database_url: &str, host: &str, query: &str) -> Result<String> {
        let url = Url::parse(database_url)?;
        Ok(format!("postgres://{}:s3cret@{host}:{}{}?{query}", url.username(), self.port, url.path()))
    }

    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    fn url(&self, database_url: &str) -> Result<String> {
        let url = Url::parse(database_url)?;
        let folder = self.folder.path().display();
        let port = self.port;
        Ok(format!("postgres://{}@localhost:{port}{}?host={folder}", url.username(), url.path()))
    }
}

impl Drop for PgBouncer {
    fn drop(&mut self) {
        self.process.kill().ok();
        self.process.wait().ok();
    }
}

fn free_port() -> Result<u16> {
    Ok(std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}

pub(crate) fn is_installed() -> bool {
    let found = Command::new("pgbouncer").arg("--version").stdout(Stdio::null()).status().is_ok();
    assert!(found || std::env::var_os("CI").is_none(), "pgbouncer is not installed");
    found
}

async fn sign_in_and_out(tenant: &TenantConnection) -> Result<()> {
    let auth = tenant.auth();
    auth::user(tenant, "jess").await?;
    auth::enrol(tenant, "jess").await?;
    let secret = auth.get_totp_secret(&"jess".parse()?).await?.context("enrolled")?.secret;
    assert!(auth.login(auth::request("jess", "wrong")).await.is_err());
    let login = auth.login(auth::with_code("jess", &auth::code(tenant, &secret, 0).await?)).await?;
    let known = auth.authenticate(login.token.expose_secret()).await?.context("known")?;
    assert_eq!(known.user, login.user);
    assert!(auth.logout(login.token.expose_secret()).await?);
    assert_eq!(auth.cleanup_expired_sessions().await?, 0);
    let seen: Vec<_> = auth.stream_users().await?.try_collect().await?;
    assert_eq!(seen.len(), 1);
    Ok(())
}

async fn work(tenant: TenantConnection, rounds: usize) -> Result<()> {
    sign_in_and_out(&tenant).await?;
    let mark = format!("row of {}", tenant.tenant_id());
    for round in 0..rounds {
        let transaction = tenant.begin().await?;
        rows::service(&mark).insert(&transaction).await?;
        let inner = transaction.begin().await?;
        rows::service("rolled back").insert(&inner).await?;
        inner.rollback().await?;
        transaction.commit().await?;
        rows::service(&mark).insert(&tenant).await?;
        let all = services::Entity::find().all(&tenant).await?;
        assert_eq!(all.len(), 2 * (round + 1));
        assert!(all.iter().all(|row| row.name == mark), "{all:?}");
        let streamed: Vec<_> = services::Entity::find().stream(&tenant).await?.try_collect().await?;
        assert_eq!(streamed.len(), all.len());
    }
    Ok(())
}

#[tokio::test]
async fn tenants_share_server_connections_by_the_transaction() -> Result<()> {
    if !is_installed() {
        println!("skipped: pgbouncer is not installed");
        return Ok(());
    }
    let database = TestDatabase::create().await?;
    let pgbouncer = PgBouncer::start(&database.app_url()).await?;
    let mut options = ConnectOptions::new(pgbouncer.url(&database.app_url())?);
    options.max_connections(8);
    let builder = Watertight::builder().auth(auth::settings()).transaction_pooler(true);
    let water = builder.connect(options).await?;
    let tasks: Vec<_> =
        (0..12).map(|_| Ok(tokio::spawn(work(water.tenant(new_tenant()?), 8)))).collect::<Result<_>>()?;
    for task in tasks {
        task.await??;
    }
    // Seen without the pooler, with no tenant set, nothing is left on the server's connections.
    assert_eq!(services::Entity::find().count(database.water().await?.unscoped()).await?, 0);
    Ok(())
}

#[tokio::test]
async fn the_doctor_finds_a_pooler_that_nobody_spoke_of() -> Result<()> {
    if !is_installed() {
        println!("skipped: pgbouncer is not installed");
        return Ok(());
    }
    let database = TestDatabase::create().await?;
    let pgbouncer = PgBouncer::start(&database.app_url()).await?;
    let connection = Database::connect(pgbouncer.url(&database.app_url())?).await?;
    let report = Watertight::builder().doctor(&connection).await?;
    assert_eq!(report.of(Check::Pooler).map(|found| found.severity).collect::<Vec<_>>(), [Severity::Error]);
    let report = Watertight::builder().transaction_pooler(true).doctor(&connection).await?;
    assert!(report.is_sound(), "{report}");
    Ok(())
}
