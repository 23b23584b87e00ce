//! Labels of a file: each that is used is defined once in it, and each that is defined is used.

use std::collections::BTreeSet;

use super::guide::Guide;
use super::layout;
use super::markdown::{Definition, Page, Reference, normal};

/// The places and the messages of labels that are defined twice, not used or not defined.
pub(super) fn check(file: &str, page: &Page) -> Vec<(usize, String)> {
    let used: BTreeSet<_> = page.references.iter().map(|it| normal(&it.label)).collect();
    let (mut found, mut defined) = (Vec::new(), BTreeSet::new());
    for Definition { at, label, .. } in &page.definitions {
        if !defined.insert(normal(label)) {
            found.push((*at, format!("[{label}] is defined twice: remove this line")));
        } else if !used.contains(&normal(label)) {
            found.push((*at, format!("[{label}] is not used in this file: remove this line")));
        }
    }
    for Reference { at, label, is_short } in page.references.iter().filter(|_| !layout::is_page(file)) {
        // A word in brackets is plain text, but code in brackets is a link.
        if !defined.contains(&normal(label)) && (!is_short || label.starts_with('`')) {
            let message =
                format!("[{label}] is not defined: add `[{label}]: TARGET` at the end of this file");
            found.push((*at, message));
        }
    }
    found
}

/// The places and the messages of labels in a file for rustdoc that belong to another file or that no page uses.
pub(super) fn check_definitions(guide: &Guide, file: &str, page: &Page) -> Vec<(usize, String)> {
    let (mut found, mut own) = (Vec::new(), BTreeSet::new());
    for Definition { at, label, target } in &page.definitions {
        let right = layout::definitions_of(target);
        if right != layout::LINKS && right != file {
            let message =
                format!("{target} exists with a feature only: move the line of [{label}] to {right}");
            found.push((*at, message));
        }
        if let Some(first) = guide.label(label).filter(|first| first.file != file) {
            found.push((*at, format!("[{label}] is also defined in {}: remove one of them", first.file)));
        } else if !own.insert(normal(label)) {
            found.push((*at, format!("[{label}] is defined twice: remove this line")));
        } else if !guide.is_used(label) {
            found.push((*at, format!("no page of the guide uses [{label}]: remove this line")));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn messages(found: Vec<(usize, String)>) -> Vec<String> {
        found.into_iter().map(|(_, message)| message).collect()
    }

    #[test]
    fn labels_of_a_file_are_defined_once_and_used() {
        let text = "[`A`] [one][a] [x] [two][b] [`B`]\n\n[`A`]: c.md\n[a]: d.md\n[A]: e.md\n[c]: f.md\n";
        let found = messages(check("README.md", &Page::read(text)));
        assert_eq!(found.len(), 4, "{found:#?}");
        let expected = ["[A] is defined twice", "[c] is not used", "`[b]: TARGET`", "`[`B`]: TARGET`"];
        for (message, part) in found.iter().zip(expected) {
            assert!(message.contains(part), "{message}");
        }
    }

    #[test]
    fn definitions_for_rustdoc_are_used_and_unique() {
        let mut guide = Guide::default();
        guide.add_page("[`A`] [`B`]\n");
        let (links, more) =
            ("[`A`]: crate::A\n[`C`]: crate::C\n", "[`a`]: crate::a\n[`B`]: crate::B\n[`B`]: crate::b\n");
        guide.add_definitions(layout::LINKS, links);
        guide.add_definitions("service/docs/links/auth.md", more);
        let found = messages(check_definitions(&guide, layout::LINKS, &Page::read(links)));
        assert_eq!(found, ["no page of the guide uses [`C`]: remove this line"]);
        let found = messages(check_definitions(&guide, "service/docs/links/auth.md", &Page::read(more)));
        assert_eq!(found.len(), 2, "{found:#?}");
        assert!(
            found[0].contains("also defined in service/docs/links.md") && found[1].contains("defined twice")
        );
    }

    #[test]
    fn definitions_of_a_feature_are_in_its_file() {
        let mut guide = Guide::default();
        guide.add_page("[`A`] [auth] [`T::auth`]\n");
        let text = "[`A`]: crate::scheduling::A\n[auth]: crate::auth\n[`T::auth`]: crate::T::auth\n";
        let found = messages(check_definitions(&guide, "service/docs/links/auth.md", &Page::read(text)));
        assert_eq!(found.len(), 1, "{found:#?}");
        assert!(found[0].ends_with("move the line of [`A`] to service/docs/links/booking.md"), "{found:#?}");
        assert_eq!(check_definitions(&guide, layout::LINKS, &Page::read(text)).len(), 2);
    }
}
