//! The README's first program, built with the README's own dependencies and run.
//!
//! It is also the smallest application: it stays below a number of lines.

use std::path::Path;

use anyhow::{Context, Result, ensure};

use crate::cargo::{self, Cargo};
use crate::server::Databases;

/// The crates that the program may depend on, with their folders.
const CRATES: [(&str, &str); 4] = [
    ("watertight", "service"),
    ("watertight-entity", "entity"),
    ("watertight-migration", "migration"),
    ("watertight-schema", "schema"),
];

/// The lines of Rust that the program stays below, without empty ones.
const MOST_LINES: usize = 40;

/// The width of a line.
const MOST_COLUMNS: usize = 110;

/// Creates a package of the README's first blocks of TOML, SQL and Rust, runs it on an empty database, and compares its
/// output with the first block of text. The second start finds the tables and the rows of the first.
pub(crate) fn run(cargo: &Cargo) -> Result<()> {
    let root = cargo.root();
    let readme = std::fs::read_to_string(root.join("README.md"))?;
    let (dependencies, program) = (block(&readme, "toml")?, block(&readme, "rust,ignore")?);
    let (tables, expected) = (block(&readme, "sql")?, block(&readme, "text")?);
    small(program)?;

    let package = root.join("target/readme");
    std::fs::create_dir_all(package.join("src"))?;
    std::fs::write(package.join("Cargo.toml"), manifest(root, dependencies)?)?;
    std::fs::write(package.join("src/main.rs"), program)?;
    std::fs::write(package.join("src/tables.sql"), tables)?;
    // The versions of the repository, which are already downloaded.
    std::fs::copy(root.join("Cargo.lock"), package.join("Cargo.lock"))?;

    let databases = Databases::fresh(cargo)?;
    for expected in [expected, &expected.replace("1 for north", "2 for north")] {
        let mut command = cargo.command(["run", "--quiet", "--target-dir"]);
        command.arg(root.join("target")).current_dir(&package);
        let printed = cargo::output(databases.env(&mut command))?;
        ensure!(printed == *expected, "the README's first program printed {printed:?}, not {expected:?}");
    }
    Ok(())
}

/// Checks that a program has few lines, and no long ones.
fn small(program: &str) -> Result<()> {
    let lines = program.lines().filter(|line| !line.trim().is_empty());
    let (number, width) = lines.fold((0, 0), |(number, width), line| (number + 1, width.max(line.len())));
    ensure!(
        number < MOST_LINES,
        "the README's first program has {number} lines, not fewer than {MOST_LINES}"
    );
    ensure!(width <= MOST_COLUMNS, "the README's first program has a line of {width} columns");
    Ok(())
}

/// The manifest of a package outside the workspace, with the crates from the repository in place of published ones.
fn manifest(root: &Path, dependencies: &str) -> Result<String> {
    let workspace = std::fs::read_to_string(root.join("Cargo.toml"))?;
    let mut patches = String::new();
    for (name, folder) in CRATES {
        // A string of JSON is a string of TOML.
        let path =
            serde_json::to_string(&root.join(folder)).context("the path of the repository is not UTF-8")?;
        patches.extend([name, " = { path = ", &path, " }\n"]);
    }
    // With the profiles of the workspace, the dependencies are already built.
    let profiles = workspace.split_once("\n[profile.").map(|(_, rest)| format!("\n[profile.{rest}"));
    let profiles = profiles.context("the workspace has no profile")?;
    Ok(format!(
        "[package]\nname = \"readme\"\nedition = \"2024\"\n\n{dependencies}\n[workspace]\n\n[patch.crates-io]\n{patches}{profiles}"
    ))
}

/// The content of the first code block of a language.
fn block<'t>(text: &'t str, language: &str) -> Result<&'t str> {
    let begin = format!("\n```{language}\n");
    let (_, rest) =
        text.split_once(&begin).with_context(|| format!("README.md has no block of {language}"))?;
    let (block, _) =
        rest.split_once("```\n").with_context(|| format!("the block of {language} has no end"))?;
    Ok(block)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_with_too_many_or_too_long_lines_is_refused() {
        let line = |width| "x".repeat(width) + "\n";
        assert!(small(&(line(MOST_COLUMNS) + "\n\n").repeat(MOST_LINES - 1)).is_ok());
        assert!(small(&line(1).repeat(MOST_LINES)).is_err());
        assert!(small(&line(MOST_COLUMNS + 1)).is_err());
    }

    #[test]
    fn the_first_program_is_small() -> Result<()> {
        small(block(include_str!("../../README.md"), "rust,ignore")?)
    }

    #[test]
    fn the_first_block_of_a_language_is_found() -> Result<()> {
        let text = "One.\n\n```toml\na = 1\n```\n\n```rust\nfn f() {}\n```\n```toml\nb = 2\n```\n";
        assert_eq!(block(text, "toml")?, "a = 1\n");
        assert_eq!(block(text, "rust")?, "fn f() {}\n");
        assert!(block(text, "sql").is_err());
        Ok(())
    }
}
