//! The expectations that a database is compared with.

use watertight_schema::{TableSet, TenantType, isolation, sql};

use super::migrations::Migrations;
use super::report::Severity;
use crate::operations::inspection::catalog::{Catalog, Relation};
use crate::tenant::{Layers, Ownership, Registry, TableName};

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
    pub(super) fn tenant_column(&self, table: &TableName) -> &'a str {
        self.registry.tenant_column(table)
    }

    /// The type of the tenant columns of the database.
    pub(super) const fn tenant_type(&self) -> TenantType {
        self.registry.tenant_type()
    }

    /// The condition of a table's tenant policy.
    pub(super) fn tenant_condition(&self, table: &TableName) -> String {
        isolation::tenant_condition(self.tenant_column(table))
    }

    /// The condition of a table's tenant policy, in each form in which PostgreSQL prints it.
    pub(super) fn printed_conditions(&self, table: &TableName) -> Vec<String> {
        isolation::printed_conditions(self.tenant_column(table))
    }

    /// The condition of the policy that shows rows for everyone, in each form in which PostgreSQL prints it, or nothing for a
    /// table without such rows.
    pub(super) fn everyone_conditions(&self, table: &TableName) -> Vec<String> {
        if !self.registry.has_rows_for_everyone(table) {
            return Vec::new();
        }
        let column = self.tenant_column(table);
        let reserved = match self.tenant_type() {
            TenantType::BigInt | TenantType::Integer => self.tenant_type().reserved().to_owned(),
            other => format!("{}::{other}", other.reserved()),
        };
        // A name with other characters is printed in quotes. Without them it could be another expression.
        let is_bare = column.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_');
        let names = is_bare.then(|| column.to_owned()).into_iter().chain([sql::identifier(column)]);
        let forms = names.flat_map(|name| [format!("({name})::text"), name]);
        forms.map(|name| format!("({name} = {reserved})")).collect()
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
