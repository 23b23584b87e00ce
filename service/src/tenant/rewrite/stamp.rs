//! Adds the tenant to the rows of an INSERT.

use postgresql_cst_parser::syntax_kind::SyntaxKind as K;

use super::super::refusal::Reason;
use super::super::registry::TableName;
use super::analysis::Analysis;
use super::output;
use super::scope::{Columns, Value};
use super::tree::Node;
use super::{Walk, unsupported};

/// The position of the tenant in the rows of an INSERT.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// After the last column, because the statement does not name it.
    Last,
    /// At this index, because the statement names it.
    At(usize),
    /// The index of the tenant column in the table, because the statement names no columns. Rows that are
    /// longer contain the tenant.
    InTable(usize),
}

/// The stamp that adds the tenant to the rows of an INSERT.
#[derive(Debug)]
pub(super) struct Stamp {
    pub(super) table: TableName,
    pub(super) place: Place,
    /// For each column of the INSERT, in order, whether its values are rows.
    pub(super) rows: Vec<bool>,
}

impl Stamp {
    fn place(&self, columns: usize) -> Place {
        match self.place {
            Place::InTable(index) if index < columns => Place::At(index),
            Place::InTable(_) => Place::Last,
            place => place,
        }
    }

    /// Refuses a row as the value of a column without a row type, because PostgreSQL would look up a cast.
    fn check_values(&self, values: impl Iterator<Item = Value>) -> Walk {
        for (index, value) in values.enumerate() {
            if value.row && !self.rows.get(index).copied().unwrap_or(false) {
                let column = format!("value {} of a row for {}", index + 1, self.table);
                return Err(Reason::RowOperand(column.into()));
            }
        }
        Ok(())
    }

    /// Stamps a row of VALUES that ends at `end`.
    pub(super) fn row(&self, analysis: &mut Analysis<'_>, row: &[(Node<'_>, Value)], end: usize) -> Walk {
        self.check_values(row.iter().map(|(_, value)| *value))?;
        let Place::At(index) = self.place(row.len()) else {
            analysis.edits.insert(end, format!(", {}", analysis.tenant));
            return Ok(());
        };
        match row.get(index) {
            Some((expression, value)) => analysis.name_tenant(*expression, *value, &self.table),
            None => unsupported("a row with fewer values than columns"),
        }
    }

    /// The text to add to the select list of a query with these columns, if any.
    pub(super) fn select_list_end(
        &self,
        analysis: &mut Analysis<'_>,
        list: Option<(Node<'_>, &Columns)>,
    ) -> Walk<String> {
        let unknown = || Reason::TenantExpression(self.table.to_string());
        if let Some((_, columns)) = list {
            self.check_values(columns.list.iter().map(|column| column.value))?;
        }
        let mut targets = Vec::new();
        if let Some((list, _)) = list {
            let list = list.child(K::target_list).unwrap_or(list);
            targets.extend(list.children().filter(|child| child.kind() == K::target_el));
        }
        let is_star = |target: &Node<'_>| {
            let expression = target.child(K::a_expr);
            expression.is_none_or(|expression| output::before_star(expression).is_some())
        };
        let has_star = list.is_none() || targets.iter().any(is_star);
        if has_star && matches!(self.place, Place::InTable(_)) {
            return Err(Reason::UnnamedColumns(self.table.to_string()));
        }
        let Place::At(index) = self.place(targets.len()) else {
            return Ok(format!(", {}::{}", analysis.tenant, analysis.registry.tenant_type()));
        };
        // The number of columns of a wildcard may have changed since the columns were read.
        if list.is_none() || targets.iter().take(index + 1).any(is_star) {
            return Err(unknown());
        }
        let expression = targets.get(index).and_then(|target| target.child(K::a_expr));
        let value = list.and_then(|(_, columns)| columns.list.get(index).map(|column| column.value));
        match (expression, value) {
            (Some(expression), Some(value)) => analysis.name_tenant(expression, value, &self.table)?,
            _ => return Err(unknown()),
        }
        Ok(String::new())
    }
}
