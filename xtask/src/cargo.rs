//! Cargo with the environment for building the embedded server.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};
use serde_json::Value;

/// The variable with the folder in which the build script of `pglite-rs-sys` looks for the engine.
///
/// By default the script finds only an uncompressed engine, and otherwise downloads one.
const ENGINE_VARIABLE: &str = "PGLITE_LIB_DIR";

/// Cargo in the root of the workspace.
#[derive(Debug)]
pub(crate) struct Cargo {
    program: std::ffi::OsString,
    root: PathBuf,
}

impl Cargo {
    pub(crate) fn new() -> Self {
        let program = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let package = Path::new(env!("CARGO_MANIFEST_DIR"));
        Self { program, root: package.parent().unwrap_or(package).to_owned() }
    }

    /// The root of the workspace.
    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    /// Cargo with these arguments.
    pub(crate) fn command<A: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = A>) -> Command {
        let mut command = Command::new(&self.program);
        command.current_dir(&self.root).args(args);
        command
    }

    /// Cargo with these arguments, able to build the embedded server.
    pub(crate) fn command_with_engine<A: AsRef<OsStr>>(
        &self,
        args: impl IntoIterator<Item = A>,
    ) -> Result<Command> {
        let mut command = self.command(args);
        command.env(ENGINE_VARIABLE, self.engine()?);
        Ok(command)
    }

    /// The folder of this machine's engine, in the package that contains it.
    fn engine(&self) -> Result<PathBuf> {
        let target = self.host()?;
        let package = format!("pglite-rs-lib-{target}");
        let metadata = output(&mut self.command(["metadata", "--format-version", "1", "--locked"]))?;
        let metadata: Value = serde_json::from_str(&metadata).context("cargo metadata printed no JSON")?;
        let manifest = metadata
            .get("packages")
            .and_then(Value::as_array)
            .and_then(|packages| {
                packages.iter().find(|found| found.get("name").and_then(Value::as_str) == Some(&package))
            })
            .and_then(|found| found.get("manifest_path")?.as_str());
        match manifest.and_then(|manifest| Path::new(manifest).parent()) {
            Some(folder) => Ok(folder.join("lib")),
            None => bail!(
                "there is no embedded PostgreSQL for {target}; set DATABASE_URL and DATABASE_OWNER_URL to use \
                 another server"
            ),
        }
    }

    fn host(&self) -> Result<String> {
        let version = output(&mut self.command(["--version", "--verbose"]))?;
        version
            .lines()
            .find_map(|line| line.strip_prefix("host: "))
            .map(str::to_owned)
            .context("cargo does not report its host")
    }
}

pub(crate) fn output(command: &mut Command) -> Result<String> {
    let output = command.stderr(std::process::Stdio::inherit()).output().context("cargo cannot be run")?;
    if !output.status.success() {
        bail!("{command:?} failed: {}", output.status);
    }
    String::from_utf8(output.stdout).context("the output of cargo is not UTF-8")
}
