//! The public items of a crate, and the documentation of each.

use std::path::Path;

use anyhow::{Context, Result};
use syn::{Attribute, Fields, ImplItem, Meta, TraitItem, Visibility};

use super::required::{is_error, makes_itself};
use super::text::{first_sentence, has_example, text_of};
use crate::source::{parse, source_files};

/// A public item with documentation.
pub(super) struct Item {
    /// The crate, the type and the name, without private modules: files can move.
    pub(super) path: String,
    pub(super) first_sentence: String,
    /// True if the documentation has a code block of Rust.
    pub(super) has_example: bool,
    pub(super) kind: Kind,
}

/// The kind of an item, which decides on the rules for its documentation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// A field or a variant.
    Part,
    /// A constructor, a builder method or an error: its documentation needs an example.
    WithExample,
    Other,
}

impl Kind {
    const fn with_example(needed: bool) -> Self {
        if needed { Self::WithExample } else { Self::Other }
    }
}

/// Reads the public items of a crate from the folder of its source.
pub(super) fn items(name: &str, source: &Path) -> Result<Vec<Item>> {
    let mut reader = Reader { name, items: Vec::new() };
    for file in source_files(source)? {
        reader.read_file(&file).with_context(|| file.display().to_string())?;
    }
    Ok(reader.items)
}

struct Reader<'a> {
    name: &'a str,
    items: Vec<Item>,
}

impl Reader<'_> {
    fn read_file(&mut self, path: &Path) -> Result<()> {
        let file = parse(path)?;
        let folder = path.parent().unwrap_or(path);
        if path.file_name().is_some_and(|name| name == "lib.rs") {
            self.add_documented("", &text_of(&file.attrs, folder)?, Kind::Other);
        }
        file.items.iter().try_for_each(|item| self.read_item(item, folder))
    }

    fn read_item(&mut self, item: &syn::Item, folder: &Path) -> Result<()> {
        match item {
            syn::Item::Const(item) => self.add(&item.vis, &item.ident, &item.attrs, folder),
            syn::Item::Fn(item) => self.add(&item.vis, &item.sig.ident, &item.attrs, folder),
            syn::Item::Static(item) => self.add(&item.vis, &item.ident, &item.attrs, folder),
            syn::Item::Type(item) => self.add(&item.vis, &item.ident, &item.attrs, folder),
            syn::Item::Struct(item) => {
                self.add(&item.vis, &item.ident, &item.attrs, folder)?;
                self.read_fields(&item.vis, &item.ident.to_string(), &item.fields)
            }
            syn::Item::Enum(item) => {
                self.add(&item.vis, &item.ident, &item.attrs, folder)?;
                for variant in item.variants.iter().filter(|_| is_public(&item.vis)) {
                    let path = format!("{}::{}", item.ident, variant.ident);
                    self.add_documented(&path, &text_of(&variant.attrs, folder)?, Kind::Part);
                    for field in &variant.fields {
                        self.read_field(&path, field)?;
                    }
                }
                Ok(())
            }
            syn::Item::Trait(item) => {
                self.add(&item.vis, &item.ident, &item.attrs, folder)?;
                for member in item.items.iter().filter(|_| is_public(&item.vis)) {
                    if let TraitItem::Fn(function) = member {
                        let path = format!("{}::{}", item.ident, function.sig.ident);
                        self.add_documented(&path, &text_of(&function.attrs, folder)?, Kind::Other);
                    }
                }
                Ok(())
            }
            syn::Item::Impl(block) => self.read_impl(block, folder),
            syn::Item::Mod(module) => self.read_module(module, folder),
            _ => Ok(()),
        }
    }

    fn read_impl(&mut self, block: &syn::ItemImpl, folder: &Path) -> Result<()> {
        let (None, syn::Type::Path(of)) = (&block.trait_, &*block.self_ty) else { return Ok(()) };
        let of = of.path.segments.last().map(|segment| segment.ident.to_string()).unwrap_or_default();
        for member in &block.items {
            let (vis, name, attributes, kind) = match member {
                ImplItem::Fn(call) => (
                    &call.vis,
                    &call.sig.ident,
                    &call.attrs,
                    Kind::with_example(makes_itself(&of, &call.sig)),
                ),
                ImplItem::Const(constant) => (&constant.vis, &constant.ident, &constant.attrs, Kind::Other),
                _ => continue,
            };
            if is_public(vis) {
                self.add_documented(&format!("{of}::{name}"), &text_of(attributes, folder)?, kind);
            }
        }
        Ok(())
    }

    /// Reads a module that is written in the file, and the documentation of a public one in another file.
    fn read_module(&mut self, module: &syn::ItemMod, folder: &Path) -> Result<()> {
        if module.attrs.iter().any(is_for_tests) {
            return Ok(());
        }
        self.add(&module.vis, &module.ident, &module.attrs, folder)?;
        if let Some((_, items)) = &module.content {
            return items.iter().try_for_each(|item| self.read_item(item, folder));
        }
        let file = folder.join(format!("{}.rs", module.ident));
        if is_public(&module.vis) && file.is_file() {
            let inner = parse(&file)?;
            self.add_documented(&module.ident.to_string(), &text_of(&inner.attrs, folder)?, Kind::Other);
        }
        Ok(())
    }

    fn read_fields(&mut self, vis: &Visibility, of: &str, fields: &Fields) -> Result<()> {
        let public = fields.iter().filter(|field| is_public(vis) && is_public(&field.vis));
        public.clone().try_for_each(|field| self.read_field(of, field))
    }

    fn read_field(&mut self, of: &str, field: &syn::Field) -> Result<()> {
        if let Some(name) = &field.ident {
            self.add_documented(&format!("{of}::{name}"), &text_of(&field.attrs, Path::new(""))?, Kind::Part);
        }
        Ok(())
    }

    fn add(
        &mut self,
        vis: &Visibility,
        name: &syn::Ident,
        attributes: &[Attribute],
        folder: &Path,
    ) -> Result<()> {
        if is_public(vis) {
            let kind = Kind::with_example(is_error(attributes));
            self.add_documented(&name.to_string(), &text_of(attributes, folder)?, kind);
        }
        Ok(())
    }

    /// Adds an item that has documentation. The lint `missing_docs` finds the others.
    fn add_documented(&mut self, path: &str, text: &str, kind: Kind) {
        if text.trim().is_empty() {
            return;
        }
        let path = if path.is_empty() { self.name.to_owned() } else { format!("{}::{path}", self.name) };
        let (first_sentence, has_example) = (first_sentence(text), has_example(text));
        self.items.push(Item { path, first_sentence, has_example, kind });
    }
}

fn is_public(vis: &Visibility) -> bool {
    matches!(vis, Visibility::Public(_))
}

fn is_for_tests(attribute: &Attribute) -> bool {
    matches!(&attribute.meta, Meta::List(list) if list.path.is_ident("cfg") && list.tokens.to_string() == "test")
}
