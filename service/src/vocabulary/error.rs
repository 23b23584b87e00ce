//! Errors that several domains share.

/// An input value is invalid.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{what} {value:?} {reason}")]
#[non_exhaustive]
pub struct InvalidInput {
    /// The name of the input, such as `email`.
    pub what: &'static str,
    /// The value.
    pub value: String,
    /// The rule that the value breaks, and the remedy.
    pub reason: String,
}

impl InvalidInput {
    /// Creates the error for an invalid value. The reason follows the value in the message: `is empty; give a
    /// name`.
    ///
    /// ```
    /// use watertight::InvalidInput;
    ///
    /// let error = InvalidInput::new("color", "mauve", "is not one of red, green; choose one of them");
    /// assert_eq!(error.to_string(), r#"color "mauve" is not one of red, green; choose one of them"#);
    /// ```
    #[must_use]
    pub fn new(what: &'static str, value: impl Into<String>, reason: impl Into<String>) -> Self {
        Self { what, value: value.into(), reason: reason.into() }
    }
}

/// A value in the database cannot be read as the type of its column.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{column} of a row cannot be read: {reason}; correct the row")]
#[non_exhaustive]
pub struct MalformedRow {
    /// The column, as `schema.table.column`.
    pub column: &'static str,
    /// The parser's message.
    pub reason: String,
}

impl MalformedRow {
    /// Creates the error for a value of a column, named as `schema.table.column`.
    #[must_use]
    pub fn new(column: &'static str, reason: impl Into<String>) -> Self {
        Self { column, reason: reason.into() }
    }
}

/// The operating system returned no random bytes, so no secret can be generated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the operating system returned no random bytes, so no secret can be generated; try again")]
#[non_exhaustive]
pub struct NoRandomness;
