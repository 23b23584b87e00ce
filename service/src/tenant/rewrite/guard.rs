//! Guards: the conditions that restrict a relation to the rows of the tenant.

use super::super::registry::TENANT_COLUMN;
use super::analysis::Analysis;
use super::identifier::identifier;
use super::tree::Node;
use super::{Walk, unsupported};

/// The prefix of the aliases of guards.
const GUARD: &str = "__tenant_";

impl Analysis<'_> {
    /// The condition that restricts a relation to the tenant.
    pub(super) fn guard(&mut self, label_text: &str) -> String {
        format!("{label_text}.\"{TENANT_COLUMN}\" = {}", self.tenant)
    }

    /// A guard to join to a table: a row without columns. The join only filters the rows, and the planner
    /// removes it.
    pub(super) fn guard_join(&mut self, label_text: &str) -> String {
        self.guards += 1;
        let number = self.guards;
        format!(" JOIN (SELECT) AS \"{GUARD}{number}\" ON {})", self.guard(label_text))
    }
}

/// Refuses a label in a statement that could be confused with the alias of a guard.
pub(super) fn check_label(label: Node<'_>) -> Walk {
    if identifier(label).starts_with(GUARD) {
        return unsupported(format!("names that begin with {GUARD}"));
    }
    Ok(())
}
