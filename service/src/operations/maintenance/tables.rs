//! The tables with a tenant column, registered or not.

use crate::operations::MaintenanceError;
use crate::operations::inspection::catalog::{Catalog, Column, Constraint, Relation};
use crate::tenant::{Inspection, Registry, TENANT_COLUMN};
use watertight_schema::order;
use watertight_schema::sql::{identifier, literal};

/// A table with a tenant column.
#[derive(Debug)]
pub(super) struct TenantTable {
    /// The name as `schema.name`.
    pub(super) name: String,
    /// The name in exports, which does not depend on the schemas of table sets.
    pub(super) static_name: String,
    /// The name in SQL syntax.
    pub(super) quoted: String,
    /// The columns that are not generated.
    pub(super) columns: Vec<String>,
    /// The ORDER BY list over the key.
    pub(super) order: String,
    /// The expression that turns a row `r` of the stored columns into JSON.
    ///
    /// `to_jsonb` returns null for both NULL and the JSON value null. To tell them apart, the expression
    /// omits a JSON column that is NULL.
    pub(super) as_json: String,
    /// The expressions for the stored columns.
    ///
    /// They use the JSON object `e` and the row `r` that PostgreSQL converted from it.
    pub(super) from_json: String,
    /// Whether rows refer to other rows of the same table.
    pub(super) refers_to_itself: bool,
    writable: bool,
    hides_rows: bool,
}

impl TenantTable {
    /// The list of stored columns in SQL syntax.
    pub(super) fn quoted_columns(&self) -> String {
        self.columns.iter().map(|column| identifier(column)).collect::<Vec<_>>().join(", ")
    }
}

/// The tables, each after the tables that it refers to.
#[derive(Debug)]
pub(super) struct Tables {
    tables: Vec<TenantTable>,
    role: String,
}

impl Tables {
    pub(super) async fn read(
        inspection: &mut Inspection,
        registry: &Registry,
    ) -> Result<Self, MaintenanceError> {
        let catalog = Catalog::read(inspection).await?;
        // The partitioned table already includes the rows of its partitions.
        let is_own =
            |relation: &&Relation| relation.is_table() && relation.has_tenant && !relation.is_partition;
        let relations: Vec<&Relation> = catalog.relations.iter().filter(is_own).collect();
        let unreadable: Vec<String> = relations
            .iter()
            .filter(|relation| !relation.readable)
            .map(|relation| relation.name().to_string())
            .collect();
        let role = catalog.server.role.clone();
        if !unreadable.is_empty() {
            return Err(MaintenanceError::NotPermitted { role, what: "read", tables: unreadable });
        }
        let tables = in_order(&catalog, &relations)?;
        Ok(Self {
            tables: tables.into_iter().map(|table| describe(&catalog, registry, table)).collect(),
            role,
        })
    }

    pub(super) fn iter(&self) -> impl DoubleEndedIterator<Item = &TenantTable> {
        self.tables.iter()
    }

    /// Finds a table by its name in an export.
    pub(super) fn find(&self, static_name: &str) -> Option<&TenantTable> {
        self.tables.iter().find(|table| table.static_name == static_name)
    }

    /// Rejects a role that row-level security restricts to one tenant at a time.
    pub(super) fn require_sight(&self) -> Result<(), MaintenanceError> {
        if self.hide_rows() { Err(MaintenanceError::RowsHidden { role: self.role.clone() }) } else { Ok(()) }
    }

    /// Rejects a role that row-level security restricts, because it cannot use COPY as Citus does.
    pub(super) fn require_copy(&self) -> Result<(), MaintenanceError> {
        if self.hide_rows() {
            Err(MaintenanceError::CopyNotPermitted { role: self.role.clone() })
        } else {
            Ok(())
        }
    }

    fn hide_rows(&self) -> bool {
        self.tables.iter().any(|table| table.hides_rows)
    }

    /// Rejects a role that cannot write to every table, before the first write.
    pub(super) fn require_write(&self, what: &'static str) -> Result<(), MaintenanceError> {
        let tables: Vec<String> =
            self.tables.iter().filter(|table| !table.writable).map(|table| table.name.clone()).collect();
        if tables.is_empty() {
            return Ok(());
        }
        Err(MaintenanceError::NotPermitted { role: self.role.clone(), what, tables })
    }
}

/// Sorts the tables so that each comes after the tables that it refers to.
fn in_order<'a>(
    catalog: &Catalog,
    relations: &[&'a Relation],
) -> Result<Vec<&'a Relation>, MaintenanceError> {
    let references = relations.iter().flat_map(|relation| {
        let keys = catalog.constraints.of(relation).iter().filter(|key| key.is_foreign_key());
        keys.map(|key| (relation.oid, key.referenced))
    });
    let of = |oids: Vec<i64>| {
        oids.into_iter().filter_map(|oid| relations.iter().copied().find(|relation| relation.oid == oid))
    };
    match order::sorted(relations.iter().map(|relation| relation.oid), references) {
        Ok(sorted) => Ok(of(sorted).collect()),
        Err(cycle) => {
            let tables = of(cycle.waiting).map(|relation| relation.name().to_string()).collect();
            Err(MaintenanceError::TableCycle { tables })
        }
    }
}

fn describe(catalog: &Catalog, registry: &Registry, relation: &Relation) -> TenantTable {
    let constraints = catalog.constraints.of(relation);
    let columns: Vec<&Column> =
        catalog.columns.of(relation).iter().filter(|column| !column.generated).collect();
    let (as_json, from_json) = json(&columns);
    TenantTable {
        name: relation.name().to_string(),
        static_name: registry.static_name(&relation.name()),
        quoted: relation.quoted(),
        order: row_order(&columns, constraints.iter().find(|constraint| constraint.kind == "p")),
        as_json,
        from_json,
        columns: columns.into_iter().map(|column| column.name.clone()).collect(),
        refers_to_itself: constraints
            .iter()
            .any(|key| key.is_foreign_key() && key.referenced == relation.oid),
        writable: relation.writable,
        hides_rows: relation.hides_rows,
    }
}

/// The ORDER BY list over the key. It does not use the collation of the database, which differs between
/// servers.
fn row_order(columns: &[&Column], key: Option<&Constraint>) -> String {
    let key = key.map_or(&[][..], |key| &key.columns);
    let columns = key.iter().filter(|name| *name != TENANT_COLUMN).map(|name| {
        let is_text = columns.iter().any(|column| column.name == *name && column.is_text());
        format!("t.{}{}", identifier(name), if is_text { r#" COLLATE "C""# } else { "" })
    });
    let columns: Vec<String> = columns.collect();
    if columns.is_empty() { "1".to_owned() } else { columns.join(", ") }
}

fn json(columns: &[&Column]) -> (String, String) {
    let is_json = |column: &&Column| matches!(column.data_type.as_str(), "json" | "jsonb");
    let absent: Vec<String> = columns
        .iter()
        .copied()
        .filter(is_json)
        .map(|column| {
            format!("CASE WHEN r.{} IS NULL THEN {} END", identifier(&column.name), literal(&column.name))
        })
        .collect();
    let as_json = format!("(to_jsonb(r) - array_remove(ARRAY[{}]::text[], NULL))", absent.join(", "));
    let from_json = columns.iter().map(|column| {
        if is_json(column) {
            format!("(e->{})::{}", literal(&column.name), column.data_type)
        } else {
            format!("r.{}", identifier(&column.name))
        }
    });
    (as_json, from_json.collect::<Vec<_>>().join(", "))
}
