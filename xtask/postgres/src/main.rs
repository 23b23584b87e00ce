//! Starts a private PostgreSQL, prints its URLs as one line of JSON, and stops it when standard input ends.
//!
//! The parent has the other end of standard input, so the server ends with the parent, even if the parent is killed.
//! The server listens on a Unix socket in a directory that only this user can enter, and requires no password.

use std::io::{Read, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use clap::Parser;
use libz_sys as _;
use pglite::{MultiProcessOptions, PGlite};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::oneshot;

/// The role that owns the tables and may create databases.
const OWNER: &str = "watertight_owner";

/// The role that applications use. Row-level security applies to it.
const APP: &str = "watertight_app";

/// The role for maintenance of all tenants. It sees the rows of all tenants and is a member of the owner's role.
const MAINTENANCE: &str = "watertight_maintenance";

/// The superuser that the server creates.
const SUPERUSER: &str = "postgres";

/// Creates the roles; statements are separated by an empty line. `cargo xtask test --server` runs the same file. The
/// owner may signal backends, because dropping a test's database ends the connections of the other roles.
const ROLES: &str = include_str!("../roles.sql");

/// The database that the URLs name.
const DATABASE: &str = "watertight";

/// A private PostgreSQL server that ends with its parent.
#[derive(Debug, Parser)]
struct Args {
    /// Keep the data in this directory, with durable writes. Without it the data is deleted when the server stops.
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,

    /// Listen on this port of 127.0.0.1 too. Every local user can then connect without a password.
    #[arg(long)]
    port: Option<u16>,

    /// The maximum number of connections.
    #[arg(long, default_value_t = 200)]
    connections: usize,
}

#[tokio::main]
async fn main() -> Result<()> {
    let args = Args::parse();
    let throw_away = match &args.data {
        Some(_) => None,
        None => Some(tempfile::tempdir().context("a directory for the data cannot be made")?),
    };
    let directory = match (&args.data, &throw_away) {
        (Some(directory), _) => directory.clone(),
        (None, Some(directory)) => directory.path().join("data"),
        (None, None) => unreachable!("without a directory to keep the data in there is one to throw away"),
    };
    let mut told_to_end = signal(SignalKind::terminate())?;
    let parent_gone = end_of_input();

    let server = PGlite::open_multi_process(
        &directory,
        MultiProcessOptions {
            extra_connections: args.connections,
            relaxed_durability: throw_away.is_some(),
            listen_addresses: args.port.map(|_| "127.0.0.1".to_owned()),
            port: args.port,
            ..MultiProcessOptions::default()
        },
    )
    .await
    .with_context(|| format!("PostgreSQL does not start on {}", directory.display()))?;
    prepare(&server).await.context("the roles and the database cannot be made")?;
    // If the parent has ended, the write fails, and the server is stopped below.
    writeln!(std::io::stdout(), "{}", urls(&server, args.port)?).ok();

    tokio::select! {
        _ = parent_gone => {}
        _ = told_to_end.recv() => {}
        _ = tokio::signal::ctrl_c() => {}
    }
    let log = server.socket_path().and_then(Path::parent).map(|sockets| sockets.with_extension("log"));
    server.close().await.context("PostgreSQL did not stop")?;
    // The crate leaves the server's log next to the directory of the sockets.
    if let Some(log) = log {
        std::fs::remove_file(log).ok();
    }
    Ok(())
}

/// Resolves when standard input ends. A detached thread reads it.
fn end_of_input() -> oneshot::Receiver<()> {
    let (sender, receiver) = oneshot::channel();
    std::thread::spawn(move || {
        // The input is ignored, and an error means that it has ended.
        let _ = std::io::stdin().read_to_end(&mut Vec::new());
        let _ = sender.send(());
    });
    receiver
}

/// Creates the roles and the database, unless an earlier run has created them.
async fn prepare(server: &PGlite) -> Result<()> {
    for statement in ROLES.split("\n\n") {
        server.exec(statement).await?;
    }
    let there = server.query("SELECT FROM pg_database WHERE datname = $1", &[&DATABASE]).await?;
    if there.is_empty() {
        server.exec(&format!("CREATE DATABASE {DATABASE} OWNER {OWNER}")).await?;
    }
    Ok(())
}

fn urls(server: &PGlite, port: Option<u16>) -> Result<serde_json::Value> {
    let socket = server.socket_path().context("the server has no socket")?;
    let directory = socket.parent().context("the socket is in no directory")?.display();
    let port = port.map_or_else(String::new, |port| format!(":{port}"));
    let url = |role: &str| format!("postgres://{role}@localhost{port}/{DATABASE}?host={directory}");
    Ok(serde_json::json!({
        "owner_url": url(OWNER), "app_url": url(APP), "maintenance_url": url(MAINTENANCE),
        "superuser_url": url(SUPERUSER),
    }))
}
