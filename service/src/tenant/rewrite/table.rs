//! Lookup of registered tables, with their columns and relations.

use watertight_schema::sql;

use super::super::refusal::Reason;
use super::super::registry::{Ownership, TableName};
use super::analysis::Analysis;
use super::guard::check_label;
use super::identifier::{identifier, parts};
use super::scope::{Column, Columns, Relation, Value};
use super::tree::Node;
use super::{Walk, unhandled, unsupported};

impl Analysis<'_> {
    /// Finds the table of a name, and its ownership.
    pub(super) fn lookup(&self, name: Node<'_>) -> Walk<(TableName, Ownership)> {
        let table = match &parts(name)?[..] {
            [name] => self.registry.resolve(None, &identifier(*name)),
            [schema, name] => self.registry.resolve(Some(&identifier(*schema)), &identifier(*name)),
            _ => return unsupported("a table name with more than two parts"),
        };
        match self.registry.ownership(&table) {
            Some(ownership) => Ok((table, ownership)),
            None => Err(Reason::UnknownTable(table.to_string())),
        }
    }

    /// Writes the schema of a table in the database, if the statement has another schema or none.
    pub(super) fn write_schema(&mut self, name: Node<'_>, table: &TableName) -> Walk {
        match parts(name)?[..] {
            [only] => self.edits.insert(only.start(), format!("{}.", sql::identifier(&table.schema))),
            [schema, _] => self.replace_schema(schema, table),
            _ => {}
        }
        Ok(())
    }

    /// Replaces the schema in a statement with the table's schema in the database.
    pub(super) fn replace_schema(&mut self, schema: Node<'_>, table: &TableName) {
        if identifier(schema) != table.schema {
            self.edits.replace(schema.start(), schema.end(), sql::identifier(&table.schema));
        }
    }

    /// The columns of a registered table.
    pub(super) fn columns_of(&self, table: &TableName, ownership: Ownership) -> Columns {
        let Some(columns) = self.snapshot.columns(table) else {
            return Columns { open: true, ..Columns::default() };
        };
        // A row for everyone has the key of no tenant.
        let is_own = ownership == Ownership::Tenant && !self.registry.has_rows_for_everyone(table);
        let tenant_column = self.registry.tenant_column(table);
        let list: Vec<Column> = columns
            .iter()
            .map(|column| {
                let own_tenant = is_own && column.name == tenant_column;
                let value = Value { row: column.row, own_tenant };
                Column::new(column.name.clone(), value)
            })
            .collect();
        Columns::known(list)
    }

    /// Creates the relation of a registered table.
    pub(super) fn table_relation(
        &self,
        name: Node<'_>,
        alias: Option<Node<'_>>,
        table: TableName,
        ownership: Ownership,
    ) -> Walk<Relation> {
        let last = parts(name)?.pop();
        let Some(label) = alias.or(last) else { return unhandled(name) };
        check_label(label)?;
        Ok(Relation {
            label: Some(identifier(label)),
            label_text: label.text().to_owned(),
            columns: self.columns_of(&table, ownership),
            table: alias.is_none().then_some(table),
            has_system_columns: true,
            joined: false,
        })
    }
}
