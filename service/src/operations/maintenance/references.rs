//! References between tables: the order in which rows are inserted and deleted.

use crate::operations::inspection::catalog::{Catalog, Constraint, Relation};
use watertight_schema::{order, sql};

/// A foreign key of a table without a tenant column, which follows a deletion.
#[derive(Debug)]
pub(super) struct Dependent {
    /// The table, as `schema.name`.
    pub(super) name: String,
    /// The table in SQL syntax.
    pub(super) quoted: String,
    /// The table that it refers to, in SQL syntax.
    pub(super) referenced: String,
    /// The tenant column of that table, in SQL syntax.
    pub(super) tenant: String,
    pub(super) columns: Vec<String>,
    pub(super) referenced_columns: Vec<String>,
}

/// The table that a partition belongs to, at any depth, or the table itself.
fn root<'a>(catalog: &'a Catalog, relation: &'a Relation) -> &'a Relation {
    let mut root = relation;
    while let Some(parent) = root.parent.and_then(|parent| catalog.by_oid(parent)) {
        root = parent;
    }
    root
}

/// The foreign keys of a table and of its partitions, with the tables that they refer to.
pub(super) fn references<'a>(
    catalog: &'a Catalog,
    relation: &'a Relation,
) -> Vec<(&'a Constraint, &'a Relation)> {
    let keys =
        catalog.with_partitions(relation).into_iter().flat_map(|holder| catalog.constraints.of(holder));
    keys.filter(|key| key.is_foreign_key())
        .filter_map(|key| Some((key, root(catalog, catalog.by_oid(key.referenced)?))))
        .collect()
}

/// Sorts the tables into groups that refer to one another, each after the groups that it refers to.
pub(super) fn in_order<'a>(catalog: &'a Catalog, relations: &[&'a Relation]) -> Vec<Vec<&'a Relation>> {
    let keys = relations.iter().flat_map(|relation| {
        references(catalog, relation).into_iter().map(|(_, referenced)| (relation.oid, referenced.oid))
    });
    let groups = order::grouped(relations.iter().map(|relation| relation.oid), keys);
    let of = |oid| relations.iter().copied().find(|relation| relation.oid == oid);
    groups.into_iter().map(|group| group.into_iter().filter_map(of).collect()).collect()
}

/// The foreign keys of tables without a tenant column that delete or change their rows with a tenant's.
pub(super) fn dependents(catalog: &Catalog, own: &[(&Relation, String)]) -> Vec<Dependent> {
    let tenant = |relation: &Relation| {
        own.iter().find(|(table, _)| table.oid == relation.oid).map(|(_, column)| column)
    };
    let is_own = |relation: &Relation| tenant(relation).is_some();
    let others = catalog
        .relations
        .iter()
        .filter(|relation| relation.is_table() && !relation.is_partition && !is_own(relation));
    others
        .flat_map(|relation| references(catalog, relation).into_iter().map(move |key| (relation, key)))
        .filter(|(_, (key, referenced))| key.definition.contains(" ON DELETE ") && is_own(referenced))
        .map(|(relation, (key, referenced))| Dependent {
            name: relation.name().to_string(),
            quoted: relation.quoted(),
            referenced: referenced.quoted(),
            tenant: tenant(referenced).map(|column| sql::identifier(column)).unwrap_or_default(),
            columns: key.columns.clone(),
            referenced_columns: key.referenced_columns.clone(),
        })
        .collect()
}
