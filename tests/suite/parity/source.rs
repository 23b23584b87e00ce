//! The public methods of a crate's types and traits, read from its source.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};
use syn::{ImplItem, Item, TraitItem, Type, Visibility};

use crate::source::{parse, source_files};

/// Methods by the name of their type or trait.
#[derive(Debug, Default)]
pub(crate) struct Methods(BTreeMap<String, BTreeSet<String>>);

impl Methods {
    /// The public inherent methods of types, and all methods of traits, in the files below a folder.
    pub(crate) fn in_folder(folder: &Path) -> Result<Self> {
        let mut methods = Self::default();
        for file in source_files(folder)? {
            parse(&file)?.items.iter().for_each(|item| methods.add(item));
        }
        Ok(methods)
    }

    pub(crate) fn of(&self, owner: &str) -> impl Iterator<Item = &str> {
        self.0.get(owner).into_iter().flatten().map(String::as_str)
    }

    pub(crate) fn has(&self, owner: &str, method: &str) -> bool {
        self.0.get(owner).is_some_and(|methods| methods.contains(method))
    }

    fn add(&mut self, item: &Item) {
        match item {
            Item::Impl(block) if block.trait_.is_none() => {
                let Type::Path(of) = &*block.self_ty else { return };
                let Some(of) = of.path.segments.last() else { return };
                let public = block.items.iter().filter_map(|item| match item {
                    ImplItem::Fn(function) if matches!(function.vis, Visibility::Public(_)) => {
                        Some(function.sig.ident.to_string())
                    }
                    _ => None,
                });
                self.0.entry(of.ident.to_string()).or_default().extend(public);
            }
            Item::Trait(declared) => {
                let all = declared.items.iter().filter_map(|item| match item {
                    TraitItem::Fn(function) => Some(function.sig.ident.to_string()),
                    _ => None,
                });
                self.0.entry(declared.ident.to_string()).or_default().extend(all);
            }
            Item::Mod(inline) => {
                inline.content.iter().flat_map(|(_, items)| items).for_each(|item| self.add(item));
            }
            _ => {}
        }
    }
}

/// The source folder of a package that this workspace depends on.
pub(crate) fn sources_of(package: &str) -> Result<PathBuf> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo)
        .args(["metadata", "--format-version", "1", "--locked", "--offline"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .context("cargo metadata does not start")?;
    ensure!(output.status.success(), "cargo metadata: {}", String::from_utf8_lossy(&output.stderr));
    let metadata: serde_json::Value = serde_json::from_slice(&output.stdout)?;
    let manifest = metadata["packages"]
        .as_array()
        .into_iter()
        .flatten()
        .find(|found| found["name"] == package)
        .and_then(|found| found["manifest_path"].as_str())
        .with_context(|| format!("{package} is not among the dependencies"))?;
    Ok(Path::new(manifest).with_file_name("src"))
}
