//! The files of the guide: pages, and definitions of their labels.

use std::path::Path;

/// The folder of the pages.
const FOLDER: &str = "service/docs/";

/// The definitions that every build has.
pub(super) const LINKS: &str = "service/docs/links.md";

pub(super) fn is_page(file: &str) -> bool {
    file.starts_with(FOLDER) && has_extension(file, "md") && !has_definitions(file)
}

/// Whether a file defines the labels of other pages.
pub(super) fn has_definitions(file: &str) -> bool {
    file == LINKS || (file.starts_with("service/docs/links/") && has_extension(file, "md"))
}

/// The module of a page: `crate::guide::isolation`.
pub(super) fn module(page: &str) -> Option<String> {
    let name = page.strip_prefix(FOLDER)?.strip_suffix(".md")?;
    let name = if name == "guide/guide" { "guide" } else { name };
    Some(format!("crate::{}", name.replace('/', "::")))
}

/// The file that should define a path for rustdoc: paths of a feature have a file of their own.
pub(super) fn definitions_of(path: &str) -> String {
    let module = path.split('#').next().unwrap_or_default().split("::").nth(1).unwrap_or_default();
    let feature = match module {
        "auth" | "certificates" | "content" | "history" | "intake" => module,
        "scheduling" => "booking",
        "web" => "axum",
        _ => return LINKS.to_owned(),
    };
    format!("service/docs/links/{feature}.md")
}

fn has_extension(file: &str, expected: &str) -> bool {
    Path::new(file).extension().is_some_and(|extension| extension == expected)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_pages_or_definitions() {
        assert!(is_page("service/docs/guide/start.md") && is_page("service/docs/auth.md"));
        assert!(
            !is_page("service/docs/links.md")
                && !is_page("service/docs/links/auth.md")
                && !is_page("README.md")
        );
        assert!(has_definitions("service/docs/links.md") && has_definitions("service/docs/links/auth.md"));
        assert_eq!(module("service/docs/auth.md").as_deref(), Some("crate::auth"));
        assert_eq!(module("service/docs/guide/guide.md").as_deref(), Some("crate::guide"));
        assert_eq!(module("README.md"), None);
    }

    #[test]
    fn paths_of_a_feature_have_a_file() {
        assert_eq!(definitions_of("crate::scheduling::Slot"), "service/docs/links/booking.md");
        assert_eq!(definitions_of("crate::auth#lockout"), "service/docs/links/auth.md");
        assert_eq!(definitions_of("crate::Watertight"), LINKS);
        assert_eq!(
            definitions_of("https://docs.rs/watertight-migration/latest/watertight_migration/"),
            LINKS
        );
    }
}
