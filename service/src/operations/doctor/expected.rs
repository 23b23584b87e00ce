//! The expectations that a database is compared with.

use super::migrations::Migrations;
use super::report::Severity;
use crate::operations::inspection::catalog::{Catalog, Relation};
use crate::tenant::{Layers, Ownership, Registry};

/// The expectations that a database is compared with.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Expected<'a> {
    pub(crate) registry: &'a Registry,
    pub(crate) layers: Layers,
    pub(crate) transaction_pooler: bool,
    pub(crate) migrations: &'a Migrations,
}

impl Expected<'_> {
    /// The severity of a finding about the second layer, row-level security.
    pub(super) const fn without_row_security(&self) -> Severity {
        if self.layers.row_security() { Severity::Error } else { Severity::Warning }
    }

    /// The severity of a finding about an object that a statement reaches without rewriting.
    pub(super) const fn without_rewriting(&self) -> Severity {
        if self.layers.row_security() { Severity::Warning } else { Severity::Error }
    }

    pub(super) fn ownership(&self, relation: &Relation) -> Option<Ownership> {
        self.registry.ownership(&relation.name())
    }

    /// Whether the rows belong to tenants, by the registration or by a tenant column.
    pub(super) fn is_tenants(&self, relation: &Relation) -> bool {
        relation.is_table()
            && match self.ownership(relation) {
                Some(ownership) => ownership == Ownership::Tenant,
                None => relation.has_tenant,
            }
    }

    /// Whether it is a tenant table and not an unregistered partition of one.
    pub(super) fn is_tenants_table(&self, relation: &Relation) -> bool {
        self.is_tenants(relation) && !(relation.is_partition && self.ownership(relation).is_none())
    }
}

/// The schema of watertight's own functions and types. Only the owner of the tables creates objects in it.
pub(super) const OWN_SCHEMA: &str = watertight_schema::isolation::SCHEMA;

/// The tenant tables and their partitions, as the catalog numbers them.
pub(super) fn tenant_tables(catalog: &Catalog, expected: Expected<'_>) -> Vec<i64> {
    let tenants = catalog.relations.iter().filter(|relation| expected.is_tenants(relation));
    tenants.map(|relation| relation.oid).collect()
}
