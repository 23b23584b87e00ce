//! Paths of files in the repository, and relative paths between them.

use std::path::{Component, Path, PathBuf};

/// The path of a file in the repository, from a path that is relative to another file.
pub(super) fn resolved(file: &str, path: &str) -> String {
    let mut folder = PathBuf::from(file);
    folder.pop();
    for component in Path::new(path).components() {
        match component {
            Component::ParentDir => {
                folder.pop();
            }
            Component::Normal(name) => folder.push(name),
            _ => {}
        }
    }
    folder.to_string_lossy().into_owned()
}

/// The path that leads from a file to another.
pub(super) fn relative(file: &str, to: &str) -> String {
    let mut folders: Vec<_> = file.split('/').collect();
    let mut rest: Vec<_> = to.split('/').collect();
    folders.pop();
    while rest.len() > 1 && !folders.is_empty() && rest.first() == folders.first() {
        rest.remove(0);
        folders.remove(0);
    }
    std::iter::repeat_n("..", folders.len()).chain(rest).collect::<Vec<_>>().join("/")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_relative_to_a_file() {
        for (path, to) in [("../auth.md", "a/auth.md"), ("c.md", "a/b/c.md"), ("../../d.md", "d.md")] {
            assert_eq!(resolved("a/b/x.md", path), to);
            assert_eq!(relative("a/b/x.md", to), path);
        }
        assert_eq!(relative("a/x.md", "a/b/c.md"), "b/c.md");
    }
}
