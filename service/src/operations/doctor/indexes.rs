//! Checks the indexes that foreign keys need and those of watertight's own tables.

use super::expected::Expected;
use super::own_indexes::{OVERLAP_BY_EQUALITY, OWN_INDEXES, OwnIndex};
use super::remedy::{Remedy, Step};
use super::report::{Check, Finding, Severity};
use crate::operations::inspection::catalog::{Catalog, Constraint, Index, Relation};
use watertight_schema::sql;

pub(super) fn check(catalog: &Catalog, expected: Expected<'_>, findings: &mut Vec<Finding>) {
    for relation in catalog.relations.iter().filter(|relation| expected.is_tenants(relation)) {
        let indexes = catalog.indexes.of(relation);
        let mut report = |severity, problem, remedy| {
            let object = relation.name().to_string();
            findings.push(Finding::new(severity, Check::MissingIndex, object, problem, remedy));
        };
        for index in indexes.iter().filter(|index| !index.is_valid) {
            let name = sql::qualified(&relation.name().schema, &index.name);
            report(
                // An invalid unique index does not hold for rows from before its creation.
                if index.is_unique { Severity::Error } else { Severity::Warning },
                format!("has the invalid index {}, whose creation failed and which is not used", index.name),
                Remedy::owner(Step::Indexes, format!("REINDEX INDEX {name};")),
            );
        }
        for key in catalog.constraints.of(relation).iter().filter(|key| key.is_foreign_key()) {
            let columns = columns_of(catalog, expected, relation, key);
            if !indexes.iter().any(|index| serves(index, &columns)) {
                report(
                    // The scan reads the rows of all tenants, so one tenant slows the others down.
                    Severity::Warning,
                    format!(
                        "has no index for the foreign key {}: deleting a referenced row reads the whole table",
                        key.name
                    ),
                    Remedy::owner(
                        Step::Indexes,
                        format!("CREATE INDEX ON {} ({});", relation.quoted(), quote_all(&columns)),
                    ),
                );
            }
        }
        // Tables of a set that is not chosen are not checked.
        let chosen = expected.ownership(relation).map(|_| expected.registry.static_name(&relation.name()));
        for own in OWN_INDEXES.iter().filter(|own| chosen.as_deref() == Some(own.table)) {
            if let Some(on) = lacks(catalog, own, relation) {
                let severity = if own.forbids { Severity::Error } else { Severity::Warning };
                let problem = format!("has no index {} over ({}){on}", own.name, own.keys.join(", "));
                report(severity, problem, remedy(own, relation));
            }
        }
    }
}

/// Checks for a missing index, and returns the partition for the message, or nothing for the table.
///
/// An exclusion constraint can exist on each partition instead of the partitioned table.
fn lacks(catalog: &Catalog, own: &OwnIndex, relation: &Relation) -> Option<String> {
    let has = |table: &Relation| catalog.indexes.of(table).iter().any(|index| own.is(index));
    if has(relation) {
        return None;
    }
    let partitions = if own.excludes { catalog.partitions(relation) } else { Vec::new() };
    if partitions.is_empty() {
        return Some(String::new());
    }
    let partition = partitions.into_iter().find(|partition| !has(partition))?;
    Some(format!(" on its partition {}", partition.name()))
}

/// The columns of a foreign key. A key to a tenant table gets the tenant column by another remedy.
fn columns_of(
    catalog: &Catalog,
    expected: Expected<'_>,
    relation: &Relation,
    key: &Constraint,
) -> Vec<String> {
    let tenant = expected.tenant_column(&relation.name()).to_owned();
    let to_tenants = catalog.by_oid(key.referenced).is_some_and(|target| expected.is_tenants(target));
    let mut columns = key.columns.clone();
    if to_tenants && relation.has_tenant && !columns.contains(&tenant) {
        columns.insert(0, tenant);
    }
    columns
}

/// Whether the index begins with the columns of a key, in any order.
fn serves(index: &Index, columns: &[String]) -> bool {
    let first = index.keys.get(..columns.len()).unwrap_or_default();
    // PostgreSQL prints a column name that is a keyword in quotes.
    let leads = |column: &String| first.iter().any(|key| key.trim_matches('"') == column);
    index.is_valid && !index.is_partial && !first.is_empty() && columns.iter().all(leads)
}

fn remedy(own: &OwnIndex, relation: &Relation) -> Remedy {
    let (table, name) = (relation.quoted(), sql::identifier(own.name));
    match (own.excludes, own.forbids) {
        (true, _) => {
            Remedy::action(format!("recreate the constraint {name} as in the migrations of watertight"))
        }
        (false, true) => Remedy::owner(
            Step::Keys,
            format!("ALTER TABLE {table} ADD CONSTRAINT {name} UNIQUE ({});", own.keys.join(", ")),
        ),
        (false, false) => {
            Remedy::owner(Step::Indexes, format!("CREATE INDEX {name} ON {table} ({});", own.keys.join(", ")))
        }
    }
}

fn quote_all(columns: &[String]) -> String {
    columns.iter().map(|column| sql::identifier(column)).collect::<Vec<_>>().join(", ")
}

impl OwnIndex {
    fn is(&self, index: &Index) -> bool {
        let is_made_by_equality = || self.excludes && index.keys == OVERLAP_BY_EQUALITY;
        (index.keys == self.keys || is_made_by_equality())
            && (index.is_unique || !self.forbids || self.excludes)
    }
}
