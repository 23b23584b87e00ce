//! The recorded figures, and the tables of the guide that are generated from them.

use std::path::PathBuf;

use anyhow::{Context, Result};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::growth::Growth;
use crate::report::Report;

pub(crate) const OPERATIONS: &str = "operations";
pub(crate) const GROWTH: &str = "growth";

fn file(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("results").join(name).with_extension("json")
}

fn page() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../service/docs/guide/performance.md")
}

/// Records figures.
pub(crate) fn keep(name: &str, figures: &impl Serialize) -> Result<()> {
    let file = file(name);
    let json = serde_json::to_string_pretty(figures)? + "\n";
    std::fs::write(&file, json).with_context(|| file.display().to_string())
}

fn kept<T: DeserializeOwned>(name: &str) -> Result<T> {
    let file = file(name);
    let json = std::fs::read_to_string(&file).with_context(|| file.display().to_string())?;
    serde_json::from_str(&json).with_context(|| file.display().to_string())
}

/// Writes the tables into the guide.
pub(crate) fn write_tables() -> Result<()> {
    let text = std::fs::read_to_string(page())?;
    Ok(std::fs::write(page(), with_tables(&text)?)?)
}

/// The page with regenerated tables.
fn with_tables(page: &str) -> Result<String> {
    let page = with_table(page, OPERATIONS, &kept::<Report>(OPERATIONS)?.markdown())?;
    with_table(&page, GROWTH, &kept::<Growth>(GROWTH)?.markdown())
}

/// The page with a new text between two marks.
fn with_table(page: &str, name: &str, table: &str) -> Result<String> {
    let (begin, end) = (format!("<!-- {name}.json -->\n"), format!("<!-- end of {name}.json -->"));
    let parts = page.split_once(&begin).and_then(|(before, rest)| Some((before, rest.split_once(&end)?.1)));
    let (before, after) = parts.with_context(|| format!("the page has no place for {name}"))?;
    Ok(format!("{before}{begin}\n{table}\n{end}{after}"))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn the_tables_are_those_of_the_figures() {
        let text = std::fs::read_to_string(page()).unwrap();
        assert_eq!(text, with_tables(&text).unwrap(), "run `cargo xtask bench tables`");
    }
}
