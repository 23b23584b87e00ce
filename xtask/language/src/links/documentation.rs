//! The documentation that `cargo doc` has built: its pages and the ids in them.

use std::path::{Path, PathBuf};

use anyhow::{Result, bail};

use super::address::DocsAddress;

/// The folder of the documentation.
pub(super) struct Documentation {
    folder: PathBuf,
}

impl Documentation {
    pub(super) fn of(root: &Path) -> Self {
        let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), PathBuf::from);
        Self::at(&target.join("doc"))
    }

    pub(super) fn at(folder: &Path) -> Self {
        Self { folder: folder.to_owned() }
    }

    /// Fails if the documentation is not built.
    pub(super) fn require(&self) -> Result<()> {
        if !self.folder.join("watertight/index.html").is_file() {
            bail!(
                "{} has no documentation: run `cargo doc --no-deps --all-features` first",
                self.folder.display()
            );
        }
        Ok(())
    }

    /// The message about an address of our documentation that does not exist.
    pub(super) fn check(&self, address: &str) -> Option<String> {
        if !address.starts_with("https://docs.rs/watertight") {
            return None;
        }
        let Some(DocsAddress { of_crate, file, id }) = DocsAddress::read(address) else {
            return Some(format!(
                "{address} is not `https://docs.rs/PACKAGE/latest/CRATE/..` of a package here"
            ));
        };
        let file = if file.is_empty() { "index.html" } else { file };
        let Ok(page) = std::fs::read_to_string(self.folder.join(of_crate).join(file)) else {
            return Some(format!("{address}: the documentation has no file {of_crate}/{file}"));
        };
        let id = id.filter(|id| !page.contains(&format!("id=\"{id}\"")));
        id.map(|id| format!("{address}: {of_crate}/{file} has no id {id}"))
    }

    /// The address of the item of a label, such as `` `Builder::doctor` ``.
    pub(super) fn find(&self, label: &str) -> Option<String> {
        let path: Vec<_> = label.trim_matches('`').split("::").collect();
        let crates = ["watertight", "watertight_migration", "watertight_schema", "watertight_entity"];
        crates.iter().find_map(|of_crate| {
            let (name, member) = match *path {
                [name] => (name, None),
                [.., name, member] => (name, Some(member)),
                [] => return None,
            };
            let found = self.find_file(of_crate, &format!(".{name}.html"))?;
            let address = format!("https://docs.rs/{}/latest/{found}", of_crate.replace('_', "-"));
            if let Some(member) = member {
                let page = std::fs::read_to_string(self.folder.join(&found)).ok()?;
                let kinds = ["method", "variant", "tymethod", "associatedconstant", "structfield"];
                let kind = kinds.iter().find(|kind| page.contains(&format!("id=\"{kind}.{member}\"")))?;
                return Some(format!("{address}#{kind}.{member}"));
            }
            Some(address)
        })
    }

    /// The file below a folder whose name ends so.
    fn find_file(&self, folder: &str, end: &str) -> Option<String> {
        let entries = std::fs::read_dir(self.folder.join(folder)).ok()?;
        let names = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
        let mut paths: Vec<_> = names.map(|name| format!("{folder}/{name}")).collect();
        // Files come before folders: an item at the root is found first.
        paths.sort_by_key(|path| (self.folder.join(path).is_dir(), path.clone()));
        paths.into_iter().find_map(|path| {
            if self.folder.join(&path).is_dir() {
                self.find_file(&path, end)
            } else {
                path.ends_with(end).then_some(path)
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_files_and_ids() -> Result<()> {
        let folder = tempfile::tempdir()?;
        let documentation = Documentation::at(folder.path());
        assert!(documentation.require().is_err());
        std::fs::create_dir_all(folder.path().join("watertight/doctor"))?;
        std::fs::write(folder.path().join("watertight/index.html"), "<h2 id=\"features\">")?;
        std::fs::write(
            folder.path().join("watertight/doctor/enum.Check.html"),
            "<section id=\"variant.Policy\">",
        )?;
        documentation.require()?;

        let address = "https://docs.rs/watertight/latest/watertight";
        let item = format!("{address}/doctor/enum.Check.html");
        for good in
            ["/", "/index.html#features", "/doctor/enum.Check.html", "/doctor/enum.Check.html#variant.Policy"]
        {
            assert_eq!(documentation.check(&format!("{address}{good}")), None, "{good}");
        }
        for bad in
            ["/index.html#feature", "/doctor/struct.Check.html", "/doctor/enum.Check.html#variant.Polic"]
        {
            assert!(documentation.check(&format!("{address}{bad}")).is_some(), "{bad}");
        }
        assert!(documentation.check("https://docs.rs/watertight/0.1/watertight/index.html").is_some());
        assert_eq!(documentation.check("https://docs.rs/tokio/latest/tokio/no.html"), None);
        assert_eq!(documentation.find("`Check`"), Some(item.clone()));
        assert_eq!(documentation.find("`Check::Policy`"), Some(format!("{item}#variant.Policy")));
        assert_eq!(documentation.find("`Checks`"), None);
        Ok(())
    }
}
