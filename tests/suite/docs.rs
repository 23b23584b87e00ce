//! The first sentence of a public item's documentation says what the item is or does.
//!
//! It is not a question, does not begin with a question word and has at most 100 characters. Constructors, builder
//! methods and errors have an example.

mod items;
mod required;
mod text;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::Result;

use self::items::{Item, Kind, items};

/// The crates with a public interface: the name, and the folder of the source.
const CRATES: [(&str, &str); 4] = [
    ("watertight", "service/src"),
    ("watertight_schema", "schema/src"),
    ("watertight_migration", "migration/src"),
    ("watertight_testing", "testing/src"),
];

/// The most characters of a first sentence.
const LONGEST: usize = 100;

#[test]
fn public_items_begin_with_a_sentence_and_have_their_examples() -> Result<()> {
    let mut all = Vec::new();
    for (name, source) in CRATES {
        all.extend(items(name, &root().join(source))?);
    }
    let parts = all.iter().filter(|item| item.kind == Kind::Part).count();
    let examples = all.iter().filter(|item| item.has_example).count();
    println!(
        "{} public items and {parts} fields and variants; {examples} have an example",
        all.len() - parts
    );
    assert!(all.len() > 1_000, "the source is read");

    let wrong: BTreeMap<&str, String> =
        all.iter().filter_map(|item| Some((item.path.as_str(), problem(item)?))).collect();
    assert!(wrong.is_empty(), "items whose documentation breaks a rule: {wrong:#?}");
    Ok(())
}

/// The rule that an item's first sentence breaks.
fn problem(item: &Item) -> Option<String> {
    let sentence = item.first_sentence.as_str();
    let first = sentence.split(|c: char| !c.is_alphanumeric()).next().unwrap_or_default();
    let length = sentence.chars().count();
    if sentence.ends_with('?') {
        Some(format!("a question: {sentence}"))
    } else if ["What", "Who", "Whose", "When", "Where"].contains(&first) {
        Some(format!("begins with {first}: {sentence}"))
    } else if length > LONGEST {
        Some(format!("{length} characters: {sentence}"))
    } else if item.kind == Kind::WithExample && !item.has_example {
        Some("no example".to_owned())
    } else {
        None
    }
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// The rules fail on a small crate that breaks them.
#[test]
fn public_items_are_read_with_their_first_sentence() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let long = "x".repeat(LONGEST + 1);
    let source = format!(
        "#![doc = include_str!(\"links.md\")]
         #![cfg_attr(feature = \"auth\", doc = include_str!(\"links.md\"))]
         #![doc = include_str!(\"page.md\")]
         mod inner;
         /// What it is. More.
         pub struct One {{ /// Where it is.
             pub place: u8, /// Who cares?
             private: u8 }}
         /// Is it
         /// two? Yes, see `a.b`.
         pub enum Two {{ /// {long}.
             A, #[doc = \"A [link](crate::{long}) is short. So.\"] B }}
         #[cfg(test)] pub mod tests {{ /// What now.
             pub fn f() {{}} }}"
    );
    std::fs::write(folder.path().join("lib.rs"), source)?;
    // The definitions of links stand before the page, and its own follow it.
    std::fs::write(folder.path().join("links.md"), "[`One`]: crate::One\n[page#other]: crate#other\n")?;
    let page = "Good [second\npage][page#other] of [`One`]. Other.\n\n[`One`]: https://docs.rs/c\n";
    std::fs::write(folder.path().join("page.md"), page)?;
    let inner = "impl One { /// Runs, e.g. `a`.\n///\n/// ```\n/// f();\n/// ```\npub fn run() {}\n\
                 /// When hidden.\npub(crate) fn hide() {} }\n/// Sees.\n///\n/// ```text\n/// no\n/// ```\n\
                 pub trait See { /// What is seen.\nfn see(); }";
    std::fs::write(folder.path().join("inner.rs"), inner)?;
    let items = items("c", folder.path())?;
    let mut paths: Vec<_> =
        items.iter().map(|item| (item.path.as_str(), item.has_example, problem(item).is_some())).collect();
    paths.sort_unstable();
    assert_eq!(
        paths,
        [
            ("c", false, false),
            ("c::One", false, true),
            ("c::One::place", false, true),
            ("c::One::run", true, false),
            ("c::See", false, false),
            ("c::See::see", false, true),
            ("c::Two", false, true),
            ("c::Two::A", false, true),
            ("c::Two::B", false, false),
        ]
    );
    let sentence = |path: &str| {
        items
            .iter()
            .find(|item| item.path == path)
            .map(|item| item.first_sentence.as_str())
            .unwrap_or_default()
    };
    assert_eq!(sentence("c"), "Good second page of `One`.");
    assert_eq!(sentence("c::Two"), "Is it two?");
    assert_eq!(sentence("c::Two::B"), "A link is short.");
    Ok(())
}

/// Constructors, builder methods and errors without an example break a rule, other calls do not.
#[test]
fn examples_are_required_of_constructors_builder_methods_and_errors() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let source = "/// Settings.\npub struct S; impl S { /// Creates.\npub fn new() -> Result<Self, E> {}\n\
                  /// Sets.\npub fn with(mut self, at: u8) -> S {}\n/// Clones.\npub fn copied(&self) -> Self {}\n\
                  /// Ends.\npub fn finish(self) -> u8 {}\n/// Reads.\n///\n/// ```\n/// S::of();\n/// ```\n\
                  pub fn of() -> Option<Self> {} }\n\
                  /// An error.\n#[derive(Debug, thiserror::Error)] pub enum E { /// One.\nA }\n\
                  /// Another.\n#[derive(Error)] pub struct F;\n/// Hidden.\n#[derive(Error)] struct G;";
    std::fs::write(folder.path().join("lib.rs"), source)?;
    let items = items("c", folder.path())?;
    let mut wrong: Vec<_> =
        items.iter().filter(|it| problem(it).is_some()).map(|it| it.path.as_str()).collect();
    wrong.sort_unstable();
    assert_eq!(wrong, ["c::E", "c::F", "c::S::new", "c::S::with"]);
    Ok(())
}
