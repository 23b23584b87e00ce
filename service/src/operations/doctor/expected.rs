//! The expectations that a database is compared with.

use watertight_schema::{TableSet, TenantType, isolation};

use super::migrations::Migrations;
use super::report::Severity;
use crate::operations::inspection::catalog::{Catalog, Relation};
use crate::tenant::{Layers, Ownership, Registry, TENANT_COLUMN, TableName};

/// The expectations that a database is compared with.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Expected<'a> {
    pub(crate) registry: &'a Registry,
    pub(crate) layers: Layers,
    pub(crate) transaction_pooler: bool,
    pub(crate) migrations: &'a Migrations,
    /// The application's role, if it is not the role of the connection.
    pub(crate) application_role: Option<&'a str>,
}

impl<'a> Expected<'a> {
    /// The severity of a finding about the second layer, row-level security.
    pub(super) const fn without_row_security(&self) -> Severity {
        if self.layers.row_security() { Severity::Error } else { Severity::Warning }
    }

    /// The severity of a finding about an object that a statement reaches without rewriting.
    pub(super) const fn without_rewriting(&self) -> Severity {
        if self.layers.row_security() { Severity::Warning } else { Severity::Error }
    }

    /// The name of a table's tenant column.
    pub(super) fn tenant_column(&self, _table: &TableName) -> &'a str {
        TENANT_COLUMN
    }

    /// The type of the tenant columns of the database.
    pub(super) const fn tenant_type(&self) -> TenantType {
        TenantType::Uuid
    }

    /// The condition of a table's tenant policy.
    pub(super) fn tenant_condition(&self, table: &TableName) -> String {
        isolation::tenant_condition(self.tenant_column(table))
    }

    /// The condition of a table's tenant policy, in each form in which PostgreSQL prints it.
    pub(super) fn printed_conditions(&self, table: &TableName) -> Vec<String> {
        isolation::printed_conditions(self.tenant_column(table))
    }

    pub(super) fn ownership(&self, relation: &Relation) -> Option<Ownership> {
        self.registry.ownership(&relation.name())
    }

    /// Whether it is a table of watertight, of a chosen table set.
    pub(super) fn is_own(&self, table: &TableName) -> bool {
        let is_of = |set: TableSet| {
            self.registry.sets().schema(set) == table.schema && set.tables().contains(&table.name.as_str())
        };
        self.registry.sets().iter().any(is_of)
    }

    /// Whether the rows belong to tenants, by the registration or by a tenant column.
    pub(super) fn is_tenants(&self, relation: &Relation) -> bool {
        relation.is_table()
            && match self.ownership(relation) {
                Some(ownership) => ownership == Ownership::Tenant,
                None => relation.has_tenant,
            }
    }

    /// Whether it is an unregistered partition, or an unregistered child by inheritance.
    ///
    /// Statements read it through its parent, whose policies then apply.
    pub(super) fn is_child(&self, relation: &Relation) -> bool {
        (relation.is_partition || relation.inherits) && self.ownership(relation).is_none()
    }

    /// Whether it is a tenant table and not an unregistered child of one.
    pub(super) fn is_tenants_table(&self, relation: &Relation) -> bool {
        self.is_tenants(relation) && !self.is_child(relation)
    }
}

/// The schema of watertight's own functions and types. Only the owner of the tables creates objects in it.
pub(super) const OWN_SCHEMA: &str = watertight_schema::isolation::SCHEMA;

/// The tenant tables and their partitions, as the catalog numbers them.
pub(super) fn tenant_tables(catalog: &Catalog, expected: Expected<'_>) -> Vec<i64> {
    let tenants = catalog.relations.iter().filter(|relation| expected.is_tenants(relation));
    tenants.map(|relation| relation.oid).collect()
}
