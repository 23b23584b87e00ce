//! The names of a database on which a statement depends: columns, types, functions and operators.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use sea_orm::sea_query::ColumnType;
use sea_orm::{DbErr, FromQueryResult};

use super::inspection::Inspection;
use super::registry::{Registry, TableName};

/// A column of a registered table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TableColumn {
    pub(crate) name: String,
    /// Whether its values are rows or arrays of rows.
    pub(crate) row: bool,
}

/// The type of a column of a registered table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ColumnTypeName {
    /// The schema, or `None` for a type from an entity, which names no schema.
    pub(crate) schema: Option<String>,
    /// Whether its values are rows.
    pub(crate) row: bool,
}

/// The known properties of all functions of one name in one schema.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct KnownFunction {
    /// Whether none of them can write. PostgreSQL enforces this for `STABLE` and `IMMUTABLE` functions.
    only_reads: bool,
    /// Whether one of them returns rows.
    returns_row: bool,
}

/// The names of a database at one time.
///
/// Without a database the columns and their types come from the entities, and no other names are known.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Snapshot {
    server_version: Option<u32>,
    columns: HashMap<TableName, Vec<TableColumn>>,
    /// The registered tables that are views.
    views: BTreeSet<TableName>,
    /// The column types that are not built in, by name.
    types: HashMap<String, Vec<ColumnTypeName>>,
    /// Names of types outside `pg_catalog`.
    other_types: BTreeSet<String>,
    /// Functions outside `pg_catalog` by schema and name.
    functions: BTreeMap<(String, String), KnownFunction>,
    /// Names of operators outside `pg_catalog` that apply to operands other than rows.
    operators: BTreeSet<String>,
}

impl Snapshot {
    /// The names from the registered entities.
    pub(crate) fn of_entities(registry: &Registry) -> Self {
        let mut snapshot = Self::default();
        for (name, table) in registry.tables() {
            let columns = table.order.iter().map(|name| TableColumn { name: name.clone(), row: false });
            snapshot.columns.insert(name.clone(), columns.collect());
            for column in table.columns.values() {
                if let Some(name) = type_of(&column.column_type) {
                    snapshot.types.insert(name, vec![ColumnTypeName { schema: None, row: false }]);
                }
            }
        }
        snapshot
    }

    /// Reads the names from the catalog.
    pub(crate) async fn read(inspection: &mut Inspection, registry: &Registry) -> Result<Self, DbErr> {
        let mut snapshot = Self::default();
        let version: Version = inspection.ask_one(VERSION, []).await?;
        snapshot.server_version = u32::try_from(version.number).ok();

        let (schemas, tables): (Vec<_>, Vec<_>) =
            registry.tables().map(|(name, _)| (name.schema.clone(), name.name.clone())).unzip();
        let columns: Vec<Column> = inspection.ask(COLUMNS, [schemas.into(), tables.into()]).await?;
        for column in columns {
            let table = TableName { schema: column.table_schema, name: column.table_name };
            let known = TableColumn { name: column.name, row: column.is_row };
            if column.is_view {
                snapshot.views.insert(table.clone());
            }
            snapshot.columns.entry(table).or_default().push(known);
            if column.type_schema != "pg_catalog" {
                let known = ColumnTypeName { schema: Some(column.type_schema), row: column.is_row };
                let types = snapshot.types.entry(column.type_name).or_default();
                if !types.contains(&known) {
                    types.push(known);
                }
            }
        }
        let types: Vec<Name> = inspection.ask(OTHER_TYPES, []).await?;
        snapshot.other_types = types.into_iter().map(|found| found.name).collect();
        let operators: Vec<Name> = inspection.ask(OPERATORS, []).await?;
        snapshot.operators = operators.into_iter().map(|found| found.name).collect();
        let functions: Vec<Function> = inspection.ask(FUNCTIONS, []).await?;
        snapshot.functions = functions
            .into_iter()
            .map(|Function { schema, name, only_reads, returns_row }| {
                ((schema, name), KnownFunction { only_reads, returns_row })
            })
            .collect();
        Ok(snapshot)
    }

    /// The version as in `server_version_num`, such as 170005.
    pub(crate) const fn server_version(&self) -> Option<u32> {
        self.server_version
    }

    /// The columns of a registered table in their order, if they are known.
    pub(crate) fn columns(&self, table: &TableName) -> Option<&[TableColumn]> {
        self.columns.get(table).map(Vec::as_slice).filter(|columns| !columns.is_empty())
    }

    /// Whether a registered table is a view.
    pub(crate) fn is_view(&self, table: &TableName) -> bool {
        self.views.contains(table)
    }

    /// The column type of this name, if it is unique.
    pub(crate) fn column_type(&self, schema: Option<&str>, name: &str) -> Option<&ColumnTypeName> {
        let mut types = self.types.get(name)?.iter().filter(|known| {
            schema.is_none_or(|schema| known.schema.as_deref().is_none_or(|known| known == schema))
        });
        let first = types.next()?;
        types.next().is_none().then_some(first)
    }

    /// Whether a type outside `pg_catalog` has the name.
    pub(crate) fn shadows_type(&self, name: &str) -> bool {
        self.other_types.contains(name)
    }

    /// Whether an operator outside `pg_catalog` has the name and applies to operands other than rows.
    pub(crate) fn has_operator(&self, name: &str) -> bool {
        self.operators.contains(name)
    }

    /// Whether a function outside `pg_catalog` has the name.
    pub(crate) fn has_function(&self, name: &str) -> bool {
        self.functions.keys().any(|(_, known)| known == name)
    }

    /// Whether every function of the name is known and cannot write.
    pub(crate) fn never_writes(&self, name: &[String]) -> bool {
        let mut overloads = self.overloads(name).peekable();
        overloads.peek().is_some() && overloads.all(|function| function.only_reads)
    }

    /// Whether a function of the name returns rows.
    pub(crate) fn returns_row(&self, name: &[String]) -> bool {
        self.overloads(name).any(|function| function.returns_row)
    }

    fn overloads(&self, name: &[String]) -> impl Iterator<Item = KnownFunction> {
        let found = self.functions.iter().filter(move |((schema, function), _)| match name {
            [name] => function == name,
            [wanted, name] => function == name && schema == wanted,
            _ => false,
        });
        found.map(|(_, function)| *function)
    }
}

/// The name of a type that is not built in.
fn type_of(column_type: &ColumnType) -> Option<String> {
    match column_type {
        ColumnType::Enum { name, .. } | ColumnType::Custom(name) => Some(name.to_string()),
        ColumnType::Array(element) => type_of(element),
        _ => None,
    }
}

#[derive(FromQueryResult)]
struct Version {
    number: i32,
}

#[derive(FromQueryResult)]
struct Column {
    table_schema: String,
    table_name: String,
    name: String,
    type_schema: String,
    type_name: String,
    is_row: bool,
    is_view: bool,
}

#[derive(FromQueryResult)]
struct Name {
    name: String,
}

#[derive(FromQueryResult)]
struct Function {
    schema: String,
    name: String,
    only_reads: bool,
    returns_row: bool,
}

const VERSION: &str = "SELECT pg_catalog.current_setting('server_version_num')::int4 AS number";

/// Selects the columns of the registered tables. Arrays and domains are resolved to find out whether they
/// contain rows.
const COLUMNS: &str = "WITH RECURSIVE named AS ( \
        SELECT * FROM unnest($1::text[], $2::text[]) AS named (table_schema, table_name) \
    ), columns AS ( \
        SELECT named.table_schema, named.table_name, a.attname::text AS name, a.attnum, \
            c.relkind NOT IN ('r', 'p') AS is_view, \
            CASE WHEN t.typelem <> 0 AND t.typsubscript = 'array_subscript_handler'::regproc \
                THEN t.typelem ELSE t.oid END AS type \
        FROM named \
        JOIN pg_catalog.pg_namespace n ON n.nspname = named.table_schema \
        JOIN pg_catalog.pg_class c ON c.relnamespace = n.oid AND c.relname = named.table_name \
        JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped \
        JOIN pg_catalog.pg_type t ON t.oid = a.atttypid \
    ), bases AS ( \
        SELECT DISTINCT type AS start, type FROM columns \
        UNION \
        SELECT bases.start, CASE WHEN t.typtype = 'd' THEN t.typbasetype ELSE t.typelem END \
        FROM bases JOIN pg_catalog.pg_type t ON t.oid = bases.type \
        WHERE t.typtype = 'd' \
            OR t.typelem <> 0 AND t.typsubscript = 'array_subscript_handler'::regproc \
    ) \
    SELECT columns.table_schema, columns.table_name, columns.name, n.nspname::text AS type_schema, columns.is_view, \
        t.typname::text AS type_name, \
        EXISTS (SELECT FROM bases JOIN pg_catalog.pg_type base ON base.oid = bases.type \
            WHERE bases.start = columns.type AND (base.typtype = 'c' OR base.typname = 'record')) AS is_row \
    FROM columns JOIN pg_catalog.pg_type t ON t.oid = columns.type \
    JOIN pg_catalog.pg_namespace n ON n.oid = t.typnamespace \
    ORDER BY 1, 2, columns.attnum";

const OTHER_TYPES: &str = "SELECT DISTINCT typname::text AS name FROM pg_catalog.pg_type \
    WHERE typnamespace <> 'pg_catalog'::regnamespace";

/// Selects the operators outside `pg_catalog` that could read more than their operands.
///
/// Operators of known extensions are omitted. So are operators for a table's row type, because the rewriter
/// refuses rows as operands.
const OPERATORS: &str = "SELECT DISTINCT o.oprname::text AS name FROM pg_catalog.pg_operator o \
    WHERE o.oprnamespace <> 'pg_catalog'::regnamespace \
    AND NOT EXISTS (SELECT FROM pg_catalog.pg_type t WHERE t.oid IN (o.oprleft, o.oprright) \
        AND t.typtype = 'c') \
    AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend d \
        JOIN pg_catalog.pg_extension e ON e.oid = d.refobjid AND d.refclassid = 'pg_extension'::regclass \
        WHERE d.classid = 'pg_operator'::regclass AND d.objid = o.oid AND d.deptype = 'e' \
        AND e.extname IN ('btree_gin', 'btree_gist', 'citext', 'cube', 'fuzzystrmatch', 'hstore', 'intarray', 'isn', \
            'ltree', 'pg_trgm', 'postgis', 'seg', 'unaccent', 'vector'))";

const FUNCTIONS: &str = "SELECT n.nspname::text AS schema, p.proname::text AS name, \
    bool_and(p.provolatile <> 'v') AS only_reads, \
    bool_or(t.typtype IN ('c', 'p') OR coalesce(e.typtype = 'c', false)) AS returns_row \
    FROM pg_catalog.pg_proc p JOIN pg_catalog.pg_type t ON t.oid = p.prorettype \
    LEFT JOIN pg_catalog.pg_type e ON e.oid = t.typelem JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace \
    WHERE n.nspname NOT IN ('pg_catalog', 'information_schema') GROUP BY 1, 2";
