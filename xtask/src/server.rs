//! The databases for commands, from the environment or on a private server.

use std::io::{BufRead, BufReader};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use anyhow::{Context, Result, bail};

use crate::cargo::Cargo;
use crate::installation::Installation;
use crate::process;

const APP: &str = "DATABASE_URL";
const OWNER: &str = "DATABASE_OWNER_URL";
const MAINTENANCE: &str = "DATABASE_MAINTENANCE_URL";
const SUPERUSER: &str = "DATABASE_SUPERUSER_URL";

/// The key that signs tenants, which the migrations install and applications sign with.
const TENANT_KEY: &str = "WATERTIGHT_TENANT_KEY";

/// The public tenant key of databases for trials and tests.
const KNOWN_TENANT_KEY: &str = "1:7468697320746573747320776174657274696768742c206e6f20736563726574";

/// The `pg_dump` of the server, with which tests compare rows.
const PG_DUMP: &str = "WATERTIGHT_PG_DUMP";

/// The prefix of the second server's variables.
const SECOND: &str = "SECOND_";

/// The URLs of the database for each role. Dropping the value stops a private server.
#[derive(Debug)]
pub(crate) struct Databases {
    app_url: String,
    owner_url: String,
    maintenance_url: Option<String>,
    superuser_url: Option<String>,
    /// The server's own `pg_dump`, if it is from an installation that has one.
    pg_dump: Option<PathBuf>,
    _server: Option<Server>,
}

impl Databases {
    /// Takes the databases from the environment, or starts the embedded server.
    pub(crate) fn start(cargo: &Cargo, keep: Option<&Path>) -> Result<Self> {
        match (given(APP)?, given(OWNER)?) {
            (Some(app_url), Some(owner_url)) => {
                if keep.is_some() {
                    bail!(
                        "the server that {APP} names keeps its own data; leave --keep out, or unset the \
                         variables"
                    );
                }
                Ok(Self {
                    app_url,
                    owner_url,
                    maintenance_url: given(MAINTENANCE)?,
                    superuser_url: given(SUPERUSER)?,
                    pg_dump: None,
                    _server: None,
                })
            }
            (None, None) => Server::embedded(cargo, keep),
            (Some(_), None) => {
                bail!("{APP} is set, but {OWNER} is not; set both, or neither for a private server")
            }
            (None, Some(_)) => {
                bail!("{OWNER} is set, but {APP} is not; set both, or neither for a private server")
            }
        }
    }

    /// Returns true if the environment names a server.
    pub(crate) fn are_given() -> bool {
        std::env::var_os(APP).is_some()
    }

    /// Starts the embedded server with a new database.
    pub(crate) fn fresh(cargo: &Cargo) -> Result<Self> {
        Server::embedded(cargo, None)
    }

    /// Starts a server of an installation with a new database.
    pub(crate) fn of(installation: &Installation) -> Result<Self> {
        if Self::are_given() {
            bail!("both {APP} and --server name a server; unset {APP}, or leave --server out");
        }
        let databases = Server::of(installation)?;
        Ok(Self { pg_dump: installation.program("pg_dump"), ..databases })
    }

    /// The URL of the owner's role.
    pub(crate) fn owner_url(&self) -> &str {
        &self.owner_url
    }

    /// A second server for the tests that need two, from the environment or another private server. `None` if
    /// the environment names a first server and no second one.
    pub(crate) fn second(cargo: &Cargo) -> Result<Option<Self>> {
        let variable = |name: &str| given(&format!("{SECOND}{name}"));
        match (variable(APP)?, variable(OWNER)?) {
            (Some(app_url), Some(owner_url)) => {
                let (maintenance_url, superuser_url) = (None, None);
                Ok(Some(Self {
                    app_url,
                    owner_url,
                    maintenance_url,
                    superuser_url,
                    pg_dump: None,
                    _server: None,
                }))
            }
            (None, None) if Self::are_given() => Ok(None),
            (None, None) => Server::embedded(cargo, None).map(Some),
            _ => bail!("only one of {SECOND}{APP} and {SECOND}{OWNER} is set; set both, or neither"),
        }
    }

    /// Sets the URLs in a command's environment as the URLs of the second server.
    pub(crate) fn env_as_second<'c>(&self, command: &'c mut Command) -> &'c mut Command {
        command.env(format!("{SECOND}{APP}"), &self.app_url).env(format!("{SECOND}{OWNER}"), &self.owner_url)
    }

    /// Sets the URLs in a command's environment.
    pub(crate) fn env<'c>(&self, command: &'c mut Command) -> &'c mut Command {
        let maintenance = self.maintenance_url.iter().map(|url| (MAINTENANCE, url));
        let superuser = self.superuser_url.iter().map(|url| (SUPERUSER, url));
        let key = std::env::var_os(TENANT_KEY).is_none().then_some((TENANT_KEY, KNOWN_TENANT_KEY));
        command.env(APP, &self.app_url).env(OWNER, &self.owner_url);
        let pg_dump = self.pg_dump.iter().map(|program| (PG_DUMP, program));
        command.envs(maintenance).envs(superuser).envs(key).envs(pg_dump)
    }
}

fn given(variable: &str) -> Result<Option<String>> {
    match std::env::var(variable) {
        Ok(url) if url.trim().is_empty() => {
            bail!("{variable} is empty; unset it for a private server")
        }
        Ok(url) => Ok(Some(url)),
        Err(std::env::VarError::NotPresent) => Ok(None),
        Err(error) => Err(error).context(variable.to_owned()),
    }
}

/// A private server. It ends when its standard input closes, at the latest with this process.
#[derive(Debug)]
struct Server(Child);

impl Server {
    fn embedded(cargo: &Cargo, keep: Option<&Path>) -> Result<Databases> {
        const PACKAGE: &str = "watertight-postgres";
        process::succeed(&mut cargo.command_with_engine(["build", "--quiet", "--package", PACKAGE])?)?;
        let mut command = cargo.command_with_engine(["run", "--quiet", "--package", PACKAGE, "--"])?;
        if let Some(directory) = keep {
            command.arg("--data").arg(std::path::absolute(directory)?);
        }
        Self::start(command)
    }

    fn of(installation: &Installation) -> Result<Databases> {
        Self::start(installation.serve_command()?)
    }

    /// Starts a program that prints the URLs as a line of JSON once its server is up.
    fn start(mut command: Command) -> Result<Databases> {
        // In its own process group the server does not get the terminal's Ctrl-C, so it outlives the programs
        // that use it.
        command.process_group(0).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut server = Self(command.spawn().context("the private PostgreSQL cannot be run")?);

        let output = server.0.stdout.take().context("the private PostgreSQL has no output")?;
        let mut line = String::new();
        BufReader::new(output).read_line(&mut line)?;
        let urls: serde_json::Value = serde_json::from_str(&line)
            .context("the private PostgreSQL did not start; the reason is above")?;
        let url = |name: &str| {
            let url = urls.get(name).and_then(serde_json::Value::as_str);
            url.map(str::to_owned).with_context(|| format!("the private PostgreSQL printed no {name}"))
        };
        Ok(Databases {
            app_url: url("app_url")?,
            owner_url: url("owner_url")?,
            maintenance_url: Some(url("maintenance_url")?),
            superuser_url: Some(url("superuser_url")?),
            pg_dump: None,
            _server: Some(server),
        })
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.0.stdin.take());
        // Waits, so that no process of the server is left when the command ends.
        let _ = self.0.wait();
    }
}
