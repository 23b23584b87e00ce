//! The rules for dependencies: packages of the registry, under licenses that require only their notice.

use std::collections::BTreeSet;

use anyhow::{Context, Result, bail};
use serde_json::Value;
use spdx::{Expression, Licensee, ParseMode};

use crate::cargo::{Cargo, output};

/// Checks every dependency against `deny.toml`, the configuration of `cargo deny`.
pub(crate) fn check(cargo: &Cargo) -> Result<()> {
    let rules = rules(cargo)?;
    let allowed = allowed(&rules)?;
    let metadata =
        output(&mut cargo.command(["metadata", "--format-version", "1", "--locked", "--all-features"]))?;
    let metadata: Value = serde_json::from_str(&metadata).context("cargo metadata printed no JSON")?;
    let packages =
        metadata.get("packages").and_then(Value::as_array).context("cargo metadata lists no packages")?;
    let mut refused = BTreeSet::new();
    for package in packages {
        let text = |field: &str| package.get(field).and_then(Value::as_str);
        let name = text("name").unwrap_or_default();
        match text("source") {
            None => continue,
            Some(source) if source.starts_with("registry+") => {}
            Some(source) => drop(refused.insert(format!("{name} comes from {source}"))),
        }
        let license = text("license").or_else(|| clarified(&rules, name)).unwrap_or_default();
        let is_allowed = Expression::parse_mode(license, ParseMode::LAX).is_ok_and(|expression| {
            expression.evaluate(|wanted| allowed.iter().any(|licensee| licensee.satisfies(wanted)))
        });
        if !is_allowed {
            refused.insert(format!("{name} is under {license:?}, which deny.toml does not allow"));
        }
    }
    if refused.is_empty() {
        return Ok(());
    }
    bail!("dependencies are refused:\n{}", refused.into_iter().collect::<Vec<_>>().join("\n"))
}

fn rules(cargo: &Cargo) -> Result<toml::Table> {
    let path = cargo.root().join("deny.toml");
    std::fs::read_to_string(&path)?.parse().context("deny.toml")
}

/// The license of a package whose manifest states none. `cargo deny` compares the license file.
fn clarified<'r>(rules: &'r toml::Table, name: &str) -> Option<&'r str> {
    let clarifications = rules.get("licenses")?.get("clarify")?.as_array()?;
    let found =
        clarifications.iter().find(|entry| entry.get("crate").and_then(toml::Value::as_str) == Some(name));
    found?.get("expression")?.as_str()
}

fn allowed(rules: &toml::Table) -> Result<Vec<Licensee>> {
    let list =
        rules.get("licenses").and_then(|licenses| licenses.get("allow")).and_then(toml::Value::as_array);
    list.context("deny.toml allows no licenses")?
        .iter()
        .map(|name| {
            let name = name.as_str().context("a license in deny.toml is not a string")?;
            Licensee::parse(name).with_context(|| format!("{name} in deny.toml"))
        })
        .collect()
}
