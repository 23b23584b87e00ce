/// The layers of isolation that are in force at run time.
///
/// A third layer, keys that contain the tenant, is part of the database schema.
///
/// ```
/// use watertight::{Layers, Watertight};
///
/// assert_eq!(Layers::default(), Layers::RewritingAndRowSecurity);
/// let sql = Watertight::builder().rewriter()?.rewrite("DELETE FROM reviews", 0)?;
/// assert!(sql.ends_with("/* tenant $1, token $2 */"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Layers {
    /// Statements are rewritten, and row-level security filters their rows. Each layer alone isolates
    /// tenants.
    #[default]
    RewritingAndRowSecurity,
    /// Statements are rewritten, but the tenant is not set for row-level security.
    ///
    /// Use it only for trusted SQL. The planner may evaluate a predicate of the statement before the guard
    /// that discards a row, so the error message of a failing predicate can contain a value of another
    /// tenant.
    ///
    /// If row-level security applies to the role, every read would return no rows, so connecting fails with
    /// [`ConnectError::RowSecurityApplies`](crate::ConnectError::RowSecurityApplies).
    RewritingOnly,
    /// Every statement is sent unchanged, and only row-level security isolates tenants.
    ///
    /// It is meant for tests of the second layer and not for applications. A statement can change the state
    /// of its connection and so affect later statements. For this reason every transaction, and every
    /// statement outside a transaction, gets a new connection.
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
