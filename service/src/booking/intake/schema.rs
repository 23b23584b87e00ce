//! Validation of answers against a form's schema.

use jsonschema::{PatternOptions, Validator};
use serde_json::Value as Json;

use crate::booking::BookingError;
use crate::booking::violation::Violation;
use crate::vocabulary::InvalidInput;

/// A validator of a JSON Schema. Patterns run in linear time, and no reference is fetched.
pub(super) fn validator(schema: &Json) -> Result<Validator, BookingError> {
    let options = jsonschema::options().with_pattern_options(PatternOptions::regex());
    options.build(schema).map_err(|error| {
        let reason = format!("is not valid JSON Schema: {error}");
        InvalidInput::new("form schema", error.instance_path().to_string(), reason).into()
    })
}

/// The violations of a form's schema by answers, by path; empty when the answers match.
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
/// [`BookingError::InvalidInput`] when the schema is not a JSON Schema.
pub fn violations(schema: &Json, responses: &Json) -> Result<Vec<Violation>, BookingError> {
    let validator = validator(schema)?;
    let errors = validator.iter_errors(responses);
    let mut violations: Vec<_> = errors
        .map(|error| Violation { path: error.instance_path().to_string(), message: error.to_string() })
        .collect();
    violations.sort();
    Ok(violations)
}
