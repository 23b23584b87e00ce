//! A trial of publishing: packages and builds the crates without uploading them.

use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::cargo::{Cargo, output};
use crate::process;

/// The published crates, each after the crates that it depends on.
const CRATES: [&str; 6] = [
    "watertight-schema",
    "watertight-entity",
    "watertight-migration",
    "watertight",
    "watertight-testing",
    "watertight-cli",
];

/// Packages the crates as publishing does. With `build` it also builds the packages, which takes minutes.
pub(crate) fn check(cargo: &Cargo, build: bool) -> Result<()> {
    let packages = CRATES.iter().flat_map(|name| ["--package", name]);
    let mut publish = cargo.command(["publish", "--dry-run", "--locked", "--allow-dirty"]);
    publish.args(packages);
    if !build {
        publish.arg("--no-verify");
    }
    process::succeed(&mut publish)
}

/// Builds the published crates with the oldest Rust that the manifests promise, unless it is the current one.
pub(crate) fn minimum_rust(cargo: &Cargo) -> Result<()> {
    let promised = env!("CARGO_PKG_RUST_VERSION");
    let version = output(Command::new("rustc").arg("--version"))?;
    let used = version.split_whitespace().nth(1).context("rustc prints no version")?;
    if used == promised || used.starts_with(&format!("{promised}.")) {
        println!("{used} is the minimum supported Rust version, so every other check tests it");
        return Ok(());
    }
    let toolchain =
        if promised.matches('.').count() < 2 { format!("{promised}.0") } else { promised.to_owned() };
    let mut check = Command::new("rustup");
    check.current_dir(cargo.root()).args(["run", &toolchain, "cargo", "check", "--locked", "--all-features"]);
    check.args(["--target-dir", "target/minimum-rust"]);
    check.args(CRATES.iter().flat_map(|name| ["--package", name]));
    if !check
        .status()
        .context("rustup cannot be run, which the check of the minimum supported Rust version needs")?
        .success()
    {
        bail!("the crates do not build with Rust {promised}, which their manifests promise");
    }
    Ok(())
}
