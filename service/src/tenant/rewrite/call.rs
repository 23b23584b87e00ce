//! Functions and operators: PostgreSQL's own or declared ones, and no other of the same name.

use postgresql_cst_parser::syntax_kind::SyntaxKind as K;

use super::super::refusal::Reason;
use super::analysis::Analysis;
use super::expression::excerpt;
use super::functions;
use super::identifier::{identifier, parts};
use super::operators;
use super::output;
use super::scope::{Column, Columns, Relation, Scope, Value};
use super::tree::Node;
use super::{Walk, unhandled, unsupported};

/// PostgreSQL's own functions that take rows and look at nothing but their columns. They convert each column by its
/// output function or, for a type of the application's own, by its cast to `json`.
const OF_ROWS: &[&str] = &[
    "count",
    "json_agg",
    "json_agg_strict",
    "json_build_array",
    "json_build_object",
    "json_object_agg",
    "jsonb_agg",
    "jsonb_agg_strict",
    "jsonb_build_array",
    "jsonb_build_object",
    "jsonb_object_agg",
    "num_nonnulls",
    "num_nulls",
    "pg_typeof",
    "row_to_json",
    "to_json",
    "to_jsonb",
];

/// PostgreSQL's own functions that take rows and return rows.
const OF_ROWS_TO_ROWS: &[&str] = &[
    "any_value",
    "array_agg",
    "first_value",
    "json_populate_record",
    "json_populate_recordset",
    "jsonb_populate_record",
    "jsonb_populate_recordset",
    "lag",
    "last_value",
    "lead",
    "nth_value",
];

/// PostgreSQL's own functions whose result is a row, with its columns.
const RETURNING_ROWS: &[(&str, &[&str])] = &[
    ("json_each", &["key", "value"]),
    ("json_each_text", &["key", "value"]),
    ("jsonb_each", &["key", "value"]),
    ("jsonb_each_text", &["key", "value"]),
];

/// The columns by which PostgreSQL names the results of functions with one result of its own name.
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

/// The first release whose grammar has a keyword as the beginning of an expression, as `server_version_num` counts.
const KEYWORD_SINCE: &[(K, u32)] = &[
    (K::JSON, 170_000),
    (K::JSON_ARRAY, 160_000),
    (K::JSON_ARRAYAGG, 160_000),
    (K::JSON_EXISTS, 170_000),
    (K::JSON_OBJECT, 160_000),
    (K::JSON_OBJECTAGG, 160_000),
    (K::JSON_QUERY, 170_000),
    (K::JSON_SCALAR, 170_000),
    (K::JSON_SERIALIZE, 170_000),
    (K::JSON_TABLE, 170_000),
    (K::JSON_VALUE, 170_000),
    (K::MERGE_ACTION, 170_000),
    (K::SYSTEM_USER, 160_000),
];

/// A function that a statement may call.
struct Known {
    name: String,
    /// PostgreSQL's own; otherwise the application declared it.
    built_in: bool,
    /// Whether a declared function returns rows.
    returns_row: bool,
}

impl Analysis<'_> {
    /// `func_expr`, `func_expr_windowless`
    pub(super) fn function_expression(&mut self, node: Node<'_>, scope: &Scope<'_>) -> Walk<Value> {
        let mut value = Value::PLAIN;
        for child in node.children() {
            match child.kind() {
                K::func_application | K::func_expr_common_subexpr | K::json_aggregate_func => {
                    value = self.expression(child, scope)?;
                }
                K::within_group_clause | K::filter_clause | K::over_clause => {
                    self.parts(child, scope)?;
                }
                _ => return unhandled(child),
            }
        }
        Ok(value)
    }

    /// `func_application`
    pub(super) fn call(&mut self, node: Node<'_>, scope: &Scope<'_>) -> Walk<Value> {
        let (mut function, mut rows) = (None, false);
        for child in node.children() {
            match child.kind() {
                K::func_name => function = Some(self.function_name(child)?),
                K::func_arg_list | K::func_arg_expr => rows |= self.parts_of_arguments(child, scope)?.row,
                K::opt_sort_clause | K::sort_clause => drop(self.expression(child, scope)?),
                K::LParen | K::RParen | K::Comma | K::Star | K::ALL | K::DISTINCT | K::VARIADIC => {}
                _ => return unhandled(child),
            }
        }
        let Some(function) = function else { return unhandled(node) };
        let name = function.name.as_str();
        if name == "current_setting" {
            check_setting(node)?;
        }
        if !function.built_in {
            return Ok(Value { row: function.returns_row, own_tenant: false });
        }
        if rows && OF_ROWS_TO_ROWS.contains(&name) {
            return Ok(Value::ROW);
        }
        if rows && !OF_ROWS.contains(&name) {
            return Err(Reason::RowOperand(excerpt(node).into()));
        }
        Ok(Value { row: row_columns(name).is_some(), own_tenant: false })
    }

    /// The arguments of a function. The value says whether one of them may be a row.
    pub(super) fn parts_of_arguments(&mut self, node: Node<'_>, scope: &Scope<'_>) -> Walk<Value> {
        let mut value = Value::PLAIN;
        for child in node.children() {
            match child.kind() {
                K::Comma | K::VARIADIC | K::COLON_EQUALS | K::EQUALS_GREATER | K::param_name => {}
                K::func_arg_list | K::func_arg_expr => {
                    value.row |= self.parts_of_arguments(child, scope)?.row;
                }
                K::a_expr => value.row |= self.expression(child, scope)?.row,
                _ => return unhandled(child),
            }
        }
        Ok(value)
    }

    /// A function's name: one that is known, written so that no other function is found by it.
    fn function_name(&mut self, node: Node<'_>) -> Walk<Known> {
        let names = parts(node)?;
        let folded: Vec<String> = names.iter().map(|name| identifier(*name)).collect();
        let written = folded.join(".");
        if self.registry.declares_function(&written) {
            self.read_only &= self.snapshot.never_writes(&folded);
            let returns_row = self.snapshot.returns_row(&folded);
            let name = folded.last().cloned().unwrap_or_default();
            return Ok(Known { name, built_in: false, returns_row });
        }
        match &folded[..] {
            [name] if functions::is_pure(name) => {
                if self.own_unnest != Some(node.start()) {
                    self.edits.insert(node.start(), "pg_catalog.");
                }
                Ok(Known { name: name.clone(), built_in: true, returns_row: false })
            }
            [schema, name] if schema == "pg_catalog" && functions::is_pure(name) => {
                Ok(Known { name: name.clone(), built_in: true, returns_row: false })
            }
            _ => Err(Reason::UnknownFunction(written)),
        }
    }

    /// Functions that have a syntax of their own.
    pub(super) fn keyword_function(&mut self, node: Node<'_>, scope: &Scope<'_>) -> Walk<Value> {
        let Some(first) = node.children().next() else { return unhandled(node) };
        self.check_keyword(first)?;
        match first.kind() {
            K::CAST => match (node.child(K::a_expr), node.child(K::Typename)) {
                (Some(inner), Some(kind)) => self.cast(inner, kind, scope),
                _ => unhandled(node),
            },
            K::COALESCE => self.parts(node, scope),
            K::NULLIF => {
                self.operator("=", first)?;
                self.plain_parts(node, scope)
            }
            K::TREAT => unsupported("TREAT"),
            // These are called by their names, which could find another function.
            K::OVERLAY | K::SUBSTRING if node.has(K::func_arg_list_opt) => {
                let name = identifier(first);
                if !self.registry.declares_function(&name) {
                    self.edits.insert(first.start(), "pg_catalog.");
                }
                self.plain_parts(node, scope)
            }
            _ => self.plain_parts(node, scope),
        }
    }

    /// Refuses a keyword that an older server reads as a name.
    fn check_keyword(&self, keyword: Node<'_>) -> Walk {
        let since = KEYWORD_SINCE.iter().find(|(kind, _)| *kind == keyword.kind()).map(|(_, since)| *since);
        match (since, self.snapshot.server_version()) {
            (Some(since), Some(version)) if version < since => Err(Reason::ServerTooOld {
                what: keyword.text().to_ascii_uppercase(),
                needs: since / 10_000,
                server: version / 10_000,
            }),
            _ => Ok(()),
        }
    }

    fn plain_parts(&mut self, node: Node<'_>, scope: &Scope<'_>) -> Walk<Value> {
        for child in node.children() {
            let value = match child.kind() {
                K::IDENT | K::PARAM | K::Op => return unhandled(child),
                _ if child.is_token() => continue,
                K::ColId | K::ColLabel | K::name | K::Sconst | K::Iconst => continue,
                K::func_arg_list_opt => match child.only_child() {
                    Some(arguments) => self.parts_of_arguments(arguments, scope)?,
                    None => return unhandled(child),
                },
                K::func_arg_list => self.parts_of_arguments(child, scope)?,
                K::xmlexists_argument => {
                    for part in child.children() {
                        match part.kind() {
                            K::PASSING | K::xml_passing_mech => {}
                            K::c_expr => drop(self.plain_expression(part, scope)?),
                            _ => return unhandled(part),
                        }
                    }
                    Value::PLAIN
                }
                _ => self.expression(child, scope)?,
            };
            if value.row && child.kind() != K::Typename {
                return Err(Reason::RowOperand(excerpt(child).into()));
            }
        }
        Ok(Value::PLAIN)
    }

    /// The columns of an expression that is a call of a function that returns rows.
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
            // The columns are those of the type that the first argument is cast to.
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

    /// An operator that PostgreSQL finds by its name alone.
    pub(super) fn operator(&mut self, name: &str, node: Node<'_>) -> Walk {
        if self.registry.declares_operator(name) {
            return Ok(());
        }
        if !operators::is_built_in(name) {
            return Err(Reason::UnknownOperator(name.to_owned()));
        }
        if self.snapshot.has_operator(name) {
            return Err(Reason::ShadowedOperator { operator: name.to_owned(), used: excerpt(node) });
        }
        Ok(())
    }

    /// `qual_Op`, `subquery_Op`, `qual_all_Op`: an operator, or `OPERATOR()` with a schema.
    pub(super) fn named_operator(&mut self, node: Node<'_>) -> Walk {
        let children: Vec<Node<'_>> = node.children().collect();
        match &children[..] {
            [only] if only.is_token() && only.kind() != K::Op => match only.kind() {
                K::LIKE => self.operator("~~", *only),
                K::ILIKE => self.operator("~~*", *only),
                _ => self.operator(operator_text(*only), *only),
            },
            [only] => self.operator(operator_text(*only), *only),
            [not, like] if not.kind() == K::NOT_LA => match like.kind() {
                K::LIKE => self.operator("!~~", *like),
                K::ILIKE => self.operator("!~~*", *like),
                _ => unhandled(*like),
            },
            [operator, _, name, _] if operator.kind() == K::OPERATOR => {
                let text = name.text().chars().filter(|c| !c.is_ascii_whitespace()).collect::<String>();
                if self.registry.declares_operator(&text.to_ascii_lowercase()) {
                    return Ok(());
                }
                match name.children().collect::<Vec<_>>()[..] {
                    [schema, dot, operator]
                        if dot.kind() == K::Dot
                            && identifier(schema) == "pg_catalog"
                            && operators::is_built_in(operator.text()) =>
                    {
                        Ok(())
                    }
                    [operator] => self.operator(operator.text(), operator),
                    _ => Err(Reason::UnknownOperator(text)),
                }
            }
            _ => unhandled(node),
        }
    }

    /// `JSON_TABLE (..)`
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

    /// The columns of one level come before those of the levels below it.
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

    /// `XMLTABLE (..)`
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

/// `unnest(a, b)` in FROM, which PostgreSQL knows by its bare name alone and reads as its own `unnest` of each.
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
            // The columns may be those of a tsvector. The row of one is of no type that a cast or a function can be
            // declared for, and operators over `record` are known.
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

/// What the last part of an expression says of its type.
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

/// The beginnings of the settings that carry the tenant.
const TENANT_SETTINGS: &[&str] = &["app.tenant", "watertight."];

/// `current_setting` reads a setting that is written out, and not the one that proves the tenant.
fn check_setting(call: Node<'_>) -> Walk {
    let argument = call.child(K::func_arg_list).and_then(|list| list.children().next());
    let literal = argument.and_then(|argument| {
        let name = argument.text().strip_prefix('\'')?.strip_suffix('\'')?;
        (!name.contains(['\'', '\\'])).then(|| name.to_ascii_lowercase())
    });
    match literal {
        Some(name) if !TENANT_SETTINGS.iter().any(|start| name.starts_with(start)) => Ok(()),
        _ => unsupported("current_setting of a name that is not written out, or of the tenant's setting,"),
    }
}

fn operator_text(node: Node<'_>) -> &str {
    // PostgreSQL stores `!=` as `<>`.
    if node.text() == "!=" { "<>" } else { node.text() }
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
    use super::*;

    #[test]
    fn functions_of_rows_are_functions_of_postgresql() {
        let rows = OF_ROWS.iter().chain(OF_ROWS_TO_ROWS).chain(RETURNING_ROWS.iter().map(|(name, _)| name));
        for name in rows {
            assert!(functions::is_pure(name), "{name}");
        }
    }
}
