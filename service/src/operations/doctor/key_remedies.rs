//! The remedies of keys: statements that put the tenant into unique keys and foreign keys.
//!
//! A foreign key needs a unique key over the columns that it refers to, and a unique key cannot be dropped while a foreign key
//! refers to it. The statements therefore drop foreign keys, replace keys, and add foreign keys, in this order.

use super::expected::Expected;
use super::remedy::{Remedy, RunAs, Step};
use crate::operations::inspection::catalog::{Catalog, Constraint, Index, Relation};
use watertight_schema::sql;

/// A unique key of a table.
#[derive(Clone, Copy)]
pub(super) struct Key<'a> {
    pub(super) relation: &'a Relation,
    pub(super) index: &'a Index,
}

/// The remedy that makes a key begin with the tenant.
pub(super) fn replacing(catalog: &Catalog, expected: Expected<'_>, key: Key<'_>) -> Remedy {
    let tenant = expected.tenant_column(&key.relation.name());
    statements(catalog, expected, key).unwrap_or_else(|| {
        let columns = if key.relation.is_partition { " of its partitioned table" } else { "" };
        Remedy::action(format!("recreate {}{columns} over ({tenant}, ..)", key.index.name))
    })
}

/// The statements that make a key begin with the tenant, if they are known.
fn statements(catalog: &Catalog, expected: Expected<'_>, Key { relation, index }: Key<'_>) -> Option<Remedy> {
    let tenant = expected.tenant_column(&relation.name());
    let columns = index.columns();
    let is_needed = dependents(catalog, relation, &columns).any(|(from, key)| {
        // Another remedy drops a foreign key without the tenant and adds it again.
        !expected.is_tenants(from) || key.columns.iter().any(|column| column == tenant)
    });
    if is_needed || relation.is_partition || !relation.has_tenant {
        return None;
    }
    let (table, name) = (relation.quoted(), sql::identifier(&index.name));
    let wanted =
        list(std::iter::once(tenant).chain(columns.iter().copied().filter(|column| *column != tenant)));
    let exists = has_key(catalog, relation, tenant, &columns);
    let sql = match index.constraint_kind.as_deref() {
        Some("u") if exists && !columns.contains(&tenant) => {
            format!("ALTER TABLE {table} DROP CONSTRAINT {name};")
        }
        Some(kind @ ("p" | "u")) => {
            let kind = if kind == "p" { "PRIMARY KEY" } else { "UNIQUE" };
            format!("ALTER TABLE {table} DROP CONSTRAINT {name}, ADD CONSTRAINT {name} {kind} ({wanted});")
        }
        None => {
            let definition = index.definition.as_ref().filter(|_| !columns.contains(&tenant))?;
            let drop = format!("DROP INDEX {}.{name};", sql::identifier(&relation.name().schema));
            format!(
                "{drop} CREATE UNIQUE INDEX {name} ON {table} USING btree ({}, {definition};",
                sql::identifier(tenant)
            )
        }
        Some(_) => return None,
    };
    Some(Remedy::owner(Step::Keys, sql))
}

/// The foreign keys that refer to exactly these columns of a table, each with its table.
fn dependents<'a>(
    catalog: &'a Catalog,
    relation: &'a Relation,
    columns: &'a [&'a str],
) -> impl Iterator<Item = (&'a Relation, &'a Constraint)> {
    let of = move |from: &'a Relation| {
        let keys = catalog.constraints.of(from).iter().filter(move |key| {
            key.is_foreign_key()
                && key.referenced == relation.oid
                && is_same(&key.referenced_columns, columns)
        });
        keys.map(move |key| (from, key))
    };
    catalog.relations.iter().flat_map(of)
}

fn is_same(some: &[String], others: &[&str]) -> bool {
    some.len() == others.len() && some.iter().all(|column| others.contains(&column.as_str()))
}

/// Whether a unique key is over the tenant and exactly these other columns.
fn has_key(catalog: &Catalog, relation: &Relation, tenant: &str, columns: &[&str]) -> bool {
    let others: Vec<&str> = columns.iter().copied().filter(|column| *column != tenant).collect();
    catalog.indexes.of(relation).iter().any(|index| {
        let keys = index.columns();
        index.is_unique
            && index.is_valid
            && !index.is_partial
            && keys.len() == others.len() + 1
            && keys.contains(&tenant)
            && others.iter().all(|column| keys.contains(column))
    })
}

/// The statement that adds the key that a foreign key needs, unless it exists or another remedy adds it.
fn needed_key(
    catalog: &Catalog,
    expected: Expected<'_>,
    target: &Relation,
    columns: &[&str],
) -> Option<Remedy> {
    let tenant = expected.tenant_column(&target.name());
    let others: Vec<&str> = columns.iter().copied().filter(|column| *column != tenant).collect();
    let replaced = catalog.indexes.of(target).iter().any(|index| {
        let key = Key { relation: target, index };
        index.is_unique
            && !index.is_partial
            && index.columns() == others
            && index.constraint_kind.is_some()
            && statements(catalog, expected, key).is_some()
    });
    if replaced || has_key(catalog, target, tenant, &others) {
        return None;
    }
    let columns = list(std::iter::once(tenant).chain(others));
    Some(Remedy::owner(Step::Keys, format!("ALTER TABLE {} ADD UNIQUE ({columns});", target.quoted())))
}

/// The remedy that adds the tenant to a foreign key. Its name, actions and deferral stay.
pub(super) fn with_tenant(
    catalog: &Catalog,
    expected: Expected<'_>,
    relation: &Relation,
    target: &Relation,
    key: &Constraint,
) -> Remedy {
    let (table, name) = (relation.quoted(), sql::identifier(&key.name));
    let drop = format!("ALTER TABLE {table} DROP CONSTRAINT {name};");
    let pairs = key.columns.iter().zip(&key.referenced_columns);
    let add = add(expected, relation, target, pairs, Some(&key.name), &key.actions);
    let to: Vec<&str> = key.referenced_columns.iter().map(String::as_str).collect();
    let remedy = Remedy::sql(Step::ForeignKeys, RunAs::Maintenance, add)
        .with(Remedy::owner(Step::DropForeignKeys, drop));
    match needed_key(catalog, expected, target, &to) {
        Some(needed) => remedy.with(needed),
        None => remedy,
    }
}

/// The remedy that adds a foreign key that an entity declares.
pub(super) fn adding(
    catalog: &Catalog,
    expected: Expected<'_>,
    relation: &Relation,
    target: &Relation,
    pairs: &[&(String, String)],
) -> Remedy {
    if !expected.is_tenants(target) || !relation.has_tenant || !target.has_tenant {
        return Remedy::action("add the foreign key in a migration");
    }
    let add = add(expected, relation, target, pairs.iter().map(|(from, to)| (from, to)), None, "");
    let to: Vec<&str> = pairs.iter().map(|(_, to)| to.as_str()).collect();
    let remedy = Remedy::sql(Step::ForeignKeys, RunAs::Maintenance, add);
    match needed_key(catalog, expected, target, &to) {
        Some(needed) => remedy.with(needed),
        None => remedy,
    }
}

fn add<'a>(
    expected: Expected<'_>,
    relation: &Relation,
    target: &Relation,
    pairs: impl Iterator<Item = (&'a String, &'a String)>,
    name: Option<&str>,
    actions: &str,
) -> String {
    let (from_tenant, to_tenant) =
        (expected.tenant_column(&relation.name()), expected.tenant_column(&target.name()));
    let (from, to): (Vec<&str>, Vec<&str>) =
        pairs.filter(|(from, _)| *from != from_tenant).map(|(from, to)| (from.as_str(), to.as_str())).unzip();
    let constraint = name.map(|name| format!("CONSTRAINT {} ", sql::identifier(name))).unwrap_or_default();
    format!(
        "ALTER TABLE {} ADD {constraint}FOREIGN KEY ({}) REFERENCES {} ({}){actions};",
        relation.quoted(),
        list(std::iter::once(from_tenant).chain(from)),
        target.quoted(),
        list(std::iter::once(to_tenant).chain(to)),
    )
}

fn list<'a>(columns: impl Iterator<Item = &'a str>) -> String {
    columns.map(sql::identifier).collect::<Vec<_>>().join(", ")
}
