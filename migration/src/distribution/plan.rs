//! The plan of a distribution.

use std::fmt;

use watertight_schema::sql;

use super::catalog::Catalog;
use super::{Distribution, DistributionError, Violation};
use crate::catalog::Table;
use crate::m20260101_000007_no_double_booking as no_double_booking;
use crate::name::Name;
use crate::{TableSet, script, tenant_context};
use crate::{
    m20260101_000013_occupied_spans as occupied_spans, m20260101_000014_booking_payments as booking_payments,
    m20260101_000015_ended_sessions as ended_sessions,
};

/// The plan of a distribution: the violations, and the SQL that distributes the tables.
///
/// It prints a script that `psql` runs unchanged on the coordinator. Violations come first, as comments. Do
/// not run a script with violations.
#[derive(Clone, Debug)]
pub struct DistributionPlan {
    extension: Option<String>,
    pub(super) signed: bool,
    pub(super) violations: Vec<Violation>,
    pub(super) tables: Vec<Name>,
    pub(super) before: Vec<String>,
    pub(super) distributing: Vec<String>,
    pub(super) after: Vec<String>,
}

impl DistributionPlan {
    pub(super) fn draw(distribution: &Distribution, catalog: &Catalog, violations: Vec<Violation>) -> Self {
        let Distribution { settings, without_overlap_constraints, .. } = distribution;
        let tenant_tables = catalog.in_order();
        let reference_tables: Vec<&Table> =
            catalog.reference_tables.iter().filter(|table| !catalog.is_placed(table)).collect();
        let new: Vec<&Table> = reference_tables.iter().chain(&tenant_tables).copied().collect();
        let tables: Vec<Name> = new.iter().map(|table| table.id()).collect();
        let (mut before, mut distributing, mut after) = (Vec::new(), Vec::new(), Vec::new());
        if !tables.is_empty() {
            // Citus then uses one connection to each machine, so that a statement sees the effects of earlier
            // ones.
            before.push("SET LOCAL citus.multi_shard_modify_mode = 'sequential'".to_owned());
            // The rules have already checked the triggers.
            before.push("SET LOCAL citus.enable_unsafe_triggers = on".to_owned());
            let all: Vec<String> = tables.iter().map(Name::quoted).collect();
            before.push(format!("LOCK TABLE {} IN ACCESS EXCLUSIVE MODE", all.join(", ")));
        }
        if catalog.function_is_local {
            // The other machines have no function that the released form does not create.
            distributing.extend(tenant_context::Mode::Unsigned.released(settings.tenant_type()));
            distributing.push("SELECT create_distributed_function('watertight.tenant()')".to_owned());
        }
        if !tables.is_empty() {
            distributing.push(tenant_context::policies_without_subselect());
        }
        // Citus copies rows with COPY, which rejects a table whose policies bind the owner.
        for table in new.iter().filter(|table| table.forced) {
            before.push(format!("ALTER TABLE {} NO FORCE ROW LEVEL SECURITY", table.id().quoted()));
            after.push(format!("ALTER TABLE {} FORCE ROW LEVEL SECURITY", table.id().quoted()));
        }
        if !catalog.overlaps.is_empty() && !*without_overlap_constraints && !catalog.has_btree_gist {
            distributing.push("CREATE EXTENSION btree_gist SCHEMA public".to_owned());
        }
        let (auth, users) = (settings.table_sets().schema(TableSet::Auth), "users");
        if tables.contains(&Name::new(auth, users)) {
            distributing.push(ended_sessions::dropping(settings));
        }
        for (trigger, table) in &catalog.ledger_triggers {
            distributing.push(booking_payments::dropped(settings, trigger, table));
        }
        for table in &catalog.overlaps {
            distributing.push(no_double_booking::dropping(settings, table));
            if !*without_overlap_constraints {
                distributing.extend(occupied_spans::by_equality(settings, table));
            }
        }
        let references = reference_tables
            .iter()
            .map(|table| format!("SELECT create_reference_table({})", literal(&table.id())));
        distributing.extend(references);
        let anchor = catalog.anchor().or(tenant_tables.first().copied());
        for table in &tenant_tables {
            let beside = anchor.filter(|anchor| anchor.oid != table.oid).map(|anchor| anchor.id().quoted());
            distributing.push(format!(
                "SELECT create_distributed_table({}, {}, colocate_with => {})",
                literal(&table.id()),
                sql::literal(table.tenant_column.as_deref().unwrap_or_default()),
                sql::literal(beside.as_deref().unwrap_or("none"))
            ));
        }
        // The coordinator still has the copied rows, which would survive the erasure of a tenant.
        let emptied = new.iter().rev().map(|table| {
            format!("SELECT truncate_local_data_after_distributing_table({})", literal(&table.id()))
        });
        after.splice(0..0, emptied);
        if catalog.type_is_local {
            // Citus copies a type to the other machines when the type is created, or when a column has it.
            after.extend(tenant_context::token_type());
        }
        let extension = catalog.extension.clone();
        Self { extension, signed: catalog.signed, violations, tables, before, distributing, after }
    }

    /// The version of Citus in the database; `None` if Citus is not installed.
    #[must_use]
    pub fn extension(&self) -> Option<&str> {
        self.extension.as_deref()
    }

    /// Every violation. The tables can be distributed when there are none.
    #[must_use]
    pub fn violations(&self) -> &[Violation] {
        &self.violations
    }

    /// The SQL that distributes the tables, in order.
    ///
    /// Run it in one transaction with the isolation level `READ COMMITTED`.
    /// [`Distribution::run`](super::Distribution::run) runs exactly this SQL, and counts the rows.
    pub fn statements(&self) -> impl Iterator<Item = &str> {
        self.before.iter().chain(&self.distributing).chain(&self.after).map(String::as_str)
    }
}

impl fmt::Display for DistributionPlan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.extension.is_none() {
            script::comment(f, &DistributionError::NoExtension)?;
        }
        if self.signed {
            script::comment(f, &DistributionError::SignedTenant)?;
        }
        self.violations.iter().try_for_each(|violation| script::comment(f, violation))?;
        script::transaction(f, self.statements())
    }
}

/// A table's name as a string literal, for an argument of a function.
fn literal(table: &Name) -> String {
    sql::literal(&table.quoted())
}
