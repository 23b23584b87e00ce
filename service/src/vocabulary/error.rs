//! Errors that several domains share.

/// An input value is invalid.
///
/// An application shows the rule next to the input, for example on a form:
///
/// ```
/// use watertight::InvalidInput;
/// use watertight::auth::Handle;
///
/// fn chosen_handle(typed: &str) -> Result<Handle, String> {
///     typed.parse().map_err(|error: InvalidInput| format!("The {} {}.", error.what, error.reason))
/// }
///
/// let note = "The handle contains @ or :; choose a handle without them.";
/// assert_eq!(chosen_handle("jess@example.com"), Err(note.to_owned()));
/// ```
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
///
/// The remedy is a correction of the row, so an application logs the column and answers with a general error:
///
/// ```
/// use watertight::{BookingError, MalformedRow};
///
/// fn answer(error: &BookingError) -> (u16, &'static str) {
///     match error {
///         BookingError::NotFound { .. } => (404, "Not found."),
///         BookingError::MalformedRow(row) => {
///             eprintln!("correct {}: {}", row.column, row.reason);
///             (500, "Something went wrong.")
///         }
///         _ => (500, "Something went wrong."),
///     }
/// }
///
/// let row = MalformedRow::new("public.business_profile.time_zone", "\"Berlin\" is no IANA time zone");
/// assert_eq!(answer(&row.into()).0, 500);
/// ```
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
    ///
    /// ```
    /// use watertight::{MalformedRow, auth::Email};
    ///
    /// /// Reads a column of a table of the application.
    /// fn supplier_email(stored: &str) -> Result<Email, MalformedRow> {
    ///     stored.parse().map_err(|error: watertight::InvalidInput| {
    ///         MalformedRow::new("public.suppliers.email", error.to_string())
    ///     })
    /// }
    ///
    /// let message = supplier_email("nobody").err().map(|error| error.to_string()).unwrap_or_default();
    /// assert!(message.starts_with("public.suppliers.email of a row cannot be read: email \"nobody\""));
    /// ```
    #[must_use]
    pub fn new(column: &'static str, reason: impl Into<String>) -> Self {
        Self { column, reason: reason.into() }
    }
}

/// The operating system returned no random bytes, so no secret can be generated.
///
/// The failure does not depend on the input, so the same call can succeed later:
///
/// ```
/// use watertight::auth::{AuthError, BackupCodes};
///
/// match BackupCodes::generate(10) {
///     Ok(codes) => assert_eq!(codes.expose_secrets().count(), 10),
///     Err(AuthError::NoRandomness(error)) => eprintln!("{error}"),
///     Err(other) => return Err(other),
/// }
/// # Ok::<(), AuthError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the operating system returned no random bytes, so no secret can be generated; try again")]
#[non_exhaustive]
pub struct NoRandomness;
