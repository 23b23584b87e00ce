//! The server of the application. `cargo xtask clinic` runs it with a database and two demonstration
//! businesses.
#![allow(clippy::print_stdout, reason = "a program for the terminal")]

use std::collections::HashMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use clap::Parser;
use sea_orm::Database;
use sea_orm_migration::MigratorTrait;
use tokio::net::TcpListener;
use tracing_subscriber::EnvFilter;
use uuid::Uuid;
use watertight::auth::{AuthSettings, EncryptionKeys, SigningKeys};
use watertight::web::{Ended, Server, Tenancy, shutdown_signals};
use watertight::{TenantId, Watertight};
use watertight_axum_clinic::{AddressSource, demo, router_with};
use watertight_migration::Migrator;

/// Serves businesses, each with its own host, from the database that `DATABASE_URL` names.
#[derive(Debug, Parser)]
struct Args {
    /// The address to listen on.
    #[arg(long, env = "CLINIC_LISTEN", default_value = "127.0.0.1:3000")]
    listen: SocketAddr,
    /// A JSON file of hosts and their tenants: {"clinic.example.com":
    /// "7b0e8d3c-5a53-4f6e-9b0e-0f8a1f0f2a11"}.
    #[arg(long, env = "CLINIC_HOSTS", required_unless_present = "demo")]
    hosts: Option<PathBuf>,
    /// A file of 32 or more random bytes, the key that signs session cookies.
    #[arg(long, env = "CLINIC_SIGNING_KEY", required_unless_present = "demo")]
    signing_key: Option<PathBuf>,
    /// A file with a long random passphrase, which encrypts the secrets of authenticator apps.
    #[arg(long, env = "CLINIC_PASSPHRASE", required_unless_present = "demo")]
    passphrase: Option<PathBuf>,
    /// Read the addresses of clients from the last entry of X-Forwarded-For, which the proxy before the server adds.
    #[arg(long, env = "CLINIC_BEHIND_PROXY")]
    behind_proxy: bool,
    /// Migrate the database as the role of `DATABASE_OWNER_URL`, add two demonstration businesses, and serve
    /// them, too. Missing keys are generated for the run, so that no session outlives the program.
    #[arg(long)]
    demo: bool,
}

#[tokio::main]
async fn main() -> Result<()> {
    let args = Args::parse();
    let filter = EnvFilter::try_from_default_env()
        .unwrap_or_else(|_| EnvFilter::new("info,sqlx=warn,sea_orm_migration=warn"));
    tracing_subscriber::fmt().with_env_filter(filter).init();
    if args.demo {
        let url = std::env::var("DATABASE_OWNER_URL")
            .context("DATABASE_OWNER_URL is not set; `cargo xtask clinic` sets it and starts a PostgreSQL")?;
        let owner = Database::connect(url).await.context("the owner's role cannot connect")?;
        Migrator::up(&owner, None).await?;
        owner.close().await?;
    }
    let water = Watertight::builder().auth(settings(&args)?).connect_from_env().await?;
    let mut hosts = args.hosts.as_deref().map(read_hosts).transpose()?.unwrap_or_default();
    let mut welcome = Vec::new();
    let listener = TcpListener::bind(args.listen)
        .await
        .with_context(|| format!("{} cannot be listened at", args.listen))?;
    let port = listener.local_addr()?.port();
    for business in demo::businesses()?.iter().filter(|_| args.demo) {
        let tenant = water.tenant(business.tenant()?);
        business.open(&tenant).await?;
        business.fill_today(&tenant).await?;
        hosts.insert(business.host().to_owned(), business.tenant()?);
        let (name, password) = business.owner().unwrap_or_default();
        welcome
            .push(format!("http://{}:{port}/  its owner logs in as {name} with {password}", business.host()));
    }
    if hosts.is_empty() {
        bail!("there is no host; name one in the file that --hosts gives");
    }
    let tenancy = Tenancy::by_host(water.clone(), hosts)?;
    println!("listening at {}", listener.local_addr()?);
    for line in welcome {
        println!("{line}");
    }
    let addresses = if args.behind_proxy { AddressSource::Proxy } else { AddressSource::Connection };
    let service = router_with(tenancy, addresses).into_make_service_with_connect_info::<SocketAddr>();
    let of_address = if args.behind_proxy { None } else { Some(100) };
    let server = Server::new().connections_of_address(of_address);
    match server.serve(listener, service, shutdown_signals()?).await? {
        Ended::Cut { connections } => println!("ended, {connections} connections were closed unanswered"),
        _ => println!("ended"),
    }
    // A database that does not answer does not hold the program up.
    tokio::time::timeout(Duration::from_secs(5), water.close()).await.unwrap_or(Ok(()))?;
    Ok(())
}

fn settings(args: &Args) -> Result<AuthSettings> {
    let read = |path: &Path| std::fs::read(path).with_context(|| path.display().to_string());
    let signing_key = match &args.signing_key {
        Some(path) => read(path)?,
        None => [Uuid::new_v4().into_bytes(), Uuid::new_v4().into_bytes()].concat(),
    };
    let passphrase = match &args.passphrase {
        Some(path) => String::from_utf8(read(path)?).context("the passphrase is not text")?.trim().to_owned(),
        None => Uuid::new_v4().to_string(),
    };
    Ok(AuthSettings::default()
        .signing_keys(SigningKeys::new([signing_key])?)
        .encryption_keys(EncryptionKeys::new([passphrase])?)
        .issuer("axum-clinic"))
}

fn read_hosts(path: &Path) -> Result<HashMap<String, TenantId>> {
    let text = std::fs::read_to_string(path).with_context(|| path.display().to_string())?;
    let hosts: HashMap<String, Uuid> =
        serde_json::from_str(&text).with_context(|| path.display().to_string())?;
    hosts.into_iter().map(|(host, id)| Ok((host, TenantId::new(id)?))).collect()
}
