//! The modules of a crate: what each defines, and the paths that it writes.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use super::reader::Reader;

/// A module by its path from the root of the crate, which is the empty path.
pub(super) type ModulePath = Vec<String>;

/// All modules except those for tests, and their files.
pub(super) struct Modules {
    root: PathBuf,
    files: Vec<PathBuf>,
    by_path: BTreeMap<ModulePath, Module>,
}

#[derive(Default)]
pub(super) struct Module {
    /// The index of its file.
    pub(super) file: usize,
    /// The names of the items it defines, without modules.
    pub(super) items: BTreeSet<String>,
    pub(super) uses: Vec<Use>,
    /// Paths of two and more segments outside `use`.
    pub(super) paths: Vec<Vec<String>>,
}

/// A leaf of a `use`.
pub(super) struct Use {
    pub(super) path: Vec<String>,
    /// The name that it binds; `None` for a glob.
    pub(super) name: Option<String>,
    /// True if it re-exports a name that its file does not mention again.
    pub(super) only_exports: bool,
}

impl Modules {
    /// Reads the crate whose `lib.rs` is in a folder.
    pub(super) fn read(root: &Path) -> Result<Self> {
        let mut modules = Self { root: root.to_owned(), files: Vec::new(), by_path: BTreeMap::new() };
        modules.read_file(Vec::new(), root.join("lib.rs"))?;
        Ok(modules)
    }

    fn read_file(&mut self, path: ModulePath, file: PathBuf) -> Result<()> {
        let text = std::fs::read_to_string(&file).with_context(|| file.display().to_string())?;
        let parsed = syn::parse_file(&text).with_context(|| file.display().to_string())?;
        self.files.push(file);
        let pending = Reader::new(&text, self.files.len() - 1, path, &mut self.by_path).read(&parsed.items);
        for path in pending {
            let file = self.root.join(path.join("/")).with_extension("rs");
            self.read_file(path, file)?;
        }
        Ok(())
    }

    pub(super) fn len(&self) -> usize {
        self.files.len()
    }

    pub(super) fn get(&self, path: &[String]) -> Option<&Module> {
        self.by_path.get(path)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&ModulePath, &Module)> {
        self.by_path.iter()
    }

    /// A file's name from the folder of `lib.rs`.
    pub(super) fn name(&self, file: usize) -> String {
        let file = &self.files[file];
        file.strip_prefix(&self.root).unwrap_or(file).to_string_lossy().replace('\\', "/")
    }

    /// The room of a file.
    pub(super) fn room(&self, file: usize) -> &str {
        let below = self.files[file].strip_prefix(&self.root).ok();
        let first = below.and_then(|below| below.iter().next()).and_then(|first| first.to_str());
        let first = first.unwrap_or_default();
        first.strip_suffix(".rs").unwrap_or(first)
    }
}
