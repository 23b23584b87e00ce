/// Which layers keep tenants apart at run time. The third, keys that hold the tenant, is in the schema.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Layers {
    /// Statements are rewritten, and row-level security holds under them: each alone would do.
    #[default]
    RewritingAndRowSecurity,
    /// Statements are rewritten; the tenant is not named to row-level security.
    ///
    /// For trusted SQL only. The planner is free to evaluate a predicate of the statement on a row before the guard that
    /// discards the row, so the error message of a predicate that fails can carry another tenant's value.
    ///
    /// Where row-level security is in force and binds the role, every read is empty: the start logs a warning then.
    RewritingOnly,
    /// Statements are sent as they are, any statement, and row-level security alone keeps tenants apart.
    ///
    /// For proving that the second layer holds alone; not for applications. A statement can leave behind on its
    /// connection what acts on later statements, so every statement outside a transaction and every transaction gets a
    /// new connection.
    UnscopedRowSecurityOnly,
}

impl Layers {
    pub(crate) const fn rewriting(self) -> bool {
        matches!(self, Self::RewritingAndRowSecurity | Self::RewritingOnly)
    }

    pub(crate) const fn row_security(self) -> bool {
        matches!(self, Self::RewritingAndRowSecurity | Self::UnscopedRowSecurityOnly)
    }
}
