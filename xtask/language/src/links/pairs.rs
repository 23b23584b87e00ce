//! The two definitions of a label: at the foot of the page for GitHub, and before the page for rustdoc.

mod lines;

use std::collections::{BTreeMap, BTreeSet};

use super::address::DocsAddress;
use super::documentation::Documentation;
use super::guide::{Guide, Label};
use super::layout;
use super::markdown::{Definition, Page, Reference, normal};
use super::paths::{relative, resolved};

use self::lines::{for_rustdoc, include_before, not_included};

/// Checks the labels of a page of the guide, and says which line is missing.
pub(super) struct Pairs<'a> {
    pub(super) guide: &'a Guide,
    pub(super) documentation: &'a Documentation,
}

impl Pairs<'_> {
    pub(super) fn check(&self, file: &str, page: &Page) -> Vec<(usize, String)> {
        let Some(included) = self.guide.included(file) else {
            return vec![(0, not_included(file))];
        };
        let foot: BTreeMap<_, _> = page.definitions.iter().map(|it| (normal(&it.label), it)).collect();
        let mut seen = BTreeSet::new();
        let first_uses = page.references.iter().filter(|it| seen.insert(normal(&it.label)));
        let found = first_uses.filter_map(|Reference { at, label, .. }| {
            let message = match (foot.get(&normal(label)), self.guide.label(label)) {
                (None, None) => self.neither(file, label),
                (None, Some(known)) => {
                    let target = self.for_github(file, label, &known.target);
                    format!("add `[{label}]: {target}` at the end of this page")
                }
                (Some(Definition { target, .. }), None) => self.not_for_rustdoc(file, label, target),
                (Some(defined), Some(known)) if self.agree(file, defined, known) => {
                    let is_included = included.before.contains(&known.file);
                    (!is_included).then(|| include_before(included, file, &known.file))?
                }
                (Some(Definition { target, .. }), Some(Label { file: of, target: path })) => {
                    let expected = self.for_github(file, label, path);
                    format!(
                        "leads to {target} here and to {path} in {of}: write `[{label}]: {expected}` here"
                    )
                }
            };
            Some((*at, format!("[{label}]: {message}")))
        });
        let inline = page.inline.iter().filter(|(_, target)| is_file(target));
        found.chain(inline.map(|(at, target)| (*at, self.file_in_parentheses(file, target)))).collect()
    }

    fn file_in_parentheses(&self, file: &str, target: &str) -> String {
        let path = self.meaning(file, target);
        if path == target {
            let path = resolved(file, split(target).0);
            return format!(
                "{target} is dead in rustdoc: write https://github.com/tinyland-inc/watertight/blob/main/{path}"
            );
        }
        let name = path.rsplit("::").next().unwrap_or_default();
        format!("{target} is dead in rustdoc: write the label [{name}] instead")
    }

    fn neither(&self, file: &str, label: &str) -> String {
        let (path, target) = if let Some(module) = self.module_of_label(label) {
            (module.clone(), self.for_github(file, label, &module))
        } else if let Some(address) = self.documentation.find(label) {
            (self.meaning(file, &address), address)
        } else {
            let unknown = "https://docs.rs/watertight/latest/watertight/struct.NAME.html";
            ("crate::PATH".to_owned(), unknown.to_owned())
        };
        let (path, of) = (for_rustdoc(&path, &target), layout::definitions_of(&path));
        format!("add `[{label}]: {path}` to {of}, and `[{label}]: {target}` at the end of this page")
    }

    fn not_for_rustdoc(&self, file: &str, label: &str, target: &str) -> String {
        let path = self.meaning(file, target);
        if path == target && is_file(target) {
            return self.file_in_parentheses(file, target);
        }
        // Other addresses have no path for rustdoc.
        if path == target {
            return format!("write the target in parentheses: `[text]({target})`");
        }
        let of = layout::definitions_of(&path);
        format!("add `[{label}]: {}` to {of}", for_rustdoc(&path, target))
    }

    fn agree(&self, file: &str, defined: &Definition, known: &Label) -> bool {
        self.meaning(file, &defined.target) == self.meaning(file, &known.target)
            // A page is a file on GitHub.
            && (defined.target.contains("://") != self.page_of(&known.target).is_some())
    }

    /// The path of a target for rustdoc, or the target itself.
    fn meaning(&self, file: &str, target: &str) -> String {
        if target.contains("://") {
            return DocsAddress::read(target)
                .and_then(|address| address.path())
                .unwrap_or_else(|| target.to_owned());
        }
        let (path, heading) = split(target);
        let page = if path.is_empty() { file.to_owned() } else { resolved(file, path) };
        let module = layout::module(&page).filter(|_| self.guide.included(&page).is_some());
        module.map_or_else(|| target.to_owned(), |module| module + heading)
    }

    /// The target at the foot of a page for the path that rustdoc has.
    fn for_github(&self, file: &str, label: &str, path: &str) -> String {
        if path.contains("://") {
            return path.to_owned();
        }
        if let Some(page) = self.page_of(path) {
            return relative(file, page) + split(path).1;
        }
        let is_right = |address: &String| self.meaning(file, address) == path;
        let other_page = self.guide.address(label).map(str::to_owned).filter(is_right);
        let known = other_page.or_else(|| self.documentation.find(label).filter(is_right));
        known.unwrap_or_else(|| {
            let (module, name) = path.rsplit_once("::").unwrap_or(("crate", path));
            let folder = module.replacen("crate", "watertight", 1).replace("::", "/");
            format!("https://docs.rs/watertight/latest/{folder}/struct.{name}.html")
        })
    }

    fn page_of(&self, path: &str) -> Option<&str> {
        self.guide.page(split(path).0)
    }

    /// The module of a label such as `isolation#threat-model`.
    fn module_of_label(&self, label: &str) -> Option<String> {
        let (name, heading) = split(label);
        let page = self.guide.page_of_name(&name.to_lowercase())?;
        Some(layout::module(page)? + heading)
    }
}

/// Whether a target is another file of the repository.
fn is_file(target: &str) -> bool {
    !target.contains(':') && !target.starts_with('#')
}

/// A path and its heading with the `#`.
fn split(path: &str) -> (&str, &str) {
    path.find('#').and_then(|at| path.split_at_checked(at)).unwrap_or((path, ""))
}

#[cfg(test)]
mod tests;
