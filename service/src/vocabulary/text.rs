//! Checks of text and JSON values before they are stored.

use crate::vocabulary::InvalidInput;

/// Checks that a text fits a column and has no NUL character, which PostgreSQL cannot store.
pub(crate) fn check(what: &'static str, text: &str, max_chars: usize) -> Result<(), InvalidInput> {
    let refuse = |reason: String| Err(InvalidInput { what, value: text.to_owned(), reason });
    if text.contains('\0') {
        return refuse("contains a NUL character, which PostgreSQL cannot store; remove it".to_owned());
    }
    let chars = text.chars().count();
    if chars > max_chars {
        return refuse(format!("has {chars} characters; the maximum is {max_chars}"));
    }
    Ok(())
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

/// Checks that a JSON value has no NUL character, which PostgreSQL cannot store.
#[cfg(any(feature = "auth", feature = "booking", feature = "history"))]
pub(crate) fn check_json(what: &'static str, json: &serde_json::Value) -> Result<(), InvalidInput> {
    fn holds_nul(value: &serde_json::Value) -> bool {
        use serde_json::Value::{Array, Object, String};
        match value {
            String(text) => text.contains('\0'),
            Array(values) => values.iter().any(holds_nul),
            Object(fields) => fields.iter().any(|(name, value)| name.contains('\0') || holds_nul(value)),
            _ => false,
        }
    }
    if holds_nul(json) {
        let reason = "contains a NUL character, which PostgreSQL cannot store; remove it".to_owned();
        return Err(InvalidInput { what, value: json.to_string(), reason });
    }
    Ok(())
}

/// Checks that a JSON value is an object, and then as [`check_json`] does.
#[cfg(any(feature = "auth", feature = "booking"))]
pub(crate) fn check_object(what: &'static str, json: &serde_json::Value) -> Result<(), InvalidInput> {
    if !json.is_object() {
        let reason = "is not a JSON object; pass a JSON object".to_owned();
        return Err(InvalidInput { what, value: json.to_string(), reason });
    }
    check_json(what, json)
}

/// Checks that a text is a word: not empty, not too long, without white space and control characters.
pub(crate) fn check_word(what: &'static str, text: &str, max_chars: usize) -> Result<(), InvalidInput> {
    let refuse = |reason: &str| Err(InvalidInput { what, value: text.to_owned(), reason: reason.to_owned() });
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
