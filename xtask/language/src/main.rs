//! The language of the repository: spelling, banned phrases, headings, links and the code of pages.
//!
//! The rules are in `language.toml`.
//!
//! `cargo xtask language` runs this program. It is a package of its own, so that no other command waits for the
//! dictionary to compile.
#![allow(clippy::print_stdout, reason = "a program for the terminal")]

mod code;
mod headings;
mod links;
mod phrases;
mod prose;
mod rules;
mod spelling;

use std::collections::BTreeSet;
use std::fmt;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, bail};
use clap::Parser;

use crate::links::Links;
use crate::phrases::Phrases;
use crate::prose::Prose;
use crate::rules::{Rule, Rules};
use crate::spelling::Spelling;

/// Checks spelling, phrases, headings, links and the code of pages by `language.toml`.
#[derive(Debug, Parser)]
struct Args {
    /// Also check the addresses of our documentation on docs.rs, by the pages that `cargo doc` has built.
    #[arg(long)]
    docs: bool,
}

fn main() -> Result<()> {
    let Args { docs } = Args::parse();
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    let root = package.ancestors().nth(2).context("the package is not in the repository")?;
    check(root, docs)
}

/// A violation of a rule at one place.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Finding {
    file: String,
    line: usize,
    rule: Rule,
    message: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}: {}", self.file, self.line, self.rule, self.message)
    }
}

/// Checks every Markdown and Rust file of the repository.
fn check(root: &Path, docs: bool) -> Result<()> {
    let rules = Rules::read(root)?;
    let files = files(root)?;
    let findings = findings(root, &rules, &files, docs)?;
    if findings.is_empty() {
        println!("{} files, no finding", files.len());
        return Ok(());
    }
    let lines: Vec<String> = findings.iter().map(Finding::to_string).collect();
    bail!("findings: {}\n{}", lines.len(), lines.join("\n"))
}

fn findings(root: &Path, rules: &Rules, files: &[String], docs: bool) -> Result<Vec<Finding>> {
    let (spelling, phrases) = (Spelling::new(&rules.words), Phrases::new(&rules.phrases));
    let mut links = Links::new(root, files, docs)?;
    let mut findings = Vec::new();
    for file in files {
        let text = std::fs::read_to_string(root.join(file))?;
        let prose = if is_markdown(file) { Prose::of_markdown(&text) } else { Prose::of_rust(&text) };
        let mut add = |rule, found: Vec<(usize, String)>| {
            findings.extend(found.into_iter().map(|(at, message)| {
                let line = 1 + text.get(..at).unwrap_or_default().matches('\n').count();
                Finding { file: file.clone(), line, rule, message }
            }));
        };
        add(Rule::Spelling, spelling.check(&text));
        // The file of the rules and the page that explains them quote the banned phrases.
        if !rules.quotes.contains(file) {
            add(Rule::Phrases, phrases.check(&prose));
            add(Rule::Headings, headings::check(&prose));
        }
        if is_markdown(file) {
            add(Rule::Links, links.check(file, &text)?);
            add(Rule::Code, code::check(&text));
        }
    }
    findings.sort_unstable();
    Ok(findings)
}

fn is_markdown(file: &str) -> bool {
    Path::new(file).extension().is_some_and(|extension| extension == "md")
}

/// The Markdown and Rust files that git tracks or would add.
fn files(root: &Path) -> Result<Vec<String>> {
    let mut git = Command::new("git");
    git.current_dir(root).args(["ls-files", "--cached", "--others", "--exclude-standard", "*.md", "*.rs"]);
    let listed = git.output().context("git cannot be run")?;
    if !listed.status.success() {
        bail!("git ls-files failed: {}", String::from_utf8_lossy(&listed.stderr));
    }
    let listed = String::from_utf8(listed.stdout).context("git listed a name that is not UTF-8")?;
    let files: BTreeSet<&str> = listed.lines().filter(|file| root.join(file).is_file()).collect();
    Ok(files.into_iter().map(str::to_owned).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_finding_is_printed_with_its_place_and_rule() {
        let file = "new.md".to_owned();
        let finding = Finding { file, line: 3, rule: Rule::Phrases, message: "bad".to_owned() };
        assert_eq!(finding.to_string(), "new.md:3: phrases: bad");
    }
}
