//! Checks of text and JSON values before they are stored.

#[cfg(any(feature = "auth", feature = "content"))]
use super::limits;
use crate::vocabulary::InvalidInput;

/// The most characters of a refused value in its error.
const SHOWN_CHARS: usize = 200;

/// Checks that a text fits a column and has no NUL character, which PostgreSQL cannot store.
pub(crate) fn check(what: &'static str, text: &str, max_chars: usize) -> Result<(), InvalidInput> {
    let refuse = |reason: String| Err(InvalidInput { what, value: shown(text), reason });
    if text.contains('\0') {
        return refuse("contains a NUL character, which PostgreSQL cannot store; remove it".to_owned());
    }
    let chars = text.chars().count();
    if chars > max_chars {
        return refuse(format!("has {chars} characters; the maximum is {max_chars}"));
    }
    Ok(())
}

/// The start of a refused value: an error of a long value is short.
pub(super) fn shown(text: &str) -> String {
    match text.char_indices().nth(SHOWN_CHARS) {
        Some((end, _)) => text.get(..end).unwrap_or_default().to_owned() + "...",
        None => text.to_owned(),
    }
}

/// Checks an optional text, as [`check`] does.
#[cfg(any(feature = "auth", feature = "content"))]
pub(crate) fn check_optional(
    what: &'static str,
    text: Option<&String>,
    max_chars: usize,
) -> Result<(), InvalidInput> {
    text.map_or(Ok(()), |text| check(what, text, max_chars))
}

/// Checks the length of a list.
#[cfg(any(feature = "auth", feature = "content"))]
pub(crate) fn check_list<T>(what: &'static str, list: &[T]) -> Result<(), InvalidInput> {
    check_items(what, list.len(), limits::LIST_ITEMS)
}

/// Checks a number of items.
#[cfg(any(feature = "auth", feature = "content", feature = "history"))]
pub(crate) fn check_items(what: &'static str, items: usize, max_items: usize) -> Result<(), InvalidInput> {
    if items > max_items {
        let reason = format!("is the number of items; the maximum is {max_items}");
        return Err(InvalidInput { what, value: items.to_string(), reason });
    }
    Ok(())
}

/// Checks that a text is a word: not empty, not too long, without white space and control characters.
pub(crate) fn check_word(what: &'static str, text: &str, max_chars: usize) -> Result<(), InvalidInput> {
    let refuse = |reason: &str| Err(InvalidInput { what, value: shown(text), reason: reason.to_owned() });
    if text.is_empty() {
        return refuse("is empty; enter at least one character");
    }
    if text.chars().any(|c| c.is_whitespace() || c.is_control()) {
        return refuse("contains white space or control characters; remove them");
    }
    check(what, text, max_chars)
}

/// Checks that a new name has no character that shows nothing or changes the direction of the text: such names look like
/// others. Stored names are not checked.
#[cfg(any(feature = "auth", feature = "content"))]
pub(crate) fn check_visible(what: &'static str, text: &str) -> Result<(), InvalidInput> {
    if text.contains(watertight_schema::text::is_invisible) {
        let reason = "contains invisible characters; type it again, without copying".to_owned();
        return Err(InvalidInput { what, value: text.to_owned(), reason });
    }
    Ok(())
}
