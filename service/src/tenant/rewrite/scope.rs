//! The names in scope of a part of a statement: relations, columns and common table expressions.

use std::cell::RefCell;
use std::rc::Rc;

use super::super::refusal::Reason;
use super::super::registry::TableName;
use super::Walk;

/// The known properties of the value of an expression.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Value {
    /// Whether the value may be a row, or an array of rows. PostgreSQL looks up functions, operators and
    /// casts by the types of their operands, and every table is a type.
    pub(super) row: bool,
    /// Whether the value is certain to be the tenant of the connection.
    pub(super) own_tenant: bool,
}

impl Value {
    pub(super) const PLAIN: Self = Self { row: false, own_tenant: false };
    pub(super) const ROW: Self = Self { row: true, own_tenant: false };

    /// Combines the values of alternatives, such as the branches of CASE.
    pub(super) const fn or(self, other: Self) -> Self {
        Self { row: self.row || other.row, own_tenant: self.own_tenant && other.own_tenant }
    }
}

/// A column of a relation or of a query's result.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Column {
    pub(super) name: String,
    pub(super) value: Value,
}

impl Column {
    pub(super) fn new(name: impl Into<String>, value: Value) -> Self {
        Self { name: name.into(), value }
    }
}

/// The columns of a relation, in order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Columns {
    pub(super) list: Rc<[Column]>,
    /// Whether there may be unknown columns, as in the result of a declared function.
    pub(super) open: bool,
    /// Whether the server may have them in another order, so that an alias may rename other columns.
    pub(super) unordered: bool,
}

impl Columns {
    pub(super) fn known(list: impl Into<Rc<[Column]>>) -> Self {
        Self { list: list.into(), ..Self::default() }
    }

    /// The columns renamed by an alias, which may have fewer names.
    pub(super) fn renamed(&self, names: &[String]) -> Self {
        let mut list = self.list.to_vec();
        if self.unordered && !names.is_empty() {
            for column in &mut list {
                column.value = Value::ROW;
            }
        }
        for (index, name) in names.iter().enumerate() {
            match list.get_mut(index) {
                Some(column) => column.name.clone_from(name),
                None => list.push(Column::new(name.clone(), Value::PLAIN)),
            }
        }
        Self { list: list.into(), ..*self }
    }

    pub(super) fn with(&self, more: impl IntoIterator<Item = Column>) -> Self {
        Self { list: self.list.iter().cloned().chain(more).collect(), ..*self }
    }

    pub(super) fn any_row(&self) -> bool {
        self.list.iter().any(|column| column.value.row)
    }
}

/// A source of columns, such as a table or a subquery.
#[derive(Debug, Clone)]
pub(super) struct Relation {
    /// The name that qualifies its columns, as PostgreSQL stores it. A join without an alias has none.
    pub(super) label: Option<String>,
    /// The same name as written in the statement.
    pub(super) label_text: String,
    /// The table, if the statement can also refer to it with its schema.
    pub(super) table: Option<TableName>,
    pub(super) columns: Columns,
    /// Whether it is a table with system columns.
    pub(super) has_system_columns: bool,
    /// Whether its system columns must be qualified, as those of a table inside a join.
    pub(super) joined: bool,
}

impl Relation {
    /// Creates a relation that is not a table.
    pub(super) fn derived(label: Option<String>, columns: Columns) -> Self {
        Self {
            label_text: String::new(),
            label,
            table: None,
            columns,
            has_system_columns: false,
            joined: false,
        }
    }
}

/// A common table expression.
#[derive(Debug)]
pub(super) struct Cte {
    pub(super) name: String,
    /// Its columns, once they are known. For a recursive expression they are known after its first branch.
    pub(super) columns: RefCell<Option<Columns>>,
}

/// The names in scope of a part of a statement, innermost first.
#[derive(Debug, Clone, Copy)]
pub(super) struct Scope<'a> {
    pub(super) relations: &'a [Relation],
    pub(super) ctes: &'a [Cte],
    pub(super) outer: Option<&'a Scope<'a>>,
}

/// The meaning of a column reference.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Meaning<'a> {
    Column(Value),
    /// A system column, written without its relation.
    SystemColumn {
        label: &'a str,
    },
    /// The row of a relation.
    WholeRow(&'a Columns),
}

const SYSTEM_COLUMNS: &[&str] = &["cmax", "cmin", "ctid", "tableoid", "xmax", "xmin"];

impl<'a> Scope<'a> {
    pub(super) const EMPTY: Scope<'static> = Scope { relations: &[], ctes: &[], outer: None };

    pub(super) const fn of(relations: &'a [Relation], outer: &'a Scope<'a>) -> Self {
        Self { relations, ctes: &[], outer: Some(outer) }
    }

    pub(super) const fn with_ctes(ctes: &'a [Cte], outer: &'a Scope<'a>) -> Self {
        Self { relations: &[], ctes, outer: Some(outer) }
    }

    fn levels(&'a self) -> impl Iterator<Item = &'a Scope<'a>> {
        std::iter::successors(Some(self), |scope| scope.outer)
    }

    /// The common table expression of this name.
    pub(super) fn cte(&'a self, name: &str) -> Option<&'a Cte> {
        self.levels().find_map(|scope| scope.ctes.iter().rfind(|cte| cte.name == name))
    }

    /// Resolves an unqualified name as PostgreSQL's `transformColumnRef` does.
    ///
    /// It means a column of the nearest relation that has one, or else the row of the nearest relation of
    /// this name.
    pub(super) fn unqualified(&'a self, name: &str) -> Walk<Meaning<'a>> {
        let mut open = false;
        for scope in self.levels() {
            let open_inside = open;
            let mut found: Option<Value> = None;
            for relation in scope.relations {
                for column in relation.columns.list.iter().filter(|column| column.name == name) {
                    found = Some(found.map_or(column.value, |value| value.or(column.value)));
                }
                open |= relation.columns.open;
            }
            if let Some(value) = found {
                // An inner relation with unknown columns may have a column of this name.
                return Ok(Meaning::Column(if open_inside { Value::ROW } else { value }));
            }
            if SYSTEM_COLUMNS.contains(&name) {
                let mut tables =
                    scope.relations.iter().filter(|relation| relation.has_system_columns && !relation.joined);
                match (tables.next(), tables.next()) {
                    (Some(table), None) => return Ok(Meaning::SystemColumn { label: &table.label_text }),
                    (None, _) => {}
                    (Some(_), Some(_)) => {
                        return Err(Reason::UnknownColumn(format!("{name} (ambiguous without a table)")));
                    }
                }
            }
        }
        match self.relation(name) {
            Some(relation) => Ok(Meaning::WholeRow(&relation.columns)),
            None if open => Ok(Meaning::Column(Value::PLAIN)),
            None => Err(Reason::UnknownColumn(name.to_owned())),
        }
    }

    /// The nearest relation of this name.
    pub(super) fn relation(&'a self, label: &str) -> Option<&'a Relation> {
        self.levels().find_map(|scope| {
            scope.relations.iter().find(|relation| relation.label.as_deref() == Some(label))
        })
    }

    /// The nearest relation that is this table without an alias.
    pub(super) fn table(&'a self, name: &TableName) -> Option<&'a Relation> {
        self.levels()
            .find_map(|scope| scope.relations.iter().find(|relation| relation.table.as_ref() == Some(name)))
    }
}

impl Relation {
    /// A column of the relation.
    pub(super) fn column(&self, name: &str) -> Option<Value> {
        let mut values =
            self.columns.list.iter().filter(|column| column.name == name).map(|column| column.value);
        let first = values.next();
        let all = first.map(|first| values.fold(first, Value::or));
        let system = || (self.has_system_columns && SYSTEM_COLUMNS.contains(&name)).then_some(Value::PLAIN);
        all.or_else(system)
    }
}
