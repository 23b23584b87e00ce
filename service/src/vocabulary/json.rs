//! Checks of JSON values before they are stored.

use std::io;

use serde_json::Value as Json;

use super::{InvalidInput, limits, text};

/// Checks that a JSON value is within the limits and has no NUL character, which PostgreSQL cannot store. Returns the
/// number of its values.
pub(crate) fn check(what: &'static str, json: &Json) -> Result<usize, InvalidInput> {
    let refuse = |value: String, reason: String| Err(InvalidInput { what, value, reason });
    let mut values = 0;
    let mut has_nul = false;
    // The walk keeps its own stack, so that a deep value does not exhaust the thread's.
    let mut stack = vec![(json, 1)];
    while let Some((value, depth)) = stack.pop() {
        values += 1;
        if depth > limits::JSON_DEPTH {
            let reason = format!("is a level of nesting; the maximum is {}", limits::JSON_DEPTH);
            return refuse(depth.to_string(), reason);
        }
        if values > limits::JSON_VALUES {
            let reason = format!("is the number of its values; the maximum is {}", limits::JSON_VALUES);
            return refuse(format!("more than {}", limits::JSON_VALUES), reason);
        }
        match value {
            Json::String(text) => has_nul |= text.contains('\0'),
            Json::Array(items) => stack.extend(items.iter().map(|item| (item, depth + 1))),
            Json::Object(fields) => {
                has_nul |= fields.keys().any(|name| name.contains('\0'));
                stack.extend(fields.values().map(|field| (field, depth + 1)));
            }
            _ => {}
        }
    }
    let bytes = bytes(json);
    if bytes > limits::JSON_BYTES {
        let reason = format!("is its number of bytes as text; the maximum is {}", limits::JSON_BYTES);
        return refuse(bytes.to_string(), reason);
    }
    if has_nul {
        let reason = "contains a NUL character, which PostgreSQL cannot store; remove it".to_owned();
        return refuse(text::shown(&json.to_string()), reason);
    }
    Ok(values)
}

/// Checks an optional JSON value, as [`check`] does.
#[cfg(any(feature = "auth", feature = "intake", feature = "history"))]
pub(crate) fn check_optional(what: &'static str, json: Option<&Json>) -> Result<(), InvalidInput> {
    json.map_or(Ok(()), |json| check(what, json).map(drop))
}

/// Checks that a JSON value is an object, and then as [`check`] does.
#[cfg(any(feature = "auth", feature = "booking"))]
pub(crate) fn check_object(what: &'static str, json: &Json) -> Result<(), InvalidInput> {
    check(what, json)?;
    if !json.is_object() {
        let reason = "is not a JSON object; pass a JSON object".to_owned();
        return Err(InvalidInput { what, value: text::shown(&json.to_string()), reason });
    }
    Ok(())
}

fn bytes(json: &Json) -> usize {
    struct Counter(usize);
    impl io::Write for Counter {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0 += bytes.len();
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let mut counter = Counter(0);
    // Neither the counter nor a JSON value fails; a failure would count as too large.
    serde_json::to_writer(&mut counter, json).map_or(usize::MAX, |()| counter.0)
}

#[cfg(test)]
mod tests;
