//! The targets of links: files of the repository and the headings in them.

use std::collections::{BTreeSet, HashMap};
use std::path::{Path, PathBuf};

use anyhow::Result;

use super::address::in_repository;
use crate::prose::Prose;

/// Checks targets, and remembers the headings of the files that they lead to.
pub(super) struct Targets<'r> {
    root: &'r Path,
    anchors: HashMap<PathBuf, BTreeSet<String>>,
}

impl<'r> Targets<'r> {
    pub(super) fn new(root: &'r Path) -> Self {
        Self { root, anchors: HashMap::new() }
    }

    /// The message about a target that leads nowhere. Addresses outside of the repository are not checked.
    pub(super) fn check(&mut self, file: &str, target: &str) -> Result<Option<String>> {
        if let Some((path, heading)) = in_repository(target) {
            return self.check_file(&self.root.join(path), heading, target);
        }
        if target.contains("://") || target.starts_with("mailto:") {
            return Ok(None);
        }
        if is_path_of_item(target) {
            return Ok(Some(format!(
                "{target} is dead on GitHub: write `[label]` or `[text][label]`, and define the label at the foot"
            )));
        }
        let (path, heading) = match target.split_once('#') {
            Some((path, heading)) => (path, Some(heading)),
            None => (target, None),
        };
        let from = self.root.join(file);
        let to = match (path, from.parent()) {
            ("", _) | (_, None) => from.clone(),
            (path, Some(folder)) => folder.join(path),
        };
        self.check_file(&to, heading, target)
    }

    fn check_file(&mut self, to: &Path, heading: Option<&str>, target: &str) -> Result<Option<String>> {
        if !to.exists() {
            return Ok(Some(format!("the link to {target} leads to no file")));
        }
        let is_page = to.extension().is_some_and(|extension| extension == "md");
        let is_dead = match heading.filter(|_| is_page) {
            Some(heading) => !self.anchors(to)?.contains(heading),
            None => false,
        };
        Ok(is_dead.then(|| format!("the link to {target} leads to no heading")))
    }

    fn anchors(&mut self, file: &Path) -> Result<&BTreeSet<String>> {
        if !self.anchors.contains_key(file) {
            let text = std::fs::read_to_string(file)?;
            self.anchors.insert(file.to_owned(), anchors(&text));
        }
        Ok(self.anchors.entry(file.to_owned()).or_default())
    }
}

/// Returns true for the path of an item, such as `crate::Refusal` or `crate`.
fn is_path_of_item(target: &str) -> bool {
    let path = target.split('#').next().unwrap_or_default();
    path.contains("::") || matches!(path, "crate" | "self" | "super")
}

/// The anchors of a file's headings, as GitHub and rustdoc make them.
fn anchors(text: &str) -> BTreeSet<String> {
    let mut counts: HashMap<String, usize> = HashMap::new();
    let prose = Prose::of_markdown(text);
    let headings = prose.text().lines().filter(|line| line.starts_with('#'));
    let anchors = headings.map(|line| {
        let anchor = anchor(line.trim_start_matches('#').trim());
        let count = counts.entry(anchor.clone()).or_default();
        *count += 1;
        if *count == 1 { anchor } else { format!("{anchor}-{}", *count - 1) }
    });
    anchors.collect()
}

fn anchor(heading: &str) -> String {
    let characters = heading.to_lowercase();
    let kept = characters.chars().filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
    kept.map(|c| if c == ' ' { '-' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets_are_files_and_headings() -> Result<()> {
        let folder = tempfile::tempdir()?;
        std::fs::write(folder.path().join("a.md"), "# Here\n")?;
        std::fs::write(folder.path().join("b.md"), "# One `two`, three!\n\n# Four\n\n# Four\n")?;
        let mut targets = Targets::new(folder.path());
        let own = |path: &str| format!("https://github.com/tinyland-inc/watertight/blob/main/{path}");
        let good = ["b.md#one-two-three", "b.md#four-1", "https://x.y/#z", "#here", "mailto:a@b.c"];
        for target in good.map(str::to_owned).into_iter().chain([own("b.md#four"), own("")]) {
            assert_eq!(targets.check("a.md", &target)?, None, "{target}");
        }
        let dead = ["c.md", "b.md#four-2", "#there", "crate::A", "crate#a", "super::A"].map(str::to_owned);
        for target in dead.into_iter().chain([own("c.rs"), own("b.md#five")]) {
            let message = targets.check("a.md", &target)?.unwrap_or_default();
            assert!(message.contains(&target), "{target}: {message}");
        }
        Ok(())
    }
}
