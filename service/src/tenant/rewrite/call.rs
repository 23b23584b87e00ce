//! Calls of functions, which must be built in or declared. No other function of the same name can be called.

use postgresql_cst_parser::syntax_kind::SyntaxKind as K;

use super::super::refusal::Reason;
use super::analysis::Analysis;
use super::functions;
use super::identifier::{identifier, parts};
use super::scope::{Scope, Value};
use super::table_function;
use super::tree::Node;
use super::walk::excerpt;
use super::{Walk, unhandled, unsupported};

/// Built-in functions that take rows and read only their columns.
///
/// They convert each column with its output function, or with a cast to `json` for a type of the application.
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

/// Built-in functions that take rows and return rows.
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

/// The first release in which a keyword can begin an expression, as in `server_version_num`.
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
    /// Whether it is built in. Otherwise the application declared it.
    built_in: bool,
    /// Whether a declared function returns rows.
    returns_row: bool,
}

impl Analysis<'_> {
    /// Walks `func_expr` or `func_expr_windowless`.
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

    /// Walks `func_application`.
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
        Ok(Value { row: table_function::returns_row(name), own_tenant: false })
    }

    /// Walks the arguments of a function. The result tells whether one of them may be a row.
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

    /// Checks the name of a function, and adds its schema so that no other function is called.
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

    /// Walks a function with a special syntax.
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
            // This form calls the function by its name, which could find another function.
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

    /// Refuses a keyword that the server is too old for and reads as a name.
    pub(super) fn check_keyword(&self, keyword: Node<'_>) -> Walk {
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
}

/// The prefixes of the settings that carry the tenant.
const TENANT_SETTINGS: &[&str] = &["app.tenant", "watertight."];

/// Checks that `current_setting` reads a literal setting that does not carry the tenant.
fn check_setting(call: Node<'_>) -> Walk {
    let argument = call.child(K::func_arg_list).and_then(|list| list.children().next());
    let literal = argument.and_then(|argument| {
        let name = argument.text().strip_prefix('\'')?.strip_suffix('\'')?;
        (!name.contains(['\'', '\\'])).then(|| name.to_ascii_lowercase())
    });
    match literal {
        Some(name) if !TENANT_SETTINGS.iter().any(|start| name.starts_with(start)) => Ok(()),
        _ => unsupported("current_setting with a name that is not a literal or that is the tenant's setting"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn functions_of_rows_are_functions_of_postgresql() {
        let rows = OF_ROWS.iter().chain(OF_ROWS_TO_ROWS);
        for name in rows {
            assert!(functions::is_pure(name), "{name}");
        }
    }
}
