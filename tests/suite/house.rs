//! The service crate's modules import downward: a room, which is a top-level module, imports only rooms below it. Few
//! files import one another in a circle.
//!
//! An import is a `use`, or a path in code or in a macro that begins at `crate`, `super`, `self` or a child module.
//! It points to the file that defines the item, even through several `pub use`. Code under `#[cfg(test)]` does not
//! count. Method calls do not count either, because they name no module.

mod circles;
mod imports;
mod modules;
mod reader;

use std::collections::BTreeSet;
use std::path::Path;

use anyhow::Result;

use self::circles::largest;
use self::imports::imports;
use self::modules::Modules;

/// The rooms from top to bottom. Rooms on the same floor may import one another.
const FLOORS: [&[&str]; 12] = [
    &["lib"],
    &["guide"],
    &["prelude"],
    &["web"],
    &["watertight", "builder"],
    &["error"],
    &["operations"],
    &["auth"],
    &["booking"],
    &["schema"],
    &["tenant"],
    &["vocabulary"],
];

/// The most files that may import one another in a circle.
const LARGEST_CIRCLE: usize = 6;

fn service() -> Result<Modules> {
    Modules::read(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../service/src"))
}

fn floor(room: &str) -> usize {
    FLOORS
        .iter()
        .position(|rooms| rooms.contains(&room))
        .unwrap_or_else(|| panic!("the room `{room}` has no floor: add it to FLOORS"))
}

#[test]
fn rooms_import_only_rooms_below() -> Result<()> {
    let service = service()?;
    let mut upward = BTreeSet::new();
    for (from, to) in imports(&service) {
        let (room, imported) = (service.room(from), service.room(to));
        if room != imported && floor(room) > floor(imported) {
            upward.insert(format!("{} imports {}", service.name(from), service.name(to)));
        }
    }
    assert!(upward.is_empty(), "imports that point up: {upward:#?}");
    Ok(())
}

#[test]
fn no_large_circle_of_files_imports_one_another() -> Result<()> {
    let service = service()?;
    let circle = largest(&imports(&service));
    let names: Vec<_> = circle.iter().map(|file| service.name(*file)).collect();
    println!("{} files; the largest circle has {}: {names:?}", service.len(), circle.len());
    assert!(circle.len() <= LARGEST_CIRCLE, "{} files import one another: {names:#?}", circle.len());
    Ok(())
}

/// The rules fail on a small crate that breaks them.
#[test]
fn imports_are_resolved_to_the_file_that_defines_the_item() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let write = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::create_dir_all(path.parent().expect("a folder"))?;
        std::fs::write(path, text)
    };
    write("lib.rs", "mod a; mod b; pub use crate::a::deep::Deep;")?;
    write(
        "a.rs",
        "mod deep; pub use self::deep::*; mod unused; use std::fmt::Debug; pub(crate) struct Flat;",
    )?;
    write("a/deep.rs", "pub struct Deep; #[cfg(test)] mod tests { use crate::b::B; } use super::Debug;")?;
    write(
        "a/unused.rs",
        "fn f() { let _ = matches!(1, crate::b::ONE); m!($crate::$b); let _: super::Flat; }",
    )?;
    write(
        "b.rs",
        "use crate::{Deep, a::{Flat}}; pub struct B; const ONE: u8 = 1; fn g() { inner::h() } mod inner { use super::B; pub fn h() {} }",
    )?;
    let modules = Modules::read(folder.path())?;
    let found: Vec<_> =
        imports(&modules).into_iter().map(|(from, to)| (modules.name(from), modules.name(to))).collect();
    assert_eq!(
        found,
        [("a/unused.rs", "a.rs"), ("a/unused.rs", "b.rs"), ("b.rs", "a.rs"), ("b.rs", "a/deep.rs")]
            .map(|(from, to)| (from.to_owned(), to.to_owned()))
    );
    assert_eq!(largest(&imports(&modules)).len(), 0);
    write("a/deep.rs", "pub struct Deep; fn f() -> crate::b::B { crate::b::B }")?;
    let modules = Modules::read(folder.path())?;
    assert_eq!(largest(&imports(&modules)).len(), 2, "b.rs and a/deep.rs");
    Ok(())
}
