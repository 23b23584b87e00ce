//! The tables with a tenant column, registered or not.

use std::collections::BTreeMap;

use super::references::{Dependent, dependents, in_order, references};
use super::structure::{Reaction, Sequence, StoredColumn, Structure};
use crate::operations::MaintenanceError;
use crate::operations::inspection::catalog::{Catalog, Relation};
use crate::tenant::{Inspection, Registry};
use watertight_schema::sql;

/// A table with a tenant column.
#[derive(Debug)]
pub(super) struct TenantTable {
    /// The name as `schema.name`.
    pub(super) name: String,
    /// The name in exports, which does not depend on the schemas of table sets.
    pub(super) static_name: String,
    /// The name in SQL syntax, to write to.
    pub(super) quoted: String,
    /// The name in SQL syntax, to read from: without the tables that inherit from it, which are tables of their own.
    pub(super) source: String,
    /// The tenant column in SQL syntax.
    pub(super) tenant: String,
    /// The columns.
    pub(super) columns: Vec<StoredColumn>,
    /// The columns of the primary key, except the tenant.
    pub(super) key: Vec<StoredColumn>,
    /// The sequences of its columns.
    pub(super) sequences: Vec<Sequence>,
    /// The triggers and rules that react to a statement for the table.
    pub(super) reactions: Vec<TableReactions>,
    /// The position of its group in the order of the tables. The tables of a group refer to one another.
    pub(super) group: usize,
    /// Whether rows refer to rows of the same group.
    pub(super) is_circular: bool,
    writable: bool,
    hides_rows: bool,
}

/// The triggers and rules of a table, or of one of its partitions.
#[derive(Debug)]
pub(super) struct TableReactions {
    /// The table or partition, as `schema.name`.
    pub(super) name: String,
    /// The table or partition in SQL syntax.
    pub(super) quoted: String,
    pub(super) owned: bool,
    pub(super) reactions: Vec<Reaction>,
}

impl TenantTable {
    /// The columns that an import writes.
    pub(super) fn written(&self) -> impl Iterator<Item = &StoredColumn> {
        self.columns.iter().filter(|column| !column.generated)
    }

    pub(super) fn column_names(&self) -> Vec<String> {
        self.columns.iter().map(|column| column.name.clone()).collect()
    }
}

/// The tables, each after the tables that it refers to.
#[derive(Debug)]
pub(super) struct Tables {
    all: Vec<TenantTable>,
    /// The foreign keys of other tables that change their rows when a tenant's rows are deleted.
    pub(super) dependents: Vec<Dependent>,
    role: String,
    /// The name of the database, if the role cannot create temporary tables in it.
    no_temporary: Option<String>,
}

impl Tables {
    pub(super) async fn read(
        inspection: &mut Inspection,
        registry: &Registry,
    ) -> Result<Self, MaintenanceError> {
        let catalog = Catalog::read(inspection, None).await?;
        let structure = Structure::read(inspection).await?;
        let found: Vec<(&Relation, String)> = catalog
            .relations
            .iter()
            .filter_map(|relation| Some((relation, structure.tenant_column(relation, registry)?)))
            .collect();
        let relations: Vec<&Relation> = found.iter().map(|(relation, _)| *relation).collect();
        let tenant_column = |relation: &Relation| {
            let mut columns = found.iter().filter(|(other, _)| other.oid == relation.oid);
            columns.next().map_or("", |(_, column)| column)
        };
        let names = |of: &dyn Fn(&Relation) -> bool| -> Vec<String> {
            let chosen = relations.iter().filter(|relation| of(relation));
            chosen.map(|relation| relation.name().to_string()).collect()
        };
        let role = catalog.server.role.clone();
        let unreadable = names(&|relation| !relation.readable);
        if !unreadable.is_empty() {
            return Err(MaintenanceError::NotPermitted { role, what: "read", tables: unreadable });
        }
        let hidden = names(&|relation| structure.hides_rows(relation.oid));
        if !hidden.is_empty() {
            return Err(MaintenanceError::PolicyHidesRows { role, tables: hidden });
        }
        let dependents = dependents(&catalog, &found);
        let mut tables = Vec::new();
        for (group, members) in in_order(&catalog, &relations).into_iter().enumerate() {
            for relation in members {
                tables.push(describe(
                    &catalog,
                    &structure,
                    registry,
                    relation,
                    tenant_column(relation),
                    group,
                ));
            }
        }
        let mut sizes: BTreeMap<usize, usize> = BTreeMap::new();
        for table in &tables {
            *sizes.entry(table.group).or_default() += 1;
        }
        for table in &mut tables {
            table.is_circular |= sizes.get(&table.group).is_some_and(|size| *size > 1);
        }
        let no_temporary = (!structure.can_create_temporary).then(|| catalog.server.database.clone());
        Ok(Self { all: tables, dependents, role, no_temporary })
    }

    pub(super) fn iter(&self) -> impl DoubleEndedIterator<Item = &TenantTable> {
        self.all.iter()
    }

    /// The groups of tables that refer to one another, each after the groups that it refers to.
    pub(super) fn groups(&self) -> Vec<&[TenantTable]> {
        self.all.chunk_by(|one, other| one.group == other.group).collect()
    }

    /// The tables of the same group.
    pub(super) fn group_of(&self, table: &TenantTable) -> Vec<&TenantTable> {
        self.all.iter().filter(|other| other.group == table.group).collect()
    }

    /// Finds a table by its name in an export.
    pub(super) fn find(&self, static_name: &str) -> Option<&TenantTable> {
        self.all.iter().find(|table| table.static_name == static_name)
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
        self.all.iter().any(|table| table.hides_rows)
    }

    /// Whether the text form of rows depends on the search path.
    pub(super) fn have_names(&self) -> bool {
        self.all.iter().any(|table| table.columns.iter().any(|column| column.has_names))
    }

    /// Rejects a role that cannot write to every table, before the first write.
    pub(super) fn require_write(&self, what: &'static str) -> Result<(), MaintenanceError> {
        let tables: Vec<String> =
            self.all.iter().filter(|table| !table.writable).map(|table| table.name.clone()).collect();
        self.not_permitted(what, tables)
    }

    /// Rejects a role that cannot create temporary tables.
    pub(super) fn require_temporary(&self) -> Result<(), MaintenanceError> {
        self.not_permitted("create temporary tables in", self.no_temporary.clone().into_iter().collect())
    }

    /// Rejects the role if it has no permission for something on tables.
    pub(super) fn not_permitted(
        &self,
        what: &'static str,
        tables: Vec<String>,
    ) -> Result<(), MaintenanceError> {
        if tables.is_empty() {
            return Ok(());
        }
        Err(MaintenanceError::NotPermitted { role: self.role.clone(), what, tables })
    }
}

fn describe(
    catalog: &Catalog,
    structure: &Structure,
    registry: &Registry,
    relation: &Relation,
    tenant_column: &str,
    group: usize,
) -> TenantTable {
    let columns = structure.columns.of(relation).to_vec();
    let primary = catalog.constraints.of(relation).iter().find(|constraint| constraint.kind == "p");
    let key = primary.map_or(&[][..], |key| &key.columns).iter().filter(|name| *name != tenant_column);
    let key = key.filter_map(|name| columns.iter().find(|column| column.name == *name)).cloned().collect();
    let quoted = relation.quoted();
    TenantTable {
        name: relation.name().to_string(),
        static_name: registry.static_name(&relation.name()),
        source: if structure.is_inherited(relation.oid) { format!("ONLY {quoted}") } else { quoted.clone() },
        quoted,
        tenant: sql::identifier(tenant_column),
        key,
        columns,
        sequences: structure.sequences.of(relation).to_vec(),
        reactions: reactions(catalog, structure, relation),
        group,
        is_circular: references(catalog, relation)
            .iter()
            .any(|(_, referenced)| referenced.oid == relation.oid),
        writable: relation.writable,
        hides_rows: relation.hides_rows,
    }
}

/// The triggers and rules of a table and the triggers of its partitions. A statement for the table does not run the
/// rules of its partitions.
fn reactions(catalog: &Catalog, structure: &Structure, relation: &Relation) -> Vec<TableReactions> {
    let reactions = catalog.with_partitions(relation).into_iter().map(|holder| TableReactions {
        name: holder.name().to_string(),
        quoted: holder.quoted(),
        owned: holder.owned,
        reactions: structure
            .reactions
            .of(holder)
            .iter()
            .filter(|reaction| holder.oid == relation.oid || reaction.kind == "TRIGGER")
            .cloned()
            .collect(),
    });
    reactions.filter(|table| !table.reactions.is_empty()).collect()
}
