//! A file's modules, items and paths.

use std::collections::{BTreeMap, BTreeSet};

use syn::visit::{self, Visit};
use syn::{Attribute, Item, ItemFn, ItemImpl, ItemMod, ItemUse, Meta, UseTree, Visibility};

use super::modules::{Module, ModulePath, Use};

/// Reads one file, with the modules that are written in it.
pub(super) struct Reader<'a> {
    /// The number of times that each word is in the file.
    words: BTreeMap<String, usize>,
    file: usize,
    path: ModulePath,
    by_path: &'a mut BTreeMap<ModulePath, Module>,
    /// Modules in files of their own.
    pending: Vec<ModulePath>,
}

impl<'a> Reader<'a> {
    pub(super) fn new(
        text: &str,
        file: usize,
        path: ModulePath,
        by_path: &'a mut BTreeMap<ModulePath, Module>,
    ) -> Self {
        let code: String = text.lines().filter(|line| !line.trim_start().starts_with("//")).collect();
        Self { words: words(&code), file, path, by_path, pending: Vec::new() }
    }

    /// Reads the items of the file. Returns the modules that are in files of their own.
    pub(super) fn read(mut self, items: &[Item]) -> Vec<ModulePath> {
        self.add_module(items);
        self.pending
    }

    fn add_module(&mut self, items: &[Item]) {
        let module = Module { file: self.file, items: names(items), ..Module::default() };
        self.by_path.insert(self.path.clone(), module);
        for item in items {
            self.visit_item(item);
        }
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
            Some((_, items)) => self.add_module(items),
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

    /// `pub(in crate::a)` is not an import.
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
