use std::collections::{BTreeMap, HashMap, HashSet};
use std::fmt;

use sea_orm::sea_query::{ColumnType, TableRef};
use sea_orm::{
    ColumnTrait, EntityName, EntityTrait, IdenStatic, Identity, Iterable, RelationDef, RelationTrait,
};

use super::error::RegistrationError;
use super::presets::Extension;
use super::rewrite::is_built_in_operator;

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

impl TableName {
    /// The table of a relation's end, if it is one and not a query.
    fn of_reference(reference: &TableRef) -> Option<Self> {
        let TableRef::Table(table, _) = reference else { return None };
        let schema =
            table.0.as_ref().map_or_else(|| Self::DEFAULT_SCHEMA.to_owned(), |schema| schema.1.to_string());
        Some(Self { schema, name: table.1.to_string() })
    }
}

impl fmt::Display for TableName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.schema, self.name)
    }
}

/// A column as an entity has it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct EntityColumn {
    pub(crate) column_type: ColumnType,
    pub(crate) nullable: bool,
}

/// What an entity says of its rows: that these columns name a row of that table.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Reference {
    pub(crate) to: TableName,
    /// Each column with the one of the other table that it names.
    pub(crate) columns: Vec<(String, String)>,
}

/// What is known of a table: by one entity, or by several that each have some of its columns.
#[derive(Debug, Clone)]
pub(crate) struct RegisteredTable {
    pub(crate) ownership: Ownership,
    pub(crate) columns: BTreeMap<String, EntityColumn>,
    /// The names of the columns in the order of the entity.
    pub(crate) order: Vec<String>,
    pub(crate) references: Vec<Reference>,
}

impl RegisteredTable {
    fn of<E: EntityTrait>(ownership: Ownership) -> Self {
        let columns = E::Column::iter().map(|column| {
            let definition = column.def();
            let nullable = definition.is_null();
            let column_type = definition.get_column_type().clone();
            (column.as_str().to_owned(), EntityColumn { column_type, nullable })
        });
        let references = E::Relation::iter().filter_map(|relation| reference(relation.def()));
        let order = E::Column::iter().map(|column| column.as_str().to_owned()).collect();
        Self { ownership, columns: columns.collect(), order, references: references.collect() }
    }

    fn merge(&mut self, other: Self) {
        let new = other.order.into_iter().filter(|name| !self.columns.contains_key(name));
        self.order.extend(new.collect::<Vec<_>>());
        self.columns.extend(other.columns);
        for reference in other.references {
            if !self.references.contains(&reference) {
                self.references.push(reference);
            }
        }
    }
}

/// What a relation refers to, if it is the side that holds the foreign key.
fn reference(relation: RelationDef) -> Option<Reference> {
    if relation.is_owner {
        return None;
    }
    let to = TableName::of_reference(&relation.to_tbl)?;
    let names =
        |identity: Identity| identity.into_iter().map(|column| column.to_string()).collect::<Vec<_>>();
    Some(Reference {
        to,
        columns: names(relation.from_col).into_iter().zip(names(relation.to_col)).collect(),
    })
}

/// The ways in which statements write a name of an extension: the schemas are those that hosts install them in.
fn written(name: &str) -> [String; 3] {
    [name.to_owned(), format!("public.{name}"), format!("extensions.{name}")]
}

/// The tables, functions, types and operators that a statement may name.
#[derive(Debug, Clone, Default)]
pub(crate) struct Registry {
    tables: HashMap<TableName, RegisteredTable>,
    functions: HashSet<String>,
    types: HashSet<String>,
    operators: HashSet<String>,
}

impl Registry {
    pub(crate) fn tenant_table<E: EntityTrait>(&mut self, entity: E) -> Result<(), RegistrationError> {
        let table = TableName::of(&entity);
        let has_tenant = E::Column::iter().any(|column| {
            column.as_str() == TENANT_COLUMN && *column.def().get_column_type() == ColumnType::Uuid
        });
        if !has_tenant {
            return Err(RegistrationError::NoTenantColumn { table: table.to_string() });
        }
        self.add(table, RegisteredTable::of::<E>(Ownership::Tenant))
    }

    pub(crate) fn shared_table<E: EntityTrait>(&mut self, entity: E) -> Result<(), RegistrationError> {
        self.add(TableName::of(&entity), RegisteredTable::of::<E>(Ownership::Shared))
    }

    pub(crate) fn function(&mut self, name: &str) {
        self.functions.insert(name.to_owned());
    }

    pub(crate) fn data_type(&mut self, name: &str) {
        self.types.insert(name.to_owned());
    }

    pub(crate) fn operator(&mut self, name: &str) {
        self.operators.insert(name.to_owned());
    }

    pub(crate) fn extension(&mut self, extension: Extension) {
        let preset = extension.preset();
        for name in preset.functions.iter().chain(preset.types) {
            self.functions.extend(written(name));
        }
        // An overload is found beside PostgreSQL's own function of the name, by its bare name alone.
        self.functions.extend(preset.overloads.iter().map(|name| (*name).to_owned()));
        self.types.extend(preset.types.iter().flat_map(|name| written(name)));
        // Of operators that PostgreSQL has, too, those of the extension are known by their extension.
        let own = preset.operators.iter().filter(|name| !is_built_in_operator(name));
        self.operators.extend(own.map(|name| (*name).to_owned()));
    }

    fn add(&mut self, name: TableName, table: RegisteredTable) -> Result<(), RegistrationError> {
        match self.tables.get_mut(&name) {
            Some(known) if known.ownership != table.ownership => {
                return Err(RegistrationError::RegisteredTwice { table: name.to_string() });
            }
            Some(known) => known.merge(table),
            None => drop(self.tables.insert(name, table)),
        }
        Ok(())
    }

    pub(crate) fn ownership(&self, table: &TableName) -> Option<Ownership> {
        self.table(table).map(|table| table.ownership)
    }

    pub(crate) fn table(&self, name: &TableName) -> Option<&RegisteredTable> {
        self.tables.get(name)
    }

    /// Whether the application declared the function, under the name that a statement gives it.
    pub(crate) fn declares_function(&self, name: &str) -> bool {
        self.functions.contains(name)
    }

    /// Whether the application declared the type, under the name that a statement gives it.
    pub(crate) fn declares_type(&self, name: &str) -> bool {
        self.types.contains(name)
    }

    /// Whether the application declared the operator.
    pub(crate) fn declares_operator(&self, name: &str) -> bool {
        self.operators.contains(name)
    }

    pub(crate) fn tables(&self) -> impl Iterator<Item = (&TableName, &RegisteredTable)> {
        self.tables.iter()
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// A few tables by name, for tests of the rewriting that need no entity.
    pub(crate) fn registry() -> Registry {
        let name = |schema: &str, name: &str| TableName { schema: schema.to_owned(), name: name.to_owned() };
        let mut registry = Registry::default();
        for (schema, table) in [("auth", "users"), ("public", "services"), ("public", "clients")] {
            let columns = ["tenant_id", "id", "name", "price", "email", "a", "b", "c", "d"];
            registry.add(name(schema, table), bare(Ownership::Tenant, &columns)).unwrap();
        }
        registry.add(name("public", "countries"), bare(Ownership::Shared, &["code", "name"])).unwrap();
        registry
    }

    fn bare(ownership: Ownership, columns: &[&str]) -> RegisteredTable {
        let order = columns.iter().map(|name| (*name).to_owned()).collect();
        RegisteredTable { ownership, columns: BTreeMap::new(), order, references: Vec::new() }
    }

    #[test]
    fn a_table_is_a_tenants_or_shared_and_not_both() {
        let mut registry = registry();
        let users = TableName { schema: "auth".to_owned(), name: "users".to_owned() };
        assert!(registry.add(users.clone(), bare(Ownership::Tenant, &[])).is_ok());
        let shared = registry.add(users, bare(Ownership::Shared, &[]));
        assert!(matches!(shared, Err(RegistrationError::RegisteredTwice { .. })));
    }

    #[test]
    fn an_entity_tells_what_its_rows_refer_to() {
        let mut registry = Registry::default();
        registry.tenant_table(watertight_entity::auth::sessions::Entity).unwrap();
        let (_, sessions) = registry.tables().next().unwrap();
        let pair = |from: &str, to: &str| (from.to_owned(), to.to_owned());
        let users = TableName { schema: "auth".to_owned(), name: "users".to_owned() };
        let columns = vec![pair("tenant_id", "tenant_id"), pair("user_id", "id")];
        assert_eq!(sessions.references, [Reference { to: users, columns }]);
        assert!(sessions.columns["user_data"].nullable && !sessions.columns["user_id"].nullable);
    }
}
