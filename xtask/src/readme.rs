//! The README's first program, built with the README's own dependencies and run.

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

/// Creates a package of the README's first blocks of TOML and Rust, runs it on an empty database, and compares its output
/// with the first block of text.
pub(crate) fn run(cargo: &Cargo) -> Result<()> {
    let root = cargo.root();
    let readme = std::fs::read_to_string(root.join("README.md"))?;
    let (dependencies, program) = (block(&readme, "toml")?, block(&readme, "rust,no_run")?);
    let expected = block(&readme, "text")?;

    let package = root.join("target/readme");
    std::fs::create_dir_all(package.join("src"))?;
    std::fs::write(package.join("Cargo.toml"), manifest(root, dependencies)?)?;
    std::fs::write(package.join("src/main.rs"), program)?;
    // The versions of the repository, which are already downloaded.
    std::fs::copy(root.join("Cargo.lock"), package.join("Cargo.lock"))?;

    let databases = Databases::fresh(cargo)?;
    let mut command = cargo.command(["run", "--quiet", "--target-dir"]);
    command.arg(root.join("target")).current_dir(&package);
    let printed = cargo::output(databases.env(&mut command))?;
    ensure!(printed == expected, "the README's first program printed {printed:?}, not {expected:?}");
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
    fn the_first_block_of_a_language_is_found() -> Result<()> {
        let text = "One.\n\n```toml\na = 1\n```\n\n```rust\nfn f() {}\n```\n```toml\nb = 2\n```\n";
        assert_eq!(block(text, "toml")?, "a = 1\n");
        assert_eq!(block(text, "rust")?, "fn f() {}\n");
        assert!(block(text, "sql").is_err());
        Ok(())
    }
}
