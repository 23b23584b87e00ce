//! The pages that rustdoc includes, and the definitions of labels that stand before each.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use anyhow::Result;

use super::layout;
use super::markdown::{Definition, Page, normal};
use super::paths::resolved;

/// The source that includes the pages.
const SOURCE: &str = "service/src";

/// The pages of the guide and the definitions of their labels.
#[derive(Debug, Default)]
pub(super) struct Guide {
    included: BTreeMap<String, Included>,
    /// Definitions for rustdoc by the normal form of their labels.
    labels: BTreeMap<String, Label>,
    /// The labels that pages use.
    used: BTreeSet<String>,
    /// Addresses at the foot of pages by label.
    addresses: BTreeMap<String, String>,
}

/// A page in the source.
#[derive(Debug)]
pub(super) struct Included {
    pub(super) source: String,
    /// True for the attribute `#![doc = ..]`, false for `#[doc = ..]`.
    pub(super) is_inner: bool,
    /// The files of definitions that are included before the page.
    pub(super) before: Vec<String>,
}

/// A label for rustdoc.
#[derive(Debug)]
pub(super) struct Label {
    pub(super) file: String,
    pub(super) target: String,
}

impl Guide {
    pub(super) fn read(root: &Path, files: &[String]) -> Result<Self> {
        let mut guide = Self::default();
        for file in files {
            let read = || std::fs::read_to_string(root.join(file));
            if file.starts_with(SOURCE)
                && file.rsplit_once('.').is_some_and(|(_, extension)| extension == "rs")
            {
                guide.add_source(file, &read()?);
            } else if layout::has_definitions(file) {
                guide.add_definitions(file, &read()?);
            } else if layout::is_page(file) {
                guide.add_page(&read()?);
            }
        }
        Ok(guide)
    }

    pub(super) fn add_definitions(&mut self, file: &str, text: &str) {
        for Definition { label, target, .. } in Page::read(text).definitions {
            // The first definition of a label wins, as in Markdown.
            self.labels.entry(normal(&label)).or_insert(Label { file: file.to_owned(), target });
        }
    }

    pub(super) fn add_page(&mut self, text: &str) {
        let page = Page::read(text);
        self.used.extend(page.references.iter().map(|it| normal(&it.label)));
        let addresses = page.definitions.into_iter().filter(|it| it.target.contains("://"));
        self.addresses.extend(addresses.map(|it| (normal(&it.label), it.target)));
    }

    pub(super) fn add_source(&mut self, file: &str, source: &str) {
        const INCLUDE: &str = "include_str!(\"";
        let mut before = Vec::new();
        for (at, _) in source.match_indices(INCLUDE) {
            let path = source.get(at + INCLUDE.len()..).and_then(|rest| rest.split('"').next());
            let path = resolved(file, path.unwrap_or_default());
            if layout::has_definitions(&path) {
                before.push(path);
                continue;
            }
            let attribute = source.get(..at).and_then(|text| text.rsplit('#').next()).unwrap_or_default();
            let (source, before) = (file.to_owned(), std::mem::take(&mut before));
            if layout::is_page(&path) {
                let is_inner = attribute.starts_with('!');
                self.included.insert(path, Included { source, is_inner, before });
            }
        }
    }

    pub(super) fn included(&self, page: &str) -> Option<&Included> {
        self.included.get(page)
    }

    pub(super) fn is_used(&self, label: &str) -> bool {
        self.used.contains(&normal(label))
    }

    /// The address that a page has for a label.
    pub(super) fn address(&self, label: &str) -> Option<&str> {
        self.addresses.get(&normal(label)).map(String::as_str)
    }

    pub(super) fn label(&self, label: &str) -> Option<&Label> {
        self.labels.get(&normal(label))
    }

    /// The page of a module.
    pub(super) fn page(&self, module: &str) -> Option<&str> {
        self.included.keys().map(String::as_str).find(|page| layout::module(page).as_deref() == Some(module))
    }

    /// The address on docs.rs of a page and a heading in it, such as `crate::guide::isolation#tests`.
    pub(super) fn address_of_page(&self, path: &str) -> Option<String> {
        let (module, heading) = path.split_once('#')?;
        self.page(module)?;
        let folder =
            module.replacen("crate", "https://docs.rs/watertight/latest/watertight", 1).replace("::", "/");
        Some(format!("{folder}/index.html#{heading}"))
    }

    /// The page of a name, such as `isolation`.
    pub(super) fn page_of_name(&self, name: &str) -> Option<&str> {
        let is_named = |page: &&str| Path::new(page).file_stem().is_some_and(|stem| stem == name);
        self.included.keys().map(String::as_str).find(is_named)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_are_read_from_the_source() {
        let mut guide = Guide::default();
        let source = "#![doc = include_str!(\"../docs/links.md\")]\n\
                      #![cfg_attr(feature = \"auth\", doc = include_str!(\"../docs/links/auth.md\"))]\n\
                      #![doc = include_str!(\"../docs/guide/guide.md\")]\n\
                      #[doc = include_str!(\"../docs/links.md\")]\nconst X: &str = include_str!(\"x.sql\");\n\
                      #[doc = include_str!(\"../docs/guide/start.md\")]\npub mod start {}\n";
        guide.add_source("service/src/guide.rs", source);
        let before = |page: &str| guide.included(page).map(|it| it.before.join(" ")).unwrap_or_default();
        assert_eq!(before("service/docs/guide/guide.md"), "service/docs/links.md service/docs/links/auth.md");
        assert_eq!(before("service/docs/guide/start.md"), "");
        assert_eq!(guide.page("crate::guide"), Some("service/docs/guide/guide.md"));
        assert_eq!(guide.page("crate::guide::start"), Some("service/docs/guide/start.md"));
        let address = "https://docs.rs/watertight/latest/watertight/guide/start/index.html#roles";
        assert_eq!(guide.address_of_page("crate::guide::start#roles").as_deref(), Some(address));
        assert_eq!(guide.address_of_page("crate::guide::start"), None);
        assert_eq!(guide.page_of_name("start"), Some("service/docs/guide/start.md"));
    }
}
