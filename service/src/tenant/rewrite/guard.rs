//! Guards: the conditions that keep a relation to the tenant's rows.

use super::super::registry::TENANT_COLUMN;
use super::analysis::Analysis;
use super::identifier::identifier;
use super::tree::Node;
use super::{Walk, unsupported};

/// The start of the aliases that guards have.
const GUARD: &str = "__tenant_";

impl Analysis<'_> {
    /// The condition that keeps a relation to the tenant.
    pub(super) fn guard(&mut self, label_text: &str) -> String {
        format!("{label_text}.\"{TENANT_COLUMN}\" = {}", self.tenant)
    }

    /// A guard that can be joined to a table: one row of no columns, so that the join is the table with its rows
    /// filtered, and the planner removes it.
    pub(super) fn guard_join(&mut self, label_text: &str) -> String {
        self.guards += 1;
        let number = self.guards;
        format!(" JOIN (SELECT) AS \"{GUARD}{number}\" ON {})", self.guard(label_text))
    }
}

/// A name by which the statement's own expressions refer to a relation.
pub(super) fn check_label(label: Node<'_>) -> Walk {
    if identifier(label).starts_with(GUARD) {
        return unsupported(format!("a name that begins with {GUARD}"));
    }
    Ok(())
}
