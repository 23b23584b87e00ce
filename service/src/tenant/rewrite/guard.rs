//! Guards: the conditions that restrict a relation to the rows of the tenant.

use watertight_schema::sql;

use super::super::registry::TableName;
use super::analysis::Analysis;
use super::identifier::identifier;
use super::tree::Node;
use super::{Walk, unsupported};

/// The prefix of the aliases of guards.
const GUARD: &str = "__tenant_";

impl Analysis<'_> {
    /// The tenant column of a table, as SQL writes it.
    pub(super) fn tenant_column(&self, table: &TableName) -> String {
        sql::identifier(self.registry.tenant_column(table))
    }

    /// The condition that restricts a relation to the tenant's own rows.
    pub(super) fn guard(&self, label_text: &str, table: &TableName) -> String {
        format!("{label_text}.{} = {}", self.tenant_column(table), self.tenant)
    }

    /// The condition that restricts a relation to the rows that the tenant reads.
    pub(super) fn reading_guard(&mut self, label_text: &str, table: &TableName) -> String {
        if !self.registry.has_rows_for_everyone(table) {
            return self.guard(label_text, table);
        }
        self.for_everyone = Some(table.to_string());
        let tenant_type = self.registry.tenant_type();
        format!(
            "{label_text}.{} IN ({}, {}::{tenant_type})",
            self.tenant_column(table),
            self.tenant,
            tenant_type.reserved()
        )
    }

    /// A guard to join to a table: a row without columns. The join only filters the rows, and the planner
    /// removes it.
    pub(super) fn guard_join(&mut self, label_text: &str, table: &TableName) -> String {
        self.guards += 1;
        let number = self.guards;
        format!(" JOIN (SELECT) AS \"{GUARD}{number}\" ON {})", self.reading_guard(label_text, table))
    }
}

/// Refuses a label in a statement that could be confused with the alias of a guard.
pub(super) fn check_label(label: Node<'_>) -> Walk {
    if identifier(label).starts_with(GUARD) {
        return unsupported(format!("names that begin with {GUARD}"));
    }
    Ok(())
}
