//! The rules in `language.toml`.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::Path;

use anyhow::{Context, Result};
use serde::Deserialize;

/// A rule that files can be exempt from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Rule {
    Spelling,
    Phrases,
    Headings,
    Links,
    Code,
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Spelling => "spelling",
            Self::Phrases => "phrases",
            Self::Headings => "headings",
            Self::Links => "links",
            Self::Code => "code",
        })
    }
}

/// The contents of `language.toml`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Rules {
    /// Words that the spelling check accepts.
    pub(crate) words: Vec<String>,
    /// Files that quote banned phrases.
    pub(crate) quotes: BTreeSet<String>,
    /// Banned phrases.
    pub(crate) phrases: Vec<Banned>,
    /// Exempt files by rule.
    #[serde(default)]
    pub(crate) not_yet: Exempt,
}

/// Phrases with one replacement.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Banned {
    pub(crate) find: Vec<String>,
    pub(crate) instead: String,
}

/// Files that do not follow a rule yet.
#[derive(Debug, Default, Deserialize)]
#[serde(transparent)]
pub(crate) struct Exempt(BTreeMap<Rule, BTreeSet<String>>);

impl Exempt {
    #[cfg(test)]
    pub(crate) fn of(rule: Rule, files: &[&str]) -> Self {
        Self([(rule, files.iter().map(|&file| file.to_owned()).collect())].into())
    }

    pub(crate) fn contains(&self, rule: Rule, file: &str) -> bool {
        self.0.get(&rule).is_some_and(|files| files.contains(file))
    }

    pub(crate) fn entries(&self) -> impl Iterator<Item = (Rule, String)> {
        self.0.iter().flat_map(|(rule, files)| files.iter().map(|file| (*rule, file.clone())))
    }

    pub(crate) fn files(&self) -> BTreeSet<&str> {
        self.0.values().flatten().map(String::as_str).collect()
    }
}

impl Rules {
    pub(crate) const FILE: &str = "language.toml";

    pub(crate) fn read(root: &Path) -> Result<Self> {
        let text = std::fs::read_to_string(root.join(Self::FILE)).context(Self::FILE)?;
        toml::from_str(&text).context(Self::FILE)
    }

    /// Removes exemptions from the file, in which each has its own line.
    pub(crate) fn remove(root: &Path, entries: &BTreeSet<(Rule, String)>) -> Result<()> {
        let path = root.join(Self::FILE);
        let text = std::fs::read_to_string(&path).context(Self::FILE)?;
        std::fs::write(path, without(&text, entries)).context(Self::FILE)
    }
}

fn without(text: &str, entries: &BTreeSet<(Rule, String)>) -> String {
    let mut rule = None;
    let kept = text.split_inclusive('\n').filter(|line| {
        let line = line.trim();
        if let Some((key, _)) = line.split_once(" = [") {
            rule = Some(key.to_owned());
        }
        let is_removed = |(of, file): &(Rule, String)| {
            rule.as_deref() == Some(&of.to_string()) && line == format!("\"{file}\",")
        };
        !entries.iter().any(is_removed)
    });
    kept.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exemptions_are_removed_from_their_rule_alone() {
        let text =
            "[not_yet]\nspelling = [\n    \"a.rs\",\n]\nphrases = [\n    \"a.rs\",\n    \"b.rs\",\n]\n";
        let rest = without(text, &[(Rule::Phrases, "a.rs".to_owned())].into());
        assert_eq!(rest, "[not_yet]\nspelling = [\n    \"a.rs\",\n]\nphrases = [\n    \"b.rs\",\n]\n");
    }
}
