//! The entities, generated from a freshly migrated database and compared with the files in the repository.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::cargo::Cargo;
use crate::gates;
use crate::process;
use crate::server::Databases;

/// The schemas, each with the traits of serde that its models derive. Each is generated into a folder of its
/// name.
///
/// The schema `auth` has secrets: its models derive none, so that JSON cannot contain `password_hash` by
/// accident.
const SCHEMAS: &[(&str, &str)] = &[("auth", "none"), ("public", "both")];

/// The options of the generator. The dense format loses a direct relation if it mistakes a table for a
/// junction table.
const FLAGS: &[&str] = &["--entity-format", "compact", "--date-time-crate", "chrono", "--er-diagram"];

/// `sea-orm-cli`, in the version that the lock file pins.
pub(crate) fn sea_orm_cli(cargo: &Cargo) -> Command {
    cargo.command(["run", "--quiet", "--package", "watertight-sea-orm-cli", "--bin", "sea-orm-cli", "--"])
}

/// Regenerates the entities.
pub(crate) fn write(cargo: &Cargo) -> Result<()> {
    let source = source(cargo);
    for (schema, _) in SCHEMAS {
        std::fs::remove_dir_all(source.join(schema)).ok();
    }
    generate(cargo, &source)
}

/// Fails when the entities differ from the generated ones, and lists the different files.
pub(crate) fn check(cargo: &Cargo) -> Result<()> {
    let fresh = cargo.root().join("target/entities");
    if fresh.exists() {
        std::fs::remove_dir_all(&fresh)?;
    }
    generate(cargo, &fresh)?;
    let source = source(cargo);
    let mut differing = Vec::new();
    for (schema, _) in SCHEMAS {
        let (have, want) = (files(&source.join(schema))?, files(&fresh.join(schema))?);
        for name in have.keys().chain(want.keys()) {
            if have.get(name) != want.get(name) {
                differing.push(format!("entity/src/{schema}/{name}"));
            }
        }
    }
    differing.sort_unstable();
    differing.dedup();
    if differing.is_empty() {
        println!("the entities match the migrations");
        return Ok(());
    }
    bail!(
        "these entities differ from the generated ones: {}; run `cargo xtask entities`",
        differing.join(", ")
    );
}

fn source(cargo: &Cargo) -> PathBuf {
    cargo.root().join("entity/src")
}

fn generate(cargo: &Cargo, into: &Path) -> Result<()> {
    let databases = Databases::fresh(cargo)?;
    let mut migrate = cargo.command(["run", "--quiet", "--package", "watertight-migration", "--", "up"]);
    process::succeed(databases.env(&mut migrate))?;
    for (schema, serde) in SCHEMAS {
        let folder = into.join(schema);
        process::succeed(
            sea_orm_cli(cargo)
                .args(["generate", "entity", "--database-schema", schema])
                .args(FLAGS)
                .args(["--with-serde", serde])
                .arg("--output-dir")
                .arg(&folder)
                .env("DATABASE_URL", databases.owner_url()),
        )?;
        process::succeed(
            Command::new("rustfmt")
                .current_dir(cargo.root())
                .args(["--edition", "2024", "--config-path", "."])
                .arg(folder.join("mod.rs")),
        )?;
        gates::write(&folder)?;
    }
    Ok(())
}

/// The texts of a folder's files by name.
fn files(folder: &Path) -> Result<BTreeMap<String, String>> {
    let entries = std::fs::read_dir(folder).with_context(|| folder.display().to_string())?;
    entries
        .map(|entry| {
            let entry = entry?;
            let text = std::fs::read_to_string(entry.path())?;
            Ok((entry.file_name().to_string_lossy().into_owned(), text))
        })
        .collect()
}
