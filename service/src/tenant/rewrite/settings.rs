//! Settings of the rewriter.

/// The choices of the builder that affect the rewriting.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Settings {
    /// Whether `EXPLAIN` is allowed. Its estimates come from statistics over the rows of all tenants.
    pub(crate) explain: bool,
    /// Whether each statement binds the token for row-level security.
    pub(crate) token: bool,
}
