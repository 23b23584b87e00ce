use std::collections::{BTreeMap, HashMap, HashSet};
use std::fmt;

use sea_orm::sea_query::{ColumnType, TableRef};
use sea_orm::{
    ColumnTrait, EntityName, EntityTrait, IdenStatic, Identity, Iterable, RelationDef, RelationTrait,
};
use watertight_schema::{TableSet, TableSets, TenantType, sql};

use super::error::RegistrationError;
use super::presets::Extension;
use super::rewrite::is_built_in_operator;

/// The column with the tenant in watertight's own tables, and by default in those of the application.
pub const TENANT_COLUMN: &str = watertight_schema::isolation::TENANT_COLUMN;

/// The ownership of the rows of a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ownership {
    /// Each row belongs to the tenant in its tenant column.
    Tenant,
    /// The rows belong to all tenants. A tenant can read them but not change them.
    Shared,
}

/// A table's schema and name, as PostgreSQL stores them.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct TableName {
    pub(crate) schema: String,
    pub(crate) name: String,
}

impl TableName {
    /// The schema of names without a schema, unless the application chooses another one.
    pub(crate) const DEFAULT_SCHEMA: &str = "public";

    pub(crate) fn new(schema: &str, name: &str) -> Self {
        Self { schema: schema.to_owned(), name: name.to_owned() }
    }
}

impl fmt::Display for TableName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.schema, self.name)
    }
}

/// A table's name as the application gives it, with or without a schema.
#[derive(Debug, Clone, PartialEq, Eq)]
struct GivenName {
    schema: Option<String>,
    name: String,
}

impl GivenName {
    fn of<E: EntityName>(entity: &E) -> Self {
        Self { schema: entity.schema_name().map(str::to_owned), name: entity.table_name().to_owned() }
    }

    /// Reads `name` or `schema.name`. The first dot ends the schema.
    fn parse(text: &str) -> Self {
        let (schema, name) = sql::split(text);
        Self { schema: schema.map(str::to_owned), name: name.to_owned() }
    }

    /// Whether it is the name of this table.
    fn means(&self, table: &TableName, default: &str) -> bool {
        self.name == table.name && self.schema.as_deref().unwrap_or(default) == table.schema
    }

    fn in_schema(&self, default: &str) -> TableName {
        TableName::new(self.schema.as_deref().unwrap_or(default), &self.name)
    }
}

/// A column of an entity.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct EntityColumn {
    pub(crate) column_type: ColumnType,
    pub(crate) nullable: bool,
}

/// A relation that an entity declares: its columns refer to a row of another table.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Reference {
    /// The schema of the other table, if the entity states one.
    schema: Option<String>,
    table: String,
    /// Pairs of a column and the column of the other table that it refers to.
    pub(crate) columns: Vec<(String, String)>,
}

/// A registered table, with the columns of one entity or of several entities.
#[derive(Debug, Clone)]
pub(crate) struct RegisteredTable {
    pub(crate) ownership: Ownership,
    pub(crate) columns: BTreeMap<String, EntityColumn>,
    /// The names of the columns in the order of the entity. It is empty for a table that is registered by its name.
    pub(crate) order: Vec<String>,
    pub(crate) references: Vec<Reference>,
    /// Whether it is one of watertight's own tables.
    pub(crate) own: bool,
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
        let (columns, references) = (columns.collect(), references.collect());
        Self { ownership, columns, order, references, own: false }
    }

    /// A table without an entity, whose columns are read from the catalog.
    fn named(ownership: Ownership) -> Self {
        Self { ownership, columns: BTreeMap::new(), order: Vec::new(), references: Vec::new(), own: false }
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

/// The reference of a relation, if this side has the foreign key.
fn reference(relation: RelationDef) -> Option<Reference> {
    if relation.is_owner {
        return None;
    }
    let TableRef::Table(table, _) = &relation.to_tbl else { return None };
    let names =
        |identity: Identity| identity.into_iter().map(|column| column.to_string()).collect::<Vec<_>>();
    Some(Reference {
        schema: table.0.as_ref().map(|schema| schema.1.to_string()),
        table: table.1.to_string(),
        columns: names(relation.from_col).into_iter().zip(names(relation.to_col)).collect(),
    })
}

/// The forms in which statements can write the name of a function or type of an extension.
///
/// Hosting services install extensions in the schema `public` or `extensions`.
fn written(name: &str) -> [String; 3] {
    [name.to_owned(), format!("public.{name}"), format!("extensions.{name}")]
}

/// The tables, functions, types and operators that a statement may name.
#[derive(Debug, Clone)]
pub(crate) struct Registry {
    /// The table sets of the database.
    sets: TableSets,
    /// The tables under their names in the database.
    tables: HashMap<TableName, RegisteredTable>,
    /// The tables of the application, in the order of registration, until the builder has all settings.
    given: Vec<(GivenName, RegisteredTable)>,
    /// The schema of names without a schema. The rewriter adds it to the statement, because `search_path` is
    /// never trusted.
    default_schema: String,
    tenant_type: TenantType,
    /// The tenant column of the application's tables.
    tenant_column: String,
    /// The tables of the application with another tenant column.
    tenant_columns: Vec<(GivenName, String)>,
    /// The tables of the application with rows for everyone.
    for_everyone: Vec<GivenName>,
    /// The tenant tables that row-level security cannot protect, such as materialized views.
    one_layer: Vec<GivenName>,
    /// The tenant tables into which tenants only insert.
    outboxes: Vec<GivenName>,
    functions: HashSet<String>,
    types: HashSet<String>,
    operators: HashSet<String>,
}

impl Default for Registry {
    fn default() -> Self {
        Self {
            sets: TableSets::default(),
            tables: HashMap::new(),
            given: Vec::new(),
            default_schema: TableName::DEFAULT_SCHEMA.to_owned(),
            tenant_type: TenantType::default(),
            tenant_column: TENANT_COLUMN.to_owned(),
            tenant_columns: Vec::new(),
            for_everyone: Vec::new(),
            one_layer: Vec::new(),
            outboxes: Vec::new(),
            functions: HashSet::new(),
            types: HashSet::new(),
            operators: HashSet::new(),
        }
    }
}

impl Registry {
    pub(crate) fn entity<E: EntityTrait>(&mut self, entity: &E, ownership: Ownership) {
        self.given.push((GivenName::of(entity), RegisteredTable::of::<E>(ownership)));
    }

    /// Registers a tenant table that rewriting alone isolates.
    pub(crate) fn one_layer_entity<E: EntityTrait>(&mut self, entity: &E) {
        self.entity(entity, Ownership::Tenant);
        self.one_layer.push(GivenName::of(entity));
    }

    /// Registers a tenant table that rewriting alone isolates, by its name.
    pub(crate) fn one_layer_named(&mut self, name: &str) {
        self.named(name, Ownership::Tenant);
        self.one_layer.push(GivenName::parse(name));
    }

    /// Whether the table is registered for rewriting alone.
    pub(crate) fn is_one_layer(&self, table: &TableName) -> bool {
        self.has(&self.one_layer, table)
    }

    /// Registers a table by its name, `name` or `schema.name`.
    pub(crate) fn named(&mut self, name: &str, ownership: Ownership) {
        self.given.push((GivenName::parse(name), RegisteredTable::named(ownership)));
    }

    pub(crate) fn outbox_table<E: EntityTrait>(&mut self, entity: &E) {
        self.outboxes.push(GivenName::of(entity));
        self.entity(entity, Ownership::Tenant);
    }

    /// Registers an outbox table by its name.
    pub(crate) fn outbox_named(&mut self, name: &str) {
        self.outboxes.push(GivenName::parse(name));
        self.named(name, Ownership::Tenant);
    }

    /// The table of an entity of the application.
    pub(crate) fn table_of<E: EntityName>(&self, entity: &E) -> TableName {
        GivenName::of(entity).in_schema(&self.default_schema)
    }

    /// Whether tenants only insert into the table.
    pub(crate) fn is_outbox(&self, table: &TableName) -> bool {
        self.has(&self.outboxes, table)
    }

    /// Whether a list of the application names the table.
    fn has(&self, list: &[GivenName], table: &TableName) -> bool {
        list.iter().any(|given| given.means(table, &self.default_schema))
    }

    pub(crate) fn set_default_schema(&mut self, schema: String) {
        self.default_schema = schema;
    }

    pub(crate) const fn set_tenant_type(&mut self, tenant_type: TenantType) {
        self.tenant_type = tenant_type;
    }

    pub(crate) fn set_tenant_column(&mut self, column: String) {
        self.tenant_column = column;
    }

    pub(crate) fn set_tenant_column_of(&mut self, table: &str, column: String) {
        self.tenant_columns.push((GivenName::parse(table), column));
    }

    pub(crate) fn add_rows_for_everyone(&mut self, table: &str) {
        self.for_everyone.push(GivenName::parse(table));
    }

    /// Adds the tables of the application, now that every setting is known.
    ///
    /// It returns every problem that it finds.
    pub(crate) fn add_given_tables(&mut self) -> Vec<RegistrationError> {
        let mut problems = Vec::new();
        if !self.tenant_type.fits(&self.sets) {
            problems.push(RegistrationError::OwnTablesNeedUuid {
                tenant_type: self.tenant_type,
                table_sets: self.sets.to_string(),
            });
        }
        for (given, table) in std::mem::take(&mut self.given) {
            let name = given.in_schema(&self.default_schema);
            let by_entity = !table.order.is_empty();
            if table.ownership == Ownership::Tenant && by_entity && !self.has_tenant_column(&name, &table) {
                problems.push(RegistrationError::NoTenantColumn {
                    table: name.to_string(),
                    column: self.tenant_column(&name).to_owned(),
                    tenant_type: self.tenant_type,
                });
            } else if let Err(error) = self.add(name, table) {
                problems.push(error);
            }
        }
        let settings = self.tenant_columns.iter().map(|(given, _)| given).chain(&self.for_everyone);
        for given in settings {
            let name = given.in_schema(&self.default_schema);
            if self.ownership(&name) != Some(Ownership::Tenant) {
                problems.push(RegistrationError::NotRegistered { table: name.to_string() });
            }
        }
        problems
    }

    /// Whether an entity has the tenant column with the tenant's type.
    fn has_tenant_column(&self, name: &TableName, table: &RegisteredTable) -> bool {
        let Some(column) = table.columns.get(self.tenant_column(name)) else { return false };
        match self.tenant_type {
            TenantType::BigInt => column.column_type == ColumnType::BigInteger,
            TenantType::Integer => column.column_type == ColumnType::Integer,
            TenantType::Text => matches!(column.column_type, ColumnType::Text | ColumnType::String(_)),
            _ => column.column_type == ColumnType::Uuid,
        }
    }

    /// The type of the tenant's key in the database.
    pub(crate) const fn tenant_type(&self) -> TenantType {
        self.tenant_type
    }

    /// The tenant column of a tenant table. For a table that is not registered it is that of the application's tables.
    pub(crate) fn tenant_column(&self, table: &TableName) -> &str {
        if self.tables.get(table).is_some_and(|known| known.own) {
            return TENANT_COLUMN;
        }
        let other = self.tenant_columns.iter().rev();
        let mut other = other.filter(|(given, _)| given.means(table, &self.default_schema));
        other.next().map_or(&self.tenant_column, |(_, column)| column)
    }

    /// The tenant column of the application's tables, except those with another one.
    pub(crate) fn default_tenant_column(&self) -> &str {
        &self.tenant_column
    }

    /// Whether a tenant table has rows for everyone besides the rows of tenants.
    pub(crate) fn has_rows_for_everyone(&self, table: &TableName) -> bool {
        self.has(&self.for_everyone, table)
    }

    /// Chooses the table sets, before their entities are added.
    ///
    /// # Errors
    /// [`Error::AmbiguousTable`] if an entity of the application uses a name that statements use for a table
    /// of watertight in another schema.
    pub(crate) fn choose(&mut self, sets: TableSets) -> Result<(), RegistrationError> {
        sets.check()?;
        let given = self.given.iter().filter(|(given, _)| given.schema.is_some());
        for table in given.map(|(given, _)| given.in_schema(&self.default_schema)) {
            match sets.schema_of(&table.schema, &table.name) {
                Some(schema) if schema != table.schema => {
                    return Err(RegistrationError::AmbiguousTable {
                        table: table.to_string(),
                        own: TableName::new(schema, &table.name).to_string(),
                    });
                }
                _ => {}
            }
        }
        self.sets = sets;
        Ok(())
    }

    /// Adds a table of a table set, in the schema of the set in the database.
    #[allow(dead_code, reason = "without features there is no set")]
    pub(crate) fn own_table<E: EntityTrait>(&mut self, set: TableSet) -> Result<(), RegistrationError> {
        let table = TableName::new(self.sets.schema(set), E::default().table_name());
        self.add(table, RegisteredTable { own: true, ..RegisteredTable::of::<E>(Ownership::Tenant) })
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
        // A call without a schema can find the overload instead of the function of PostgreSQL.
        self.functions.extend(preset.overloads.iter().map(|name| (*name).to_owned()));
        self.types.extend(preset.types.iter().flat_map(|name| written(name)));
        // Operators that share a name with one of PostgreSQL are recognized by their extension in the
        // catalog.
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

    /// The table sets of the database.
    pub(crate) const fn sets(&self) -> &TableSets {
        &self.sets
    }

    /// Finds the table in the database for a name in a statement.
    ///
    /// A table of watertight is named with its static schema. A name without a schema means the application's
    /// table in the default schema, or else a table of watertight. Any other name means the table of exactly
    /// this name.
    pub(crate) fn resolve(&self, schema: Option<&str>, name: &str) -> TableName {
        let as_stated = TableName::new(schema.unwrap_or(&self.default_schema), name);
        if schema.is_none() && self.tables.contains_key(&as_stated) {
            return as_stated;
        }
        // Watertight's own tables are found by their static schema, whatever the application's schema is.
        let stated = schema.unwrap_or(TableName::DEFAULT_SCHEMA);
        self.sets.schema_of(stated, name).map_or(as_stated, |schema| TableName::new(schema, name))
    }

    /// The table in the database that an entity refers to.
    pub(crate) fn referenced(&self, reference: &Reference) -> TableName {
        self.resolve(reference.schema.as_deref(), &reference.table)
    }

    /// The name of a table in statements and exports, independent of the schemas of the database.
    ///
    /// A table of watertight has its static schema. Another table of this schema and name is named without a
    /// schema.
    pub(crate) fn static_name(&self, table: &TableName) -> String {
        let TableName { schema, name } = table;
        let own = |set: &TableSet| set.tables().contains(&name.as_str());
        let Some(set) = self.sets.iter().find(own) else { return table.to_string() };
        if self.sets.schema(set) == schema {
            format!("{}.{name}", set.schema())
        } else if set.schema() == schema {
            name.clone()
        } else {
            table.to_string()
        }
    }

    pub(crate) fn ownership(&self, table: &TableName) -> Option<Ownership> {
        self.table(table).map(|table| table.ownership)
    }

    pub(crate) fn table(&self, name: &TableName) -> Option<&RegisteredTable> {
        self.tables.get(name)
    }

    /// Whether the application declared the function under the name in the statement.
    pub(crate) fn declares_function(&self, name: &str) -> bool {
        self.functions.contains(name)
    }

    /// Whether the application declared the type under the name in the statement.
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

    /// A registry of a few tables, for tests of the rewriter without entities.
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
        RegisteredTable { order, ..RegisteredTable::named(ownership) }
    }

    #[test]
    fn a_table_is_a_tenants_or_shared_and_not_both() {
        let mut registry = registry();
        let users = TableName { schema: "auth".to_owned(), name: "users".to_owned() };
        assert!(registry.add(users.clone(), bare(Ownership::Tenant, &[])).is_ok());
        let shared = registry.add(users, bare(Ownership::Shared, &[]));
        assert!(matches!(shared, Err(RegistrationError::RegisteredTwice { .. })));
    }

    /// The tables of [`registry`], with other schemas for two sets and a table `clients` of the application.
    pub(crate) fn moved_registry() -> Registry {
        let sets = TableSets::all().in_schema(TableSet::Auth, "identity");
        let sets = sets.in_schema(TableSet::Booking, "Studio 1");
        let mut registry = Registry { sets, ..Registry::default() };
        let tables = [
            ("identity", "users"),
            ("identity", "sessions"),
            ("public", "services"),
            ("Studio 1", "clients"),
            ("Studio 1", "bookings"),
            ("public", "clients"),
        ];
        for (schema, table) in tables {
            let columns = ["tenant_id", "id", "name", "price", "email", "a", "b", "c", "d"];
            registry.add(TableName::new(schema, table), bare(Ownership::Tenant, &columns)).unwrap();
        }
        registry
    }

    #[test]
    fn names_mean_tables_of_the_database() {
        let registry = moved_registry();
        let resolve = |schema, name| registry.resolve(schema, name).to_string();
        assert_eq!(resolve(Some("auth"), "users"), "identity.users");
        assert_eq!(resolve(Some("identity"), "users"), "identity.users");
        assert_eq!(resolve(Some("public"), "clients"), "Studio 1.clients");
        assert_eq!(resolve(None, "clients"), "public.clients", "the application's own");
        assert_eq!(resolve(None, "bookings"), "Studio 1.bookings");
        assert_eq!(resolve(None, "users"), "public.users", "no set has it there");
        assert_eq!(resolve(Some("auth"), "invoices"), "auth.invoices");
    }

    #[test]
    fn a_static_name_stands_for_one_table() {
        let registry = moved_registry();
        let name = |schema, name| registry.static_name(&TableName::new(schema, name));
        assert_eq!(name("identity", "users"), "auth.users");
        assert_eq!(name("auth", "users"), "users");
        assert_eq!(name("Studio 1", "clients"), "public.clients");
        assert_eq!(name("public", "clients"), "clients");
        assert_eq!(name("public", "services"), "public.services");
        assert_eq!(name("archive", "clients"), "archive.clients");
    }

    #[cfg(feature = "auth")]
    #[test]
    fn an_entity_tells_what_its_rows_refer_to() {
        let mut registry = Registry::default();
        registry.entity(&watertight_entity::auth::sessions::Entity, Ownership::Tenant);
        assert_eq!(registry.add_given_tables(), []);
        let (_, sessions) = registry.tables().next().unwrap();
        let pair = |from: &str, to: &str| (from.to_owned(), to.to_owned());
        let columns = vec![pair("tenant_id", "tenant_id"), pair("user_id", "id")];
        let (schema, table) = (Some("auth".to_owned()), "users".to_owned());
        assert_eq!(sessions.references, [Reference { schema, table, columns }]);
        assert!(sessions.columns["user_data"].nullable && !sessions.columns["user_id"].nullable);
    }
}
