//! Validation of answers against a form's schema.

use jsonschema::{PatternOptions, Validator};
use serde_json::Value as Json;

use super::budget;
use crate::booking::BookingError;
use crate::booking::violation::Violation;
use crate::vocabulary::{InvalidInput, limits};

/// Checks the schema of a form before it is saved.
pub(super) async fn check(schema: &Json) -> Result<(), BookingError> {
    budget::check(schema, true)?;
    let schema = schema.clone();
    off_the_async_threads(move || validator(&schema, true).map(|_| ())).await
}

/// The violations of a stored form's schema by answers.
pub(super) async fn stored_violations(schema: Json, responses: Json) -> Result<Vec<Violation>, BookingError> {
    off_the_async_threads(move || violations(&schema, &responses)).await
}

async fn off_the_async_threads<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, BookingError> + Send + 'static,
) -> Result<T, BookingError> {
    tokio::task::spawn_blocking(work).await.map_err(|_| BookingError::RuntimeStopped)?
}

/// A validator of a JSON Schema within the limits. Patterns run in linear time, formats are checked, and no reference
/// is fetched. A form that is saved has only known formats.
fn validator(schema: &Json, saved: bool) -> Result<Validator, BookingError> {
    let options = jsonschema::options()
        .with_pattern_options(PatternOptions::regex().size_limit(limits::FORM_PATTERN_BYTES))
        .should_validate_formats(true)
        .should_ignore_unknown_formats(!saved);
    options.build(schema).map_err(|error| {
        let reason = format!("is not valid JSON Schema: {error}");
        InvalidInput::new("form schema", error.instance_path().to_string(), reason).into()
    })
}

/// The violations of a form's schema by answers, by path; empty when the answers match.
///
/// At most 100 violations are returned, and the end of a message of more than 1,000 characters is left out. Values of a
/// `format` are checked. Call this off the async threads when the schema or the answers are large.
///
/// ```
/// use serde_json::json;
/// use watertight::intake::violations;
///
/// let schema = json!({
///     "type": "object",
///     "required": ["allergies"],
///     "properties": {"age": {"type": "integer", "minimum": 0}},
/// });
/// let found = violations(&schema, &json!({"age": -3}))?;
/// assert_eq!(found.len(), 2);
/// assert_eq!((found[0].path.as_str(), found[1].path.as_str()), ("", "/age"));
/// # Ok::<(), watertight::Error>(())
/// ```
///
/// # Errors
/// [`BookingError::InvalidInput`] when the schema is not a JSON Schema, or when the schema or the answers exceed a limit.
pub fn violations(schema: &Json, responses: &Json) -> Result<Vec<Violation>, BookingError> {
    budget::check(schema, false)?.check(responses)?;
    let validator = validator(schema, false)?;
    let errors = validator.iter_errors(responses).take(limits::FORM_VIOLATIONS);
    let mut violations: Vec<_> = errors
        .map(|error| Violation {
            path: error.instance_path().to_string(),
            message: error.to_string().chars().take(limits::VIOLATION_CHARS).collect(),
        })
        .collect();
    violations.sort();
    Ok(violations)
}

#[cfg(test)]
mod tests;
