//! Relative links between Markdown files: the file and the heading exist.

use std::collections::{BTreeSet, HashMap};
use std::path::{Path, PathBuf};

use anyhow::Result;

use crate::prose::Prose;

/// Checks links, and remembers the headings of the files that they lead to.
pub(crate) struct Links<'r> {
    root: &'r Path,
    anchors: HashMap<PathBuf, BTreeSet<String>>,
}

impl<'r> Links<'r> {
    pub(crate) fn new(root: &'r Path) -> Self {
        Self { root, anchors: HashMap::new() }
    }

    /// The places and the messages of links that lead nowhere. Links that rustdoc resolves are left to it.
    pub(crate) fn check(&mut self, file: &str, text: &str) -> Result<Vec<(usize, String)>> {
        let mut dead = Vec::new();
        for (at, target) in targets(Prose::of_markdown(text).text()) {
            if target.contains("://") || target.starts_with("mailto:") || is_of_rustdoc(file, &target) {
                continue;
            }
            let (path, anchor) = match target.split_once('#') {
                Some((path, anchor)) => (path, Some(anchor)),
                None => (target.as_str(), None),
            };
            let from = self.root.join(file);
            let to = match (path, from.parent()) {
                ("", _) | (_, None) => from.clone(),
                (path, Some(folder)) => folder.join(path),
            };
            if !to.exists() {
                dead.push((at, format!("the link to {target} has no target file")));
            } else if let Some(anchor) = anchor
                && to.extension().is_some_and(|extension| extension == "md")
                && !self.anchors(&to)?.contains(anchor)
            {
                dead.push((at, format!("the link to {target} has no target heading")));
            }
        }
        Ok(dead)
    }

    fn anchors(&mut self, file: &Path) -> Result<&BTreeSet<String>> {
        if !self.anchors.contains_key(file) {
            let text = std::fs::read_to_string(file)?;
            self.anchors.insert(file.to_owned(), anchors(&text));
        }
        Ok(self.anchors.entry(file.to_owned()).or_default())
    }
}

/// The folder of the pages that rustdoc includes. A bare name there is a module.
const INCLUDED: &str = "service/docs/";

/// Whether a target is the path of an item, such as `crate::Refusal`.
fn is_of_rustdoc(file: &str, target: &str) -> bool {
    let path = target.split('#').next().unwrap_or_default();
    let is_name = !path.is_empty() && path.chars().all(|c| c.is_alphanumeric() || c == '_');
    target.contains("::") || (is_name && (file.starts_with(INCLUDED) || path == "crate"))
}

/// The targets of `[text](target)` and of `[label]: target`, outside of code.
fn targets(text: &str) -> Vec<(usize, String)> {
    let mut targets = Vec::new();
    let mut at = 0;
    for line in text.split_inclusive('\n') {
        let line_without_code = without_code(line);
        for (index, _) in line_without_code.match_indices("](") {
            let rest = line_without_code.get(index + 2..).unwrap_or_default();
            let target = rest.split([')', ' ']).next().unwrap_or_default();
            targets.push((at + index, target.to_owned()));
        }
        let definition = line_without_code.strip_prefix('[').and_then(|rest| rest.split_once("]: "));
        let defined = definition.map(|(_, target)| target.trim());
        // More words than one after a label are a sentence.
        if let Some(target) = defined.filter(|target| !target.contains(' ')) {
            targets.push((at, target.to_owned()));
        }
        at += line.len();
    }
    targets
}

/// A line with its inline code replaced by as many spaces.
fn without_code(line: &str) -> String {
    let mut in_code = false;
    let characters = line.chars().flat_map(|c| {
        in_code ^= c == '`';
        let length = if in_code || c == '`' { c.len_utf8() } else { 0 };
        let kept = (length == 0).then_some(c);
        std::iter::repeat_n(' ', length).chain(kept)
    });
    characters.collect()
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
    fn links_lead_to_files_and_headings() -> Result<()> {
        let folder = tempfile::tempdir()?;
        std::fs::write(folder.path().join("b.md"), "# One `two`, three!\n\n# Four\n\n# Four\n")?;
        let text = "[1](b.md#one-two-three) [2](b.md#four-1) [3](https://x.y/#z) [4](crate::A) `[5](no)`\n\
                    [6](c.md) [7](b.md#four-2)\n```\n[8](no.md)\n```\n# Here\n[9](#here) [10](#there)\n[r]: d.md\n";
        std::fs::write(folder.path().join("a.md"), text)?;
        let dead = Links::new(folder.path()).check("a.md", text)?;
        let messages: Vec<_> = dead.iter().map(|(_, message)| message.as_str()).collect();
        assert_eq!(messages.len(), 4, "{messages:?}");
        for (message, target) in messages.iter().zip(["c.md", "b.md#four-2", "#there", "d.md"]) {
            assert!(message.contains(target), "{message}");
        }
        Ok(())
    }
}
