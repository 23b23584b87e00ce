use std::collections::{HashMap, HashSet};
use std::fmt;

use sea_orm::sea_query::ColumnType;
use sea_orm::{ColumnTrait, EntityName, EntityTrait, IdenStatic, Iterable};

use crate::Error;

/// The column that holds the tenant in every tenant table.
pub const TENANT_COLUMN: &str = "tenant_id";

/// Whose rows a table holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ownership {
    /// Each row belongs to the tenant that its `tenant_id` names.
    Tenant,
    /// The rows belong to all tenants; a tenant reads them and does not change them.
    Shared,
}

/// A table's schema and name, as PostgreSQL stores them.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct TableName {
    pub(crate) schema: String,
    pub(crate) name: String,
}

impl TableName {
    /// The schema that a name without one means. `search_path` is never trusted: the rewriter writes the
    /// schema out.
    pub(crate) const DEFAULT_SCHEMA: &str = "public";

    pub(crate) fn of<E: EntityName>(entity: &E) -> Self {
        Self {
            schema: entity.schema_name().unwrap_or(Self::DEFAULT_SCHEMA).to_owned(),
            name: entity.table_name().to_owned(),
        }
    }
}

impl fmt::Display for TableName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.schema, self.name)
    }
}

/// The tables and functions that a statement may name.
#[derive(Debug, Clone, Default)]
pub(crate) struct Registry {
    tables: HashMap<TableName, Ownership>,
    functions: HashSet<String>,
}

impl Registry {
    pub(crate) fn tenant_table<E: EntityTrait>(&mut self, entity: E) -> Result<(), Error> {
        let table = TableName::of(&entity);
        let has_tenant = E::Column::iter().any(|column| {
            column.as_str() == TENANT_COLUMN && *column.def().get_column_type() == ColumnType::Uuid
        });
        if !has_tenant {
            return Err(Error::NoTenantColumn { table: table.to_string() });
        }
        self.add(table, Ownership::Tenant)
    }

    pub(crate) fn shared_table<E: EntityTrait>(&mut self, entity: E) -> Result<(), Error> {
        self.add(TableName::of(&entity), Ownership::Shared)
    }

    pub(crate) fn function(&mut self, name: &str) {
        self.functions.insert(name.to_owned());
    }

    fn add(&mut self, table: TableName, ownership: Ownership) -> Result<(), Error> {
        match self.tables.get(&table) {
            Some(known) if *known != ownership => Err(Error::RegisteredTwice { table: table.to_string() }),
            _ => {
                self.tables.insert(table, ownership);
                Ok(())
            }
        }
    }

    pub(crate) fn ownership(&self, table: &TableName) -> Option<Ownership> {
        self.tables.get(table).copied()
    }

    /// Whether the application declared the function, under the name that a statement gives it.
    pub(crate) fn declares_function(&self, name: &str) -> bool {
        self.functions.contains(name)
    }

    pub(crate) fn tables(&self) -> impl Iterator<Item = (&TableName, Ownership)> {
        self.tables.iter().map(|(table, ownership)| (table, *ownership))
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// A few tables by name, for tests of the rewriting that need no entity.
    pub(crate) fn registry() -> Registry {
        let table = |schema: &str, name: &str| TableName { schema: schema.to_owned(), name: name.to_owned() };
        let mut registry = Registry::default();
        for (schema, name) in [("auth", "users"), ("public", "services"), ("public", "clients")] {
            registry.add(table(schema, name), Ownership::Tenant).unwrap();
        }
        registry.add(table("public", "countries"), Ownership::Shared).unwrap();
        registry
    }

    #[test]
    fn a_table_is_a_tenants_or_shared_and_not_both() {
        let mut registry = registry();
        let users = TableName { schema: "auth".to_owned(), name: "users".to_owned() };
        assert!(registry.add(users.clone(), Ownership::Tenant).is_ok());
        assert!(matches!(registry.add(users, Ownership::Shared), Err(Error::RegisteredTwice { .. })));
    }
}
