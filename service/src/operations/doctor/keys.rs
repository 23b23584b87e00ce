//! Checks the third layer of isolation: keys and constraints that contain the tenant.

use super::expected::Expected;
use super::report::{Check, Finding, Severity};
use crate::operations::inspection::catalog::{Catalog, Constraint, Relation};
use crate::tenant::TENANT_COLUMN;
use watertight_schema::sql;

pub(super) fn check(catalog: &Catalog, expected: Expected<'_>, findings: &mut Vec<Finding>) {
    for relation in catalog.relations.iter().filter(|relation| relation.is_table()) {
        let constraints = catalog.constraints.of(relation);
        if expected.is_tenants(relation) {
            own_keys(catalog, relation, constraints, findings);
            for constraint in constraints {
                unvalidated(relation, constraint, findings);
            }
        }
        for key in constraints.iter().filter(|constraint| constraint.is_foreign_key()) {
            foreign_key(catalog, expected, relation, key, findings);
        }
        missing_foreign_keys(catalog, expected, relation, constraints, findings);
    }
}

fn own_keys(catalog: &Catalog, relation: &Relation, constraints: &[Constraint], findings: &mut Vec<Finding>) {
    let mut report = |severity, problem, remedy| {
        let object = relation.name().to_string();
        findings.push(Finding { severity, check: Check::TenantKey, object, problem, remedy });
    };
    let table = relation.quoted();
    if !constraints.iter().any(|constraint| constraint.kind == "p") {
        report(
            Severity::Error,
            "has no primary key".to_owned(),
            format!("ALTER TABLE {table} ADD PRIMARY KEY ({TENANT_COLUMN}, ..);"),
        );
    }
    let unique = catalog.indexes.of(relation).iter().filter(|index| index.is_unique);
    for index in unique.filter(|index| index.keys.first().is_none_or(|key| key != TENANT_COLUMN)) {
        let keys = index.keys.join(", ");
        let remedy = format!("recreate {} over ({TENANT_COLUMN}, ..)", index.name);
        if index.keys.iter().any(|key| key == TENANT_COLUMN) {
            let problem =
                format!("has the unique key {} ({keys}), which does not begin with tenant_id", index.name);
            report(Severity::Warning, problem, remedy);
        } else {
            let problem = format!(
                "has the unique key {} ({keys}), which is global: a value used by one tenant is rejected for \
                 every other",
                index.name
            );
            report(Severity::Error, problem, remedy);
        }
    }
    let exclusions = constraints.iter().filter(|constraint| constraint.kind == "x");
    for constraint in exclusions.filter(|constraint| !constraint.definition.contains(TENANT_COLUMN)) {
        report(
            Severity::Error,
            format!(
                "has the exclusion constraint {}, which is global: a row of one tenant excludes rows of every \
                 other",
                constraint.name
            ),
            format!("recreate {} with {TENANT_COLUMN}", constraint.name),
        );
    }
}

fn unvalidated(relation: &Relation, constraint: &Constraint, findings: &mut Vec<Finding>) {
    if constraint.validated {
        return;
    }
    let name = &constraint.name;
    findings.push(Finding {
        severity: if constraint.is_foreign_key() { Severity::Error } else { Severity::Warning },
        check: Check::UnvalidatedConstraint,
        object: relation.name().to_string(),
        problem: format!("has the constraint {name}, which was never validated against the existing rows"),
        remedy: format!("ALTER TABLE {} VALIDATE CONSTRAINT {};", relation.quoted(), sql::identifier(name)),
    });
}

fn foreign_key(
    catalog: &Catalog,
    expected: Expected<'_>,
    relation: &Relation,
    key: &Constraint,
    findings: &mut Vec<Finding>,
) {
    let Some(target) = catalog.by_oid(key.referenced) else { return };
    if !expected.is_tenants(target) || key.holds_tenant(TENANT_COLUMN) {
        return;
    }
    let name = &key.name;
    let (problem, remedy) = if expected.is_tenants(relation) {
        let with_tenant = |columns: &[String]| {
            let columns: Vec<String> = columns.iter().map(|column| sql::identifier(column)).collect();
            format!("{TENANT_COLUMN}, {}", columns.join(", "))
        };
        (
            format!(
                "has the foreign key {name} without tenant_id: a row can refer to another tenant's row in {}",
                target.name()
            ),
            format!(
                "ALTER TABLE {table} DROP CONSTRAINT {key}, ADD FOREIGN KEY ({from}) REFERENCES {to} ({columns});",
                table = relation.quoted(),
                key = sql::identifier(name),
                from = with_tenant(&key.columns),
                to = target.quoted(),
                columns = with_tenant(&key.referenced_columns),
            ),
        )
    } else {
        (
            format!(
                "has no tenant_id, but its foreign key {name} refers to rows of tenants in {}",
                target.name()
            ),
            format!("add {TENANT_COLUMN} to the table and to {name}"),
        )
    };
    let object = relation.name().to_string();
    findings.push(Finding { severity: Severity::Error, check: Check::ForeignKey, object, problem, remedy });
}

/// Reports references that an entity declares and no foreign key enforces.
fn missing_foreign_keys(
    catalog: &Catalog,
    expected: Expected<'_>,
    relation: &Relation,
    constraints: &[Constraint],
    findings: &mut Vec<Finding>,
) {
    let Some(registered) = expected.registry.table(&relation.name()) else { return };
    for reference in &registered.references {
        let Some(target) = catalog.relation(&expected.registry.referenced(reference)) else { continue };
        let column = |(from, _): &&(String, String)| from != TENANT_COLUMN;
        let columns: Vec<&str> =
            reference.columns.iter().filter(column).map(|(from, _)| from.as_str()).collect();
        let keeps = |key: &&Constraint| {
            key.is_foreign_key()
                && key.referenced == target.oid
                && columns.iter().all(|column| key.columns.iter().any(|of_key| of_key == column))
        };
        if !constraints.iter().any(|key| keeps(&key)) {
            let list = |side: fn(&(String, String)) -> &String| {
                reference
                    .columns
                    .iter()
                    .map(|pair| sql::identifier(side(pair)))
                    .collect::<Vec<_>>()
                    .join(", ")
            };
            findings.push(Finding {
                severity: Severity::Error,
                check: Check::ForeignKey,
                object: relation.name().to_string(),
                problem: format!("has no foreign key from {} to {}", columns.join(", "), target.name()),
                remedy: format!(
                    "ALTER TABLE {} ADD FOREIGN KEY ({}) REFERENCES {} ({});",
                    relation.quoted(),
                    list(|(from, _)| from),
                    target.quoted(),
                    list(|(_, to)| to),
                ),
            });
        }
    }
}
