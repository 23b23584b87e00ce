//! The Rust files of a folder and the SQL of a page, for tests that read source code and documentation.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

/// The Rust files below a folder, in the order of their names.
pub(crate) fn source_files(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).with_context(|| folder.display().to_string())? {
        let path = entry?.path();
        if path.is_dir() {
            files.append(&mut source_files(&path)?);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

/// Parses a Rust file.
pub(crate) fn parse(file: &Path) -> Result<syn::File> {
    let text = std::fs::read_to_string(file).with_context(|| file.display().to_string())?;
    syn::parse_file(&text).with_context(|| file.display().to_string())
}

/// The blocks of SQL in a Markdown page.
pub(crate) fn sql_blocks(page: &str) -> impl Iterator<Item = &str> {
    page.split("```sql\n").skip(1).filter_map(|rest| rest.split("```").next())
}
