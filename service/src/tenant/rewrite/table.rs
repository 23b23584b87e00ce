//! Registered tables: the one that a name means, its columns, and the relation that it becomes.

use super::super::refusal::Reason;
use super::super::registry::{Ownership, TENANT_COLUMN, TableName};
use super::analysis::Analysis;
use super::guard::check_label;
use super::identifier::{identifier, parts};
use super::scope::{Column, Columns, Relation, Value};
use super::tree::Node;
use super::{Walk, unhandled, unsupported};

impl Analysis<'_> {
    /// The table that a name means, and whose rows it holds.
    pub(super) fn lookup(&self, name: Node<'_>) -> Walk<(TableName, Ownership)> {
        let table = match &parts(name)?[..] {
            [name] => TableName { schema: TableName::DEFAULT_SCHEMA.to_owned(), name: identifier(*name) },
            [schema, name] => TableName { schema: identifier(*schema), name: identifier(*name) },
            _ => return unsupported("a table's name of more than two parts"),
        };
        match self.registry.ownership(&table) {
            Some(ownership) => Ok((table, ownership)),
            None => Err(Reason::UnknownTable(table.to_string())),
        }
    }

    /// Writes out the schema of a table that the statement leaves to `search_path`.
    pub(super) fn write_schema(&mut self, name: Node<'_>) -> Walk {
        if let [only] = parts(name)?[..] {
            self.edits.insert(only.start(), format!("\"{}\".", TableName::DEFAULT_SCHEMA));
        }
        Ok(())
    }

    /// The columns of a registered table.
    pub(super) fn columns_of(&self, table: &TableName, ownership: Ownership) -> Columns {
        let Some(columns) = self.snapshot.columns(table) else {
            return Columns { open: true, ..Columns::default() };
        };
        let list: Vec<Column> = columns
            .iter()
            .map(|column| {
                let own = ownership == Ownership::Tenant && column.name == TENANT_COLUMN;
                let value = Value { row: column.row, own_tenant: own };
                Column::new(column.name.clone(), value)
            })
            .collect();
        Columns::known(list)
    }

    /// A relation that stands for a registered table.
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
