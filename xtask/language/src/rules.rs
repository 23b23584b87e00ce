//! The rules in `language.toml`.

use std::collections::BTreeSet;
use std::fmt;
use std::path::Path;

use anyhow::{Context, Result};
use serde::Deserialize;

/// A rule of the language check.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
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
}

/// Phrases with one replacement.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Banned {
    pub(crate) find: Vec<String>,
    pub(crate) instead: String,
}

impl Rules {
    pub(crate) fn read(root: &Path) -> Result<Self> {
        const FILE: &str = "language.toml";
        let text = std::fs::read_to_string(root.join(FILE)).context(FILE)?;
        toml::from_str(&text).context(FILE)
    }
}
