//! The same queries with pgbench, if it is installed: without a pool and decoding, with one thread a
//! processor.

use std::process::Command;

use anyhow::{Context, Result, bail};
use serde::{Deserialize, Serialize};
use url::Url;

use crate::floor;
use crate::operation::Operation;
use crate::world::{SESSION_PREFIX, USER_PREFIX, USERS, World};

/// The report of pgbench.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(crate) struct Pgbench {
    pub(crate) operation: Operation,
    pub(crate) concurrency: usize,
    pub(crate) throughput: f64,
    pub(crate) p50_us: f64,
    pub(crate) p99_us: f64,
}

/// Runs pgbench for a reading operation. `None` if it is not installed, or the operation is not a single
/// query.
pub(crate) fn run(
    world: &World,
    operation: Operation,
    concurrency: usize,
    seconds: u64,
) -> Result<Option<Pgbench>> {
    let Some(script) = script(world, operation) else { return Ok(None) };
    if Command::new("pgbench").arg("--version").output().is_err() {
        return Ok(None);
    }
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("query.sql");
    std::fs::write(&file, script)?;
    let url = Url::parse(&world.database.maintenance_url()?)?;
    let (_, host) = url
        .query_pairs()
        .find(|(key, _)| key == "host")
        .unwrap_or_else(|| ("host".into(), url.host_str().unwrap_or("localhost").to_owned().into()));
    let output = Command::new("pgbench")
        .args(["--no-vacuum", "--protocol=prepared", "--log"])
        .arg(format!("--file={}", file.display()))
        .arg(format!("--log-prefix={}", folder.path().join("log").display()))
        .args([
            format!("--client={concurrency}"),
            format!("--jobs={}", concurrency.min(2)),
            format!("--time={seconds}"),
        ])
        .args([
            "--host",
            &host,
            "--port",
            &url.port().unwrap_or(5432).to_string(),
            "--username",
            url.username(),
        ])
        .arg(url.path().trim_start_matches('/'))
        .envs(url.password().map(|password| ("PGPASSWORD", password)))
        .output()?;
    let text = String::from_utf8_lossy(&output.stdout);
    if !output.status.success() {
        bail!("pgbench failed: {}", String::from_utf8_lossy(&output.stderr));
    }
    let throughput = text
        .lines()
        .find_map(|line| line.strip_prefix("tps = "))
        .and_then(|line| line.split_whitespace().next())
        .context("pgbench told no throughput")?
        .parse()?;
    let mut latencies = Vec::new();
    for entry in std::fs::read_dir(folder.path())? {
        let path = entry?.path();
        if path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("log")) {
            for line in std::fs::read_to_string(path)?.lines() {
                let time = line.split_whitespace().nth(2).context("a line of pgbench's log")?;
                latencies.push(time.parse::<u32>()?);
            }
        }
    }
    latencies.sort_unstable();
    let at =
        |percent: usize| latencies.get(latencies.len() * percent / 100).copied().unwrap_or_default().into();
    Ok(Some(Pgbench { operation, concurrency, throughput, p50_us: at(50), p99_us: at(99) }))
}

fn script(world: &World, operation: Operation) -> Option<String> {
    let last = USERS - 1;
    let pick = format!("\\set n random(0, {last})\n");
    let id = |prefix: &str| format!("('{prefix}' || lpad(to_hex(:n::int), 12, '0'))::uuid");
    let tenant = format!("'{}'::uuid", world.tenant);
    let (query, second) = match operation {
        Operation::GetUser => (floor::GET_USER, id(USER_PREFIX)),
        Operation::GetUserByHandle => (floor::GET_USER_BY_HANDLE, "'user-' || :n".to_owned()),
        Operation::Authenticate => (floor::AUTHENTICATE, id(SESSION_PREFIX)),
        Operation::GetAuditEvents => (floor::GET_AUDIT_EVENTS, String::new()),
        Operation::GetAllUsers => (floor::GET_ALL_USERS, String::new()),
        Operation::Join => (floor::JOIN, format!("'{}'::timestamptz", world.from)),
        _ => return None,
    };
    let query = query.replace("$1", &tenant).replace("$2", &second).replace('\n', " ");
    Some(format!("{pick}{query};\n"))
}
