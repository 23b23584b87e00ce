//! What an application allows in its statements.

/// The choices of the builder that decide about a statement.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Settings {
    /// Whether `EXPLAIN` is allowed, whose estimates come from statistics over all tenants' rows.
    pub(crate) explain: bool,
    /// Whether statements bring the token of row-level security along.
    pub(crate) token: bool,
}
