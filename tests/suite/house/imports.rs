//! Imports from file to file.

use std::collections::BTreeSet;

use super::modules::{ModulePath, Modules};

/// A bound on the length of a chain of re-exports.
const LONGEST_CHAIN: usize = 16;

/// Every import of one file by another, as (importing file, file that defines the item).
pub(super) fn imports(modules: &Modules) -> BTreeSet<(usize, usize)> {
    let mut imports = BTreeSet::new();
    for (path, module) in modules.iter() {
        let used = module.uses.iter().filter(|used| !used.only_exports).map(|used| &used.path);
        for written in used.chain(&module.paths) {
            let target = match resolve(modules, path, written, 0) {
                Some(Place::Module(path)) => modules.get(&path).map(|module| module.file),
                Some(Place::Item { file }) => Some(file),
                None => None,
            };
            imports.extend(target.filter(|file| *file != module.file).map(|file| (module.file, file)));
        }
    }
    imports
}

enum Place {
    Module(ModulePath),
    /// An item that this file defines, or part of one, such as a variant.
    Item {
        file: usize,
    },
}

/// Resolves a path that is written in a module. `None` if it leads to another crate.
fn resolve(modules: &Modules, from: &[String], path: &[String], links: usize) -> Option<Place> {
    let (first, _) = path.split_first().filter(|_| links < LONGEST_CHAIN)?;
    let mut at = if first == "crate" { Vec::new() } else { from.to_vec() };
    let roots = path.iter().take_while(|step| ["crate", "self", "super"].contains(&step.as_str()));
    let mut rooted = 0;
    for step in roots {
        rooted += 1;
        if step == "super" {
            at.pop();
        }
    }
    if rooted == 0 {
        modules.get(&child(&at, first))?;
    }
    for step in path.iter().skip(rooted) {
        match member(modules, &at, step, links)? {
            Place::Module(inner) => at = inner,
            item @ Place::Item { .. } => return Some(item),
        }
    }
    Some(Place::Module(at))
}

/// Resolves a name in a module. A name that the module neither defines nor imports belongs to its file.
fn member(modules: &Modules, at: &ModulePath, name: &str, links: usize) -> Option<Place> {
    let module = modules.get(at)?;
    let inner = child(at, name);
    if modules.get(&inner).is_some() {
        return Some(Place::Module(inner));
    }
    if module.items.contains(name) {
        return Some(Place::Item { file: module.file });
    }
    if let Some(bound) = module.uses.iter().find(|used| used.name.as_deref() == Some(name)) {
        return resolve(modules, at, &bound.path, links + 1);
    }
    for glob in module.uses.iter().filter(|used| used.name.is_none()) {
        if let Some(Place::Module(of)) = resolve(modules, at, &glob.path, links + 1)
            && of != *at
            && modules.get(&of).is_some_and(|shown| shown.items.contains(name))
        {
            return member(modules, &of, name, links + 1);
        }
    }
    Some(Place::Item { file: module.file })
}

fn child(of: &[String], name: &str) -> ModulePath {
    of.iter().cloned().chain([name.to_owned()]).collect()
}
