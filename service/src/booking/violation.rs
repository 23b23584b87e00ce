//! Violations of a form's schema.

use std::fmt;

use serde::Serialize;

/// A violation of a form's schema by an answer.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[non_exhaustive]
pub struct Violation {
    /// The place in the answers, as a JSON Pointer (RFC 6901); empty for the answers as a whole.
    pub path: String,
    /// The message of the schema validator.
    pub message: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = if self.path.is_empty() { "/" } else { &self.path };
        write!(f, "{path}: {}", self.message)
    }
}
