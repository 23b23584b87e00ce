//! The columns of functions in FROM, `JSON_TABLE` and `XMLTABLE`.

use postgresql_cst_parser::syntax_kind::SyntaxKind as K;

use super::super::refusal::Reason;
use super::analysis::Analysis;
use super::identifier::{identifier, parts};
use super::output;
use super::scope::{Column, Columns, Relation, Scope, Value};
use super::tree::Node;
use super::walk::excerpt;
use super::{Walk, unhandled};

/// Built-in functions that return rows, with their columns.
const RETURNING_ROWS: &[(&str, &[&str])] = &[
    ("json_each", &["key", "value"]),
    ("json_each_text", &["key", "value"]),
    ("jsonb_each", &["key", "value"]),
    ("jsonb_each_text", &["key", "value"]),
];

/// Built-in functions with a named result column, which differs from the function's name.
const NAMED_RESULTS: &[(&str, &str)] = &[
    ("json_array_elements", "value"),
    ("json_array_elements_text", "value"),
    ("jsonb_array_elements", "value"),
    ("jsonb_array_elements_text", "value"),
];

/// Functions that return a tsvector.
const TO_TSVECTOR: &[&str] = &[
    "array_to_tsvector",
    "json_to_tsvector",
    "jsonb_to_tsvector",
    "setweight",
    "strip",
    "to_tsvector",
    "ts_delete",
    "ts_filter",
];

impl Analysis<'_> {
    /// The columns of an expression that calls a function that returns rows.
    pub(super) fn row_function(&mut self, node: Node<'_>, scope: &Scope<'_>) -> Walk<Option<Columns>> {
        self.expression(node, scope)?;
        let call = node.descendants().find(|node| matches!(node.kind(), K::func_application));
        let is_whole = call.is_some_and(|call| (call.start(), call.end()) == (node.start(), node.end()));
        let name = call.filter(|_| is_whole).and_then(|call| call.child(K::func_name));
        let Some(name) = name else { return Ok(None) };
        let name = parts(name)?.last().map(|last| identifier(*last)).unwrap_or_default();
        Ok(row_columns(&name).map(plain_columns))
    }

    /// The columns of a function in FROM.
    pub(super) fn function_columns(
        &mut self,
        node: Node<'_>,
        alias: Option<String>,
        defined: Option<&[Column]>,
        siblings: &[Relation],
        scope: &Scope<'_>,
    ) -> Walk<Columns> {
        let several = node.child(K::func_application).filter(|call| is_unnest_of_several(*call));
        self.own_unnest = several.filter(|_| defined.is_none()).map(Node::start);
        let value = self.expression(node, &Scope::of(siblings, scope))?;
        if let Some(defined) = defined {
            return Ok(Columns::known(defined));
        }
        let Some(call) = node.child(K::func_application) else {
            let name = match alias {
                Some(alias) => alias,
                None => output::name(node)?.text,
            };
            return Ok(Columns::known([Column::new(name, value)]));
        };
        let Some(name) = call.child(K::func_name) else { return unhandled(call) };
        let folded: Vec<String> = parts(name)?.into_iter().map(identifier).collect();
        let last = folded.last().cloned().unwrap_or_default();
        if self.registry.declares_function(&folded.join(".")) {
            let scalar = Column::new(alias.unwrap_or(last), Value::PLAIN);
            return Ok(Columns { open: true, ..Columns::known([scalar]) });
        }
        if let Some(columns) = row_columns(&last) {
            return Ok(plain_columns(columns));
        }
        if let Some((_, result)) = NAMED_RESULTS.iter().find(|(function, _)| *function == last) {
            return Ok(Columns::known([Column::new(*result, Value::PLAIN)]));
        }
        if last.ends_with("_populate_record") || last.ends_with("_populate_recordset") {
            // The columns come from the type to which the first argument is cast.
            let arguments = call.child(K::func_arg_list);
            let kind = arguments
                .and_then(|arguments| arguments.children().next())
                .and_then(|first| first.descendants().filter(|node| node.kind() == K::Typename).last());
            let table = kind.and_then(|kind| self.table_of_type(kind));
            return Ok(match table {
                Some((table, ownership)) => {
                    let columns = self.columns_of(&table, ownership).list;
                    let plain = |column: &Column| {
                        Column::new(column.name.clone(), Value { own_tenant: false, ..column.value })
                    };
                    Columns::known(columns.iter().map(plain).collect::<Vec<_>>())
                }
                None => Columns { open: true, ..Columns::default() },
            });
        }
        if last == "unnest" {
            return Ok(unnested(call, alias, value));
        }
        Ok(Columns::known([Column::new(alias.unwrap_or(last), Value { row: value.row, own_tenant: false })]))
    }

    /// Walks `JSON_TABLE (..)`.
    pub(super) fn json_table(&mut self, node: Node<'_>, scope: &Scope<'_>) -> Walk<Columns> {
        let mut columns = Vec::new();
        for child in node.children() {
            match child.kind() {
                K::JSON_TABLE => self.check_keyword(child)?,
                K::json_table_column_definition_list => self.json_columns(child, &mut columns, scope)?,
                K::json_table_path_name_opt => {}
                _ if child.is_token() => {}
                _ => drop(self.plain_expression(child, scope)?),
            }
        }
        Ok(Columns::known(columns))
    }

    /// Adds the columns of one level, and after them the columns of nested levels.
    fn json_columns(&mut self, node: Node<'_>, columns: &mut Vec<Column>, scope: &Scope<'_>) -> Walk {
        let mut below = Vec::new();
        for definition in node.children().filter(|child| child.kind() != K::Comma) {
            for child in definition.children() {
                match child.kind() {
                    K::ColId => columns.push(Column::new(identifier(child), Value::PLAIN)),
                    K::Typename => self.plain_type(child, scope)?,
                    K::json_table_column_definition_list => below.push(child),
                    K::name
                    | K::path_opt
                    | K::Sconst
                    | K::json_table_column_path_clause_opt
                    | K::json_table_path_name_opt => {}
                    _ if child.is_token() => {}
                    _ => drop(self.plain_expression(child, scope)?),
                }
            }
        }
        below.into_iter().try_for_each(|list| self.json_columns(list, columns, scope))
    }

    /// Walks `XMLTABLE (..)`.
    pub(super) fn xml_table(&mut self, node: Node<'_>, scope: &Scope<'_>) -> Walk<Columns> {
        let mut columns = Vec::new();
        for child in node.children() {
            match child.kind() {
                K::xmltable_column_list => {
                    for definition in child.children().filter(|child| child.kind() != K::Comma) {
                        for part in definition.children() {
                            match part.kind() {
                                K::ColId => columns.push(Column::new(identifier(part), Value::PLAIN)),
                                K::Typename => self.plain_type(part, scope)?,
                                _ if part.is_token() => {}
                                _ => drop(self.plain_expression(part, scope)?),
                            }
                        }
                    }
                }
                K::IDENT | K::PARAM => return unhandled(child),
                _ if child.is_token() => {}
                _ => drop(self.plain_expression(child, scope)?),
            }
        }
        Ok(Columns::known(columns))
    }

    fn plain_type(&mut self, node: Node<'_>, scope: &Scope<'_>) -> Walk {
        if self.type_name(node, scope)?.row {
            return Err(Reason::RowOperand(excerpt(node).into()));
        }
        Ok(())
    }
}

/// Whether a call is `unnest(a, b)` in FROM.
///
/// PostgreSQL recognizes this form only without a schema, and expands it to its own `unnest` of each
/// argument.
fn is_unnest_of_several(call: Node<'_>) -> bool {
    let plain = call
        .children()
        .all(|child| matches!(child.kind(), K::func_name | K::LParen | K::func_arg_list | K::RParen));
    let arguments = call
        .child(K::func_arg_list)
        .map_or(0, |list| list.children().filter(|child| child.kind() != K::Comma).count());
    plain && arguments > 1 && call.child(K::func_name).is_some_and(|name| identifier(name) == "unnest")
}

/// The columns of `unnest`: one for each array, or the three of a tsvector.
fn unnested(call: Node<'_>, alias: Option<String>, value: Value) -> Columns {
    let arguments: Vec<Node<'_>> = call
        .child(K::func_arg_list)
        .map_or_else(Vec::new, |list| list.children().filter(|item| item.kind() != K::Comma).collect());
    let name = alias.filter(|_| arguments.len() == 1).unwrap_or_else(|| "unnest".to_owned());
    let single = Column::new(name, Value { row: value.row, own_tenant: false });
    match &arguments[..] {
        [argument] => match type_of(*argument) {
            Unnested::Tsvector => plain_columns(&["lexeme", "positions", "weights"]),
            Unnested::Array => Columns::known([single]),
            // The result may be a tsvector with three columns. No cast or function can be declared for the
            // type of its row, and the operators over `record` are known.
            Unnested::Unknown => Columns { unordered: true, ..Columns::known([single]) },
        },
        _ => Columns::known(vec![single; arguments.len()]),
    }
}

enum Unnested {
    Array,
    Tsvector,
    Unknown,
}

/// The type of an expression, as far as its last part shows it.
fn type_of(node: Node<'_>) -> Unnested {
    let children: Vec<Node<'_>> = node.children().collect();
    match &children[..] {
        [only] if only.is_token() => Unnested::Unknown,
        [only] => type_of(*only),
        [array, _] if array.kind() == K::ARRAY => Unnested::Array,
        [open, inner, close] if (open.kind(), close.kind()) == (K::LParen, K::RParen) => type_of(*inner),
        [_, cast, kind] if cast.kind() == K::TYPECAST => {
            if kind.has(K::opt_array_bounds) || kind.has(K::ARRAY) {
                Unnested::Array
            } else if kind.text().eq_ignore_ascii_case("tsvector") {
                Unnested::Tsvector
            } else {
                Unnested::Unknown
            }
        }
        [name, ..] if name.kind() == K::func_name => {
            let last = name.descendants().filter(|node| node.is_token()).last().map(identifier);
            let is_tsvector = last.is_some_and(|last| TO_TSVECTOR.contains(&last.as_str()));
            if is_tsvector { Unnested::Tsvector } else { Unnested::Unknown }
        }
        _ => Unnested::Unknown,
    }
}

/// Whether a built-in function returns a row.
pub(super) fn returns_row(function: &str) -> bool {
    row_columns(function).is_some()
}

fn row_columns(function: &str) -> Option<&'static [&'static str]> {
    RETURNING_ROWS.iter().find(|(name, _)| *name == function).map(|(_, columns)| *columns)
}

fn plain_columns(names: &[&str]) -> Columns {
    let columns: Vec<Column> = names.iter().map(|name| Column::new(*name, Value::PLAIN)).collect();
    Columns::known(columns)
}

#[cfg(test)]
mod tests {
    use super::super::functions;
    use super::*;

    #[test]
    fn functions_of_known_results_are_functions_of_postgresql() {
        let names =
            RETURNING_ROWS.iter().map(|(name, _)| name).chain(NAMED_RESULTS.iter().map(|(name, _)| name));
        for name in names.chain(TO_TSVECTOR) {
            assert!(functions::is_pure(name), "{name}");
        }
    }
}
