//! Column references and fields in expressions.

use postgresql_cst_parser::syntax_kind::SyntaxKind as K;

use super::super::refusal::Reason;
use super::analysis::Analysis;
use super::identifier::identifier;
use super::output;
use super::scope::{Meaning, Relation, Scope, Value};
use super::tree::Node;
use super::walk::excerpt;
use super::{Walk, unhandled, unsupported};

impl Analysis<'_> {
    pub(super) fn column_reference(&mut self, node: Node<'_>, scope: &Scope<'_>) -> Walk<Value> {
        let mut names = Vec::new();
        let mut rest = Vec::new();
        let mut star = false;
        for child in node.children() {
            match child.kind() {
                K::ColId => names.push(child),
                K::indirection => {
                    for element in field_elements(child) {
                        let label = element.descendants().find(|node| node.kind() == K::ColLabel);
                        match label {
                            Some(label) if rest.is_empty() && !star => names.push(label),
                            _ if element.has(K::Star) && rest.is_empty() && !star => star = true,
                            _ => rest.push(element),
                        }
                    }
                }
                _ => return unhandled(child),
            }
        }
        if star {
            if !rest.is_empty() || self.relation_named(&names, scope)?.is_none() {
                return Err(Reason::UnknownColumn(node.text().to_owned()));
            }
            return Ok(Value::ROW);
        }
        let value = match &names[..] {
            [name] => match scope.unqualified(&identifier(*name))? {
                Meaning::Column(value) => value,
                Meaning::WholeRow(_) => Value::ROW,
                Meaning::SystemColumn { label } => {
                    // The guard around the table hides its system columns, so they must be qualified.
                    self.edits.insert(name.start(), format!("{label}."));
                    Value::PLAIN
                }
            },
            [qualifier @ .., name] => {
                let relation = self
                    .relation_named(qualifier, scope)?
                    .ok_or_else(|| Reason::UnknownColumn(node.text().to_owned()))?;
                let name = identifier(*name);
                match relation.column(&name) {
                    Some(value) => value,
                    None if relation.columns.open && !self.snapshot.has_function(&name) => Value::PLAIN,
                    None => return Err(Reason::UnknownColumn(node.text().to_owned())),
                }
            }
            [] => return unhandled(node),
        };
        rest.into_iter().try_fold(value, |value, element| self.field(value, element, scope))
    }

    /// Walks a known field of a row: `(t).column` or `(json_each(..)).key`. Any other name would call a
    /// function of the row.
    pub(super) fn fields_of_row(
        &mut self,
        inner: Node<'_>,
        fields: Node<'_>,
        scope: &Scope<'_>,
    ) -> Walk<Value> {
        let elements: Vec<Node<'_>> = field_elements(fields);
        let first = elements
            .first()
            .and_then(|element| element.descendants().find(|node| node.kind() == K::ColLabel));
        let Some(field) = first else {
            let value = self.expression(inner, scope)?;
            return self.fields(value, fields, scope);
        };
        let name = identifier(field);
        let columns = match output::bare_name(inner).map(|inner| scope.unqualified(&inner)).transpose()? {
            Some(Meaning::WholeRow(columns)) => Some(columns.clone()),
            _ => self.row_function(inner, scope)?,
        };
        let column = columns.and_then(|columns| {
            columns.list.iter().find(|column| column.name == name).map(|column| column.value)
        });
        let Some(value) = column else {
            return Err(Reason::RowOperand(format!("({}).{name}", excerpt(inner)).into()));
        };
        elements.iter().skip(1).try_fold(value, |value, element| self.field(value, *element, scope))
    }

    /// Walks the subscripts of a value. A field by name would call a function of the value.
    pub(super) fn fields(&mut self, value: Value, fields: Node<'_>, scope: &Scope<'_>) -> Walk<Value> {
        field_elements(fields).into_iter().try_fold(value, |value, element| self.field(value, element, scope))
    }

    /// Finds the relation that `t` or `schema.t` names, and writes the table's schema in the database.
    pub(super) fn relation_named<'s>(
        &mut self,
        names: &[Node<'_>],
        scope: &'s Scope<'s>,
    ) -> Walk<Option<&'s Relation>> {
        match names {
            [label] => Ok(scope.relation(&identifier(*label))),
            [schema, table] => {
                let table = self.registry.resolve(Some(&identifier(*schema)), &identifier(*table));
                self.replace_schema(*schema, &table);
                Ok(scope.table(&table))
            }
            _ => unsupported("a column name with more than three parts"),
        }
    }

    fn field(&mut self, value: Value, element: Node<'_>, scope: &Scope<'_>) -> Walk<Value> {
        for child in element.children() {
            match child.kind() {
                K::LBracket | K::RBracket | K::Colon => {}
                K::a_expr | K::opt_slice_bound => drop(self.plain_expression(child, scope)?),
                _ => return Err(Reason::RowOperand(format!("the field access {}", element.text()).into())),
            }
        }
        Ok(Value { row: value.row, own_tenant: false })
    }
}

fn field_elements(fields: Node<'_>) -> Vec<Node<'_>> {
    fields.children().filter(|child| child.kind() == K::indirection_el).collect()
}
