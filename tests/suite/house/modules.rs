//! The modules of a crate: what each defines, and the paths that it writes.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use syn::visit::{self, Visit};
use syn::{Attribute, Item, ItemFn, ItemImpl, ItemMod, ItemUse, Meta, UseTree, Visibility};

/// A module by its path from the root of the crate, which is the empty path.
pub(super) type ModulePath = Vec<String>;

/// All modules that are not for tests alone, and the files they are in.
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
    /// Whether it re-exports a name that its file does not mention again.
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
        let code: String = text.lines().filter(|line| !line.trim_start().starts_with("//")).collect();
        self.files.push(file);
        let file = self.files.len() - 1;
        let mut reader =
            Reader { words: words(&code), file, path, by_path: &mut self.by_path, pending: Vec::new() };
        reader.read(&parsed.items);
        for path in reader.pending {
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

    /// The room of the top floor that a file is in.
    pub(super) fn room(&self, file: usize) -> &str {
        let below = self.files[file].strip_prefix(&self.root).ok();
        let first = below.and_then(|below| below.iter().next()).and_then(|first| first.to_str());
        let first = first.unwrap_or_default();
        first.strip_suffix(".rs").unwrap_or(first)
    }
}

/// Reads one file, with the modules that are written in it.
struct Reader<'a> {
    /// How often each word is in the file.
    words: BTreeMap<String, usize>,
    file: usize,
    path: ModulePath,
    by_path: &'a mut BTreeMap<ModulePath, Module>,
    /// Modules in files of their own.
    pending: Vec<ModulePath>,
}

impl Reader<'_> {
    fn read(&mut self, items: &[Item]) {
        let module = Module { file: self.file, items: names(items), ..Module::default() };
        self.by_path.insert(self.path.clone(), module);
        items.iter().for_each(|item| self.visit_item(item));
    }

    fn module(&mut self) -> &mut Module {
        self.by_path.entry(self.path.clone()).or_default()
    }

    fn add_use(&mut self, tree: &UseTree, exports: bool, mut path: Vec<String>) {
        let name = match tree {
            UseTree::Path(step) => {
                path.push(step.ident.to_string());
                return self.add_use(&step.tree, exports, path);
            }
            UseTree::Group(group) => {
                return group.items.iter().for_each(|tree| self.add_use(tree, exports, path.clone()));
            }
            UseTree::Name(name) if name.ident == "self" => path.last().cloned(),
            UseTree::Name(name) => {
                path.push(name.ident.to_string());
                path.last().cloned()
            }
            UseTree::Rename(rename) => {
                path.push(rename.ident.to_string());
                Some(rename.rename.to_string())
            }
            UseTree::Glob(_) => None,
        };
        let uses = name.as_ref().and_then(|name| self.words.get(name)).copied().unwrap_or_default();
        self.module().uses.push(Use { path, name, only_exports: exports && uses < 2 });
    }

    /// Adds the paths in the tokens of a macro or an attribute.
    fn add_tokens(&mut self, tokens: &str) {
        // `$crate` is the crate; a path ends before any other variable of a macro.
        let tokens = tokens.replace("$ crate", "crate").replace("$crate", "crate").replace('$', " ; ");
        let spaced = tokens.replace("::", " :: ").replace(|c: char| !is_of_word(c) && !":;".contains(c), " ");
        let tokens: Vec<&str> = spaced.split_whitespace().collect();
        let mut path: Vec<String> = Vec::new();
        let mut follows = false;
        for token in tokens.into_iter().chain([";"]) {
            if token == "::" {
                follows = true;
            } else if follows && !path.is_empty() && token != ";" {
                path.push(token.to_owned());
                follows = false;
            } else {
                let ended = std::mem::replace(&mut path, vec![token.to_owned()]);
                follows = false;
                self.add_path(ended);
            }
        }
    }

    fn add_path(&mut self, path: Vec<String>) {
        if path.len() > 1 {
            self.module().paths.push(path);
        }
    }
}

impl Visit<'_> for Reader<'_> {
    fn visit_item_mod(&mut self, item: &ItemMod) {
        if is_for_tests(&item.attrs) {
            return;
        }
        self.path.push(item.ident.to_string());
        match &item.content {
            Some((_, items)) => self.read(items),
            None => self.pending.push(self.path.clone()),
        }
        self.path.pop();
    }

    fn visit_item_use(&mut self, item: &ItemUse) {
        if !is_for_tests(&item.attrs) {
            self.add_use(&item.tree, !matches!(item.vis, Visibility::Inherited), Vec::new());
        }
    }

    fn visit_item_fn(&mut self, item: &ItemFn) {
        if !is_for_tests(&item.attrs) {
            visit::visit_item_fn(self, item);
        }
    }

    fn visit_item_impl(&mut self, item: &ItemImpl) {
        if !is_for_tests(&item.attrs) {
            visit::visit_item_impl(self, item);
        }
    }

    fn visit_path(&mut self, path: &syn::Path) {
        self.add_path(path.segments.iter().map(|segment| segment.ident.to_string()).collect());
        visit::visit_path(self, path);
    }

    fn visit_macro(&mut self, called: &syn::Macro) {
        self.visit_path(&called.path);
        self.add_tokens(&called.tokens.to_string());
    }

    fn visit_attribute(&mut self, attribute: &Attribute) {
        if let Meta::List(list) = &attribute.meta {
            self.add_tokens(&list.tokens.to_string());
        }
    }

    /// `pub(in crate::a)` is no import.
    fn visit_visibility(&mut self, _: &Visibility) {}
}

fn names(items: &[Item]) -> BTreeSet<String> {
    let name = |item: &Item| match item {
        Item::Const(item) => Some(item.ident.to_string()),
        Item::Enum(item) => Some(item.ident.to_string()),
        Item::Fn(item) => Some(item.sig.ident.to_string()),
        Item::Macro(item) => item.ident.as_ref().map(ToString::to_string),
        Item::Static(item) => Some(item.ident.to_string()),
        Item::Struct(item) => Some(item.ident.to_string()),
        Item::Trait(item) => Some(item.ident.to_string()),
        Item::Type(item) => Some(item.ident.to_string()),
        Item::Union(item) => Some(item.ident.to_string()),
        _ => None,
    };
    items.iter().filter_map(name).collect()
}

fn is_for_tests(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|attribute| match &attribute.meta {
        Meta::List(list) => list.path.is_ident("cfg") && list.tokens.to_string() == "test",
        _ => false,
    })
}

fn words(code: &str) -> BTreeMap<String, usize> {
    let mut words = BTreeMap::new();
    for word in code.split(|c| !is_of_word(c)).filter(|word| !word.is_empty()) {
        *words.entry(word.to_owned()).or_default() += 1;
    }
    words
}

fn is_of_word(character: char) -> bool {
    character.is_alphanumeric() || character == '_'
}
