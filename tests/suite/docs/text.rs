//! The text of documentation: its first sentence and its examples.

use std::path::Path;

use anyhow::Result;
use syn::{Attribute, Expr, ExprLit, Lit, Meta};

/// The documentation in attributes, with the pages that are included.
pub(super) fn text_of(attributes: &[Attribute], folder: &Path) -> Result<String> {
    let mut text = String::new();
    for attribute in attributes {
        let Meta::NameValue(pair) = &attribute.meta else { continue };
        if !pair.path.is_ident("doc") {
            continue;
        }
        match &pair.value {
            Expr::Lit(ExprLit { lit: Lit::Str(line), .. }) => text.push_str(&line.value()),
            Expr::Macro(included) if included.mac.path.is_ident("include_str") => {
                let path: syn::LitStr = included.mac.parse_body()?;
                text.push_str(&std::fs::read_to_string(folder.join(path.value()))?);
            }
            // A code block that is built from a file.
            _ => text.push_str("```\n```"),
        }
        text.push('\n');
    }
    Ok(text)
}

/// The first sentence as it is shown: of the first paragraph, and without the targets of links.
pub(super) fn first_sentence(text: &str) -> String {
    let shown = text.lines().skip_while(|line| line.trim().is_empty() || is_definition(line));
    let paragraph = shown.take_while(|line| !line.trim().is_empty());
    let joined = without_targets(&paragraph.map(str::trim).collect::<Vec<_>>().join(" "));
    let ends = joined.match_indices(". ").chain(joined.match_indices("? "));
    let ends = ends.map(|(at, _)| at + 1).filter(|end| {
        // An abbreviation, or dots in code, end no sentence: the next word is capitalized.
        let next = joined.get(end + 1..).and_then(|rest| rest.trim_start_matches(['`', '[']).chars().next());
        next.is_some_and(|c| !c.is_lowercase()) && !joined.get(..*end).unwrap_or_default().ends_with("..")
    });
    match ends.min() {
        Some(end) => joined.get(..end).unwrap_or_default().to_owned(),
        None => joined,
    }
}

/// Returns true for `[label]: target`, which defines a link and is not shown.
fn is_definition(line: &str) -> bool {
    line.starts_with('[') && line.split_once("]: ").is_some_and(|(_, target)| !target.contains(' '))
}

/// Replaces `[text](target)`, `[text][label]` and `[text]` by the text.
fn without_targets(text: &str) -> String {
    let mut result = text.to_owned();
    for (opening, closing) in [("](", ')'), ("][", ']')] {
        let mut shown = String::new();
        let mut rest = result.as_str();
        while let Some((before, after)) = rest.split_once(opening) {
            shown.push_str(before);
            rest = after.split_once(closing).map_or("", |(_, after)| after);
        }
        shown.push_str(rest);
        result = shown;
    }
    result.replace(['[', ']'], "")
}

/// Returns true if the text has a code block of Rust.
pub(super) fn has_example(text: &str) -> bool {
    const RUST: [&str; 4] = ["rust", "no_run", "compile_fail", "should_panic"];
    let fences = text.lines().filter_map(|line| line.trim().strip_prefix("```"));
    // Each second fence closes a block.
    let mut opening = fences.step_by(2);
    opening.any(|info| info.is_empty() || RUST.iter().any(|language| info.starts_with(language)))
}
