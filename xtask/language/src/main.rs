//! The language of the repository: spelling, banned phrases, headings, links and the code of pages.
//!
//! The rules are in `language.toml`. The files that do not follow a rule yet are listed there. A listed file without a
//! finding is an error, so the list can only shrink.
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
use crate::rules::{Exempt, Rule, Rules};
use crate::spelling::Spelling;

/// Checks spelling, phrases, headings, links and the code of pages by `language.toml`.
#[derive(Debug, Parser)]
struct Args {
    /// Remove the exemptions of files that have no finding left.
    #[arg(long)]
    shrink: bool,
    /// Also check the addresses of our documentation on docs.rs, by the pages that `cargo doc` has built.
    #[arg(long)]
    docs: bool,
}

fn main() -> Result<()> {
    let Args { shrink, docs } = Args::parse();
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    let root = package.ancestors().nth(2).context("the package is not in the repository")?;
    if shrink {
        remove_stale(root)?;
    }
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
    let problems = problems(findings, &rules.not_yet);
    if problems.is_empty() {
        println!("{} files, {} of them exempt for now", files.len(), rules.not_yet.files().len());
        return Ok(());
    }
    bail!("problems: {}\n{}", problems.len(), problems.join("\n"))
}

/// Removes the exemptions of files without a finding.
fn remove_stale(root: &Path) -> Result<()> {
    let rules = Rules::read(root)?;
    let found = findings(root, &rules, &files(root)?, false)?;
    let stale = stale(&found, &rules.not_yet);
    Rules::remove(root, &stale)?;
    println!("{} exemptions removed", stale.len());
    Ok(())
}

/// The findings outside exempt files, and the exemptions without a finding.
fn problems(findings: Vec<Finding>, exempt: &Exempt) -> Vec<String> {
    let stale = stale(&findings, exempt);
    let kept = findings.into_iter().filter(|found| !exempt.contains(found.rule, &found.file));
    let mut problems: Vec<String> = kept.map(|found| found.to_string()).collect();
    problems.extend(stale.into_iter().map(|(rule, file)| {
        format!("{}: not_yet.{rule} lists {file}, which has no finding; remove the entry", Rules::FILE)
    }));
    problems
}

fn stale(findings: &[Finding], exempt: &Exempt) -> BTreeSet<(Rule, String)> {
    let needed: BTreeSet<_> = findings.iter().map(|found| (found.rule, found.file.clone())).collect();
    exempt.entries().filter(|entry| !needed.contains(entry)).collect()
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

    fn finding(file: &str) -> Finding {
        Finding { file: file.to_owned(), line: 3, rule: Rule::Phrases, message: "bad".to_owned() }
    }

    #[test]
    fn exempt_files_are_not_reported_and_stale_exemptions_are() {
        let exempt = Exempt::of(Rule::Phrases, &["old.md", "clean.md"]);
        let problems = problems(vec![finding("new.md"), finding("old.md")], &exempt);
        assert_eq!(problems.len(), 2);
        assert_eq!(problems[0], "new.md:3: phrases: bad");
        assert!(problems[1].contains("clean.md"), "{}", problems[1]);
    }
}
