//! Links between Markdown files, to items of our crates, and to files of the repository.
//!
//! A page of the guide is read on GitHub and in rustdoc. It names items and pages by labels, with two definitions each.

mod address;
mod documentation;
mod guide;
mod labels;
mod layout;
mod markdown;
mod pairs;
mod paths;
mod targets;

use std::path::Path;

use anyhow::Result;

use self::documentation::Documentation;
use self::guide::Guide;
use self::markdown::Page;
use self::pairs::Pairs;
use self::targets::Targets;

/// Checks links.
pub(crate) struct Links<'r> {
    guide: Guide,
    targets: Targets<'r>,
    documentation: Documentation,
    /// True if the addresses of our documentation are checked too.
    with_documentation: bool,
}

impl<'r> Links<'r> {
    pub(crate) fn new(root: &'r Path, files: &[String], with_documentation: bool) -> Result<Self> {
        let documentation = Documentation::of(root);
        if with_documentation {
            documentation.require()?;
        }
        let guide = Guide::read(root, files)?;
        Ok(Self { guide, targets: Targets::new(root), documentation, with_documentation })
    }

    /// The places and the messages of links that lead nowhere, and of labels without their definitions.
    pub(crate) fn check(&mut self, file: &str, text: &str) -> Result<Vec<(usize, String)>> {
        let page = Page::read(text);
        let mut found = Vec::new();
        if layout::has_definitions(file) {
            found.extend(labels::check_definitions(&self.guide, file, &page));
        } else {
            found.extend(labels::check(file, &page));
        }
        if layout::is_page(file) {
            let pairs = Pairs { guide: &self.guide, documentation: &self.documentation };
            found.extend(pairs.check(file, &page));
        }
        let defined = page.definitions.into_iter().map(|it| (it.at, it.target));
        for (at, target) in page.inline.into_iter().chain(defined) {
            // Rustdoc checks the paths of items.
            if !layout::has_definitions(file) {
                found.extend(self.targets.check(file, &target)?.map(|message| (at, message)));
            }
            if self.with_documentation {
                let address = self.guide.address_of_page(&target).unwrap_or(target);
                found.extend(self.documentation.check(&address).map(|message| (at, message)));
            }
        }
        Ok(found)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A repository with a page of the guide, and a mistake in every file.
    #[test]
    fn the_links_of_each_file_are_checked() -> Result<()> {
        let folder = tempfile::tempdir()?;
        let files = [
            ("README.md", "[1](service/docs/auth.md) [2](no.md) [3][label]\n"),
            (
                "service/docs/auth.md",
                "[`A`] [`B`] [4](crate::C)\n\n[`A`]: https://docs.rs/watertight/latest/watertight/struct.A.html\n",
            ),
            ("service/docs/links.md", "[`A`]: crate::A\n[`D`]: crate::D\n"),
            (
                "service/src/auth.rs",
                "#![doc = include_str!(\"../docs/links.md\")]\n#![doc = include_str!(\"../docs/auth.md\")]\n",
            ),
        ];
        for (file, text) in files {
            let path = folder.path().join(file);
            std::fs::create_dir_all(path.parent().unwrap_or(&path))?;
            std::fs::write(path, text)?;
        }
        let names = files.map(|(file, _)| file.to_owned());
        let mut links = Links::new(folder.path(), &names, false)?;
        let mut messages = |index: usize| -> Result<Vec<String>> {
            let (file, text) = files[index];
            Ok(links.check(file, text)?.into_iter().map(|(_, message)| message).collect())
        };
        let (readme, page, definitions) = (messages(0)?, messages(1)?, messages(2)?);
        assert!(
            readme.len() == 2 && readme[0].contains("[label]") && readme[1].contains("no.md"),
            "{readme:#?}"
        );
        assert!(page.len() == 2 && page[0].contains("[`B`]") && page[1].contains("crate::C"), "{page:#?}");
        assert!(definitions.len() == 1 && definitions[0].contains("[`D`]"), "{definitions:#?}");
        // The documentation is not built.
        assert!(Links::new(folder.path(), &names, true).is_err());
        Ok(())
    }
}
