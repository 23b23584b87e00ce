//! Checks the third layer of isolation: keys and constraints that contain the tenant.

use super::expected::Expected;
use super::key_remedies::{self, Key};
use super::remedy::{Remedy, RunAs, Step};
use super::report::{Check, Finding, Severity};
use crate::operations::inspection::catalog::{Catalog, Constraint, Index, Relation};
use watertight_schema::sql;

pub(super) fn check(catalog: &Catalog, expected: Expected<'_>, findings: &mut Vec<Finding>) {
    for relation in catalog.relations.iter().filter(|relation| relation.is_table()) {
        let constraints = catalog.constraints.of(relation);
        if expected.is_tenants(relation) {
            primary_key(catalog, expected, relation, findings);
            unique_keys(catalog, expected, relation, findings);
            exclusions(expected, relation, constraints, findings);
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

/// A table without a primary key weakens nothing, except that `ON CONFLICT` of watertight's own statements fails.
fn primary_key(catalog: &Catalog, expected: Expected<'_>, relation: &Relation, findings: &mut Vec<Finding>) {
    let name = relation.name();
    if catalog.constraints.of(relation).iter().any(|constraint| constraint.kind == "p") {
        return;
    }
    let tenant = sql::identifier(expected.tenant_column(&name));
    let has_id = catalog.columns.of(relation).iter().any(|column| column.name == "id" && column.required);
    let remedy = if has_id && relation.has_tenant && !relation.is_partition {
        let table = relation.quoted();
        Remedy::owner(Step::Keys, format!("ALTER TABLE {table} ADD PRIMARY KEY ({tenant}, \"id\");"))
    } else {
        Remedy::action(format!(
            "add a primary key over {tenant} and the columns that identify a row of a tenant"
        ))
    };
    let severity = if expected.is_own(&name) { Severity::Error } else { Severity::Warning };
    findings.push(Finding::new(severity, Check::TenantKey, name.to_string(), "has no primary key", remedy));
}

fn unique_keys(catalog: &Catalog, expected: Expected<'_>, relation: &Relation, findings: &mut Vec<Finding>) {
    let name = relation.name();
    let tenant = expected.tenant_column(&name);
    for index in catalog.indexes.of(relation).iter().filter(|index| index.is_unique) {
        let columns = index.columns();
        if columns.first().is_some_and(|first| *first == tenant)
            || index.constraint_kind.as_deref() == Some("x")
        {
            continue;
        }
        let keys = index.keys.join(", ");
        let key = Key { relation, index };
        let (severity, problem) = if columns.contains(&tenant) {
            // It isolates as well as a key that begins with the tenant, and serves fewer statements.
            (
                Severity::Note,
                format!("has the unique key {} ({keys}), which does not begin with {tenant}", index.name),
            )
        } else if !expected.is_own(&name) && is_generated(catalog, relation, index) {
            // A tenant does not choose these values, so a conflict reveals no content of another tenant.
            (
                Severity::Warning,
                format!(
                    "has the unique key {} ({keys}), which is global: an identifier that one tenant uses is \
                     rejected for every other",
                    index.name
                ),
            )
        } else {
            (
                Severity::Error,
                format!(
                    "has the unique key {} ({keys}), which is global: a value used by one tenant is rejected for \
                     every other",
                    index.name
                ),
            )
        };
        let remedy = key_remedies::replacing(catalog, expected, key);
        findings.push(Finding::new(severity, Check::TenantKey, name.to_string(), problem, remedy));
    }
}

/// Whether the values of a key are generated, or are identifiers of rows that a foreign key refers to.
fn is_generated(catalog: &Catalog, relation: &Relation, index: &Index) -> bool {
    let refers = |name: &str| {
        let mut keys = catalog.constraints.of(relation).iter().filter(|key| key.is_foreign_key());
        keys.any(|key| key.columns.iter().any(|column| column == name))
    };
    let columns = catalog.columns.of(relation);
    index.columns().iter().all(|name| {
        let column = columns.iter().find(|column| column.name == *name);
        let is_primary = index.constraint_kind.as_deref() == Some("p");
        column.is_some_and(|column| {
            column.data_type == "uuid" || (is_primary && column.has_default) || refers(&column.name)
        })
    })
}

fn exclusions(
    expected: Expected<'_>,
    relation: &Relation,
    constraints: &[Constraint],
    findings: &mut Vec<Finding>,
) {
    let name = relation.name();
    let tenant = expected.tenant_column(&name);
    let exclusions = constraints.iter().filter(|constraint| constraint.kind == "x");
    for constraint in exclusions.filter(|constraint| !constraint.definition.contains(tenant)) {
        findings.push(Finding::new(
            Severity::Error,
            Check::TenantKey,
            name.to_string(),
            format!(
                "has the exclusion constraint {}, which is global: a row of one tenant excludes rows of every \
                 other",
                constraint.name
            ),
            // The operator class that compares the tenant depends on the extensions of the server.
            Remedy::action(format!("recreate {} with {tenant}", constraint.name)),
        ));
    }
}

/// Existing rows can break a constraint that was never validated. Only foreign keys keep tenants apart.
fn unvalidated(relation: &Relation, constraint: &Constraint, findings: &mut Vec<Finding>) {
    if constraint.validated {
        return;
    }
    let name = &constraint.name;
    let sql = format!("ALTER TABLE {} VALIDATE CONSTRAINT {};", relation.quoted(), sql::identifier(name));
    findings.push(Finding::new(
        if constraint.is_foreign_key() { Severity::Error } else { Severity::Warning },
        Check::UnvalidatedConstraint,
        relation.name().to_string(),
        format!("has the constraint {name}, which was never validated against the existing rows"),
        Remedy::sql(Step::Validate, RunAs::Maintenance, sql),
    ));
}

fn foreign_key(
    catalog: &Catalog,
    expected: Expected<'_>,
    relation: &Relation,
    key: &Constraint,
    findings: &mut Vec<Finding>,
) {
    let Some(target) = catalog.by_oid(key.referenced) else { return };
    let (from, to) = (expected.tenant_column(&relation.name()), expected.tenant_column(&target.name()));
    if !expected.is_tenants(target) || key.holds_tenant(from, to) {
        return;
    }
    let name = &key.name;
    let (problem, remedy) = if expected.is_tenants(relation) && relation.has_tenant && target.has_tenant {
        (
            format!(
                "has the foreign key {name} without {from}: a row can refer to another tenant's row in {}",
                target.name()
            ),
            key_remedies::with_tenant(catalog, expected, relation, target, key),
        )
    } else {
        (
            format!(
                "has no {from}, but its foreign key {name} refers to rows of tenants in {}",
                target.name()
            ),
            Remedy::action(format!("add {from} to the table and to {name}")),
        )
    };
    let object = relation.name().to_string();
    findings.push(Finding::new(Severity::Error, Check::ForeignKey, object, problem, remedy));
}

/// Reports references that an entity declares and no foreign key enforces.
fn missing_foreign_keys(
    catalog: &Catalog,
    expected: Expected<'_>,
    relation: &Relation,
    constraints: &[Constraint],
    findings: &mut Vec<Finding>,
) {
    let name = relation.name();
    let Some(registered) = expected.registry.table(&name) else { return };
    let tenant = expected.tenant_column(&name);
    for reference in &registered.references {
        let Some(target) = catalog.relation(&expected.registry.referenced(reference)) else { continue };
        let pairs: Vec<&(String, String)> =
            reference.columns.iter().filter(|(from, _)| from != tenant).collect();
        let columns: Vec<&str> = pairs.iter().map(|(from, _)| from.as_str()).collect();
        let keeps = |key: &Constraint| {
            key.is_foreign_key()
                && key.referenced == target.oid
                && columns.iter().all(|column| key.columns.iter().any(|of_key| of_key == column))
        };
        if constraints.iter().any(keeps) {
            continue;
        }
        let own = expected.is_own(&name);
        let remedy = key_remedies::adding(catalog, expected, relation, target, &pairs);
        findings.push(Finding::new(
            // Without the key a row of an application's table can refer to a row that does not exist for its tenant. Both
            // layers still hide rows of other tenants.
            if own { Severity::Error } else { Severity::Warning },
            Check::ForeignKey,
            name.to_string(),
            format!("has no foreign key from {} to {}", columns.join(", "), target.name()),
            remedy,
        ));
    }
}
