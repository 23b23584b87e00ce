//! Limits of input, so that a value of one tenant does not decide how much the server works.
//!
//! The page "Limits of input" in the guide lists them.

/// The most characters of a text whose column has no limit.
pub(crate) const TEXT_CHARS: usize = 65_536;
/// The most items of a list.
#[cfg(any(feature = "auth", feature = "content"))]
pub(crate) const LIST_ITEMS: usize = 1_000;
/// The most bytes of a JSON value, as text.
#[cfg(any(feature = "auth", feature = "booking", feature = "history"))]
pub(crate) const JSON_BYTES: usize = 262_144;
/// The most values of a JSON value: objects, lists and what they contain.
#[cfg(any(feature = "auth", feature = "booking", feature = "history"))]
pub(crate) const JSON_VALUES: usize = 10_000;
/// The most levels of a JSON value.
#[cfg(any(feature = "auth", feature = "booking", feature = "history"))]
pub(crate) const JSON_DEPTH: usize = 32;
/// The most rows of one import of history, and audit events of one call.
#[cfg(any(feature = "auth", feature = "history"))]
pub(crate) const ROWS: usize = 10_000;
/// The most possible slots of a query: the steps of the opening hours, for each practitioner.
#[cfg(feature = "booking")]
pub(crate) const SLOTS: usize = 1_000_000;
/// The most schemas of a form, with the target of a reference counted for each reference to it.
#[cfg(feature = "intake")]
pub(crate) const FORM_SCHEMAS: usize = 2_000;
/// The most levels of schemas of a form, through references.
#[cfg(feature = "intake")]
pub(crate) const FORM_DEPTH: usize = 32;
/// The most checks of answers by a form: the schemas of the form and an eighth of its
/// choices, times the values of the answers.
#[cfg(feature = "intake")]
pub(crate) const FORM_CHECKS: usize = 250_000;
/// The most patterns of a form, counted as [`FORM_SCHEMAS`].
#[cfg(feature = "intake")]
pub(crate) const FORM_PATTERNS: usize = 100;
/// The most bytes of a compiled pattern.
#[cfg(feature = "intake")]
pub(crate) const FORM_PATTERN_BYTES: usize = 1_048_576;
/// The most violations of a form that are reported.
#[cfg(feature = "intake")]
pub(crate) const FORM_VIOLATIONS: usize = 100;
/// The most characters of a violation's message.
#[cfg(feature = "intake")]
pub(crate) const VIOLATION_CHARS: usize = 1_000;
