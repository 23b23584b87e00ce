//! The lines that an author has to add.

use super::super::guide::Included;
use super::super::paths::relative;

/// Rustdoc finds the items of the guide's crate alone by their paths.
pub(super) fn for_rustdoc<'p>(path: &'p str, target: &'p str) -> &'p str {
    if path.starts_with("crate") { path } else { target }
}

pub(super) fn not_included(file: &str) -> String {
    let path = file.trim_start_matches("service/");
    let module = path.rsplit('/').next().unwrap_or_default().trim_end_matches(".md");
    format!(
        "rustdoc does not include this page: add `#[doc = include_str!(\"../docs/links.md\")] \
         #[doc = include_str!(\"../{path}\")] pub mod {module} {{}}` to service/src/guide.rs"
    )
}

pub(super) fn include_before(included: &Included, page: &str, definitions: &str) -> String {
    let Included { source, is_inner, .. } = included;
    let include = format!("include_str!(\"{}\")", relative(source, definitions));
    let feature = definitions.strip_prefix("service/docs/links/").and_then(|name| name.strip_suffix(".md"));
    let doc = match feature {
        Some(feature) => format!("cfg_attr(feature = \"{feature}\", doc = {include})"),
        None => format!("doc = {include}"),
    };
    let mark = if *is_inner { "!" } else { "" };
    format!("add `#{mark}[{doc}]` before the line that includes {page} in {source}")
}
