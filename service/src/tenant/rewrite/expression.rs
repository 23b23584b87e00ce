//! Expressions: their names, and whether their values may be rows.

use postgresql_cst_parser::syntax_kind::SyntaxKind as K;

use super::super::refusal::Reason;
use super::analysis::Analysis;
use super::limits::on_enough_stack;
use super::named_tenant::placeholder;
use super::output;
use super::scope::{Scope, Value};
use super::tree::Node;
use super::walk::excerpt;
use super::{Walk, unhandled, unsupported};

/// Productions that consist of expressions, keywords and other productions of this list.
const TRANSPARENT: &[K] = &[
    K::array_expr,
    K::array_expr_list,
    K::case_arg,
    K::case_default,
    K::cube_clause,
    K::empty_grouping_set,
    K::expr_list,
    K::extract_list,
    K::filter_clause,
    K::frame_bound,
    K::frame_extent,
    K::func_arg_list_opt,
    K::group_by_item,
    K::group_by_list,
    K::grouping_sets_clause,
    K::json_argument,
    K::json_arguments,
    K::json_array_aggregate_order_by_clause_opt,
    K::json_behavior,
    K::json_behavior_clause_opt,
    K::json_name_and_value,
    K::json_name_and_value_list,
    K::json_on_error_clause_opt,
    K::json_passing_clause_opt,
    K::json_returning_clause_opt,
    K::json_value_expr,
    K::json_value_expr_list,
    K::opt_frame_clause,
    K::opt_partition_clause,
    K::opt_slice_bound,
    K::over_clause,
    K::overlay_list,
    K::position_list,
    K::rollup_clause,
    K::substr_list,
    K::trim_list,
    K::when_clause,
    K::when_clause_list,
    K::window_definition,
    K::window_definition_list,
    K::window_specification,
    K::within_group_clause,
    K::xml_attribute_el,
    K::xml_attribute_list,
    K::xml_attributes,
    K::xml_namespace_el,
    K::xml_namespace_list,
    K::xml_root_version,
    K::xmlexists_argument,
    K::xmltable_column_option_el,
    K::xmltable_column_option_list,
];

/// Productions without names of data, such as keywords and names of windows.
const HARMLESS: &[K] = &[
    K::any_name,
    K::document_or_content,
    K::extract_arg,
    K::first_or_next,
    K::json_array_constructor_null_clause_opt,
    K::json_behavior_type,
    K::json_format_clause,
    K::json_format_clause_opt,
    K::json_key_uniqueness_constraint_opt,
    K::json_object_constructor_null_clause_opt,
    K::json_predicate_type_constraint,
    K::json_quotes_clause_opt,
    K::json_wrapper_behavior,
    K::opt_asymmetric,
    K::opt_existing_window_name,
    K::opt_interval,
    K::opt_window_exclusion_clause,
    K::opt_xml_root_standalone,
    K::sub_type,
    K::unicode_normal_form,
    K::xml_indent_option,
    K::xml_passing_mech,
    K::xml_whitespace_option,
];

impl Analysis<'_> {
    /// Walks an expression whose value must not be a row.
    pub(super) fn plain_expression(&mut self, node: Node<'_>, scope: &Scope<'_>) -> Walk<Value> {
        let value = self.expression(node, scope)?;
        if value.row { Err(Reason::RowOperand(excerpt(node).into())) } else { Ok(value) }
    }

    pub(super) fn expression(&mut self, node: Node<'_>, scope: &Scope<'_>) -> Walk<Value> {
        on_enough_stack(|| self.expression_of_kind(node, scope))
    }

    fn expression_of_kind(&mut self, node: Node<'_>, scope: &Scope<'_>) -> Walk<Value> {
        match node.kind() {
            K::a_expr | K::b_expr => self.operation(node, scope),
            K::c_expr => self.primary(node, scope),
            K::columnref => self.column_reference(node, scope),
            K::AexprConst => self.constant(node, scope),
            K::case_expr => self.case(node, scope),
            K::func_expr | K::func_expr_windowless => self.function_expression(node, scope),
            K::func_application => self.call(node, scope),
            K::func_expr_common_subexpr | K::json_aggregate_func => self.keyword_function(node, scope),
            K::explicit_row | K::implicit_row | K::row => {
                self.parts(node, scope)?;
                Ok(Value::ROW)
            }
            // A query without parentheses is the argument of `JSON_ARRAY`.
            K::select_with_parens | K::select_no_parens => self.scalar_query(node, scope),
            K::Typename => {
                let row = self.type_name(node, scope)?.row;
                Ok(Value { row, own_tenant: false })
            }
            K::in_expr => self.parts(node, scope),
            K::opt_sort_clause | K::sort_clause | K::sortby_list => {
                self.order_by(node, &super::scope::Columns::default(), scope)?;
                Ok(Value::PLAIN)
            }
            K::qual_Op | K::subquery_Op | K::qual_all_Op => {
                self.named_operator(node)?;
                Ok(Value::PLAIN)
            }
            kind if TRANSPARENT.contains(&kind) => self.parts(node, scope),
            kind if HARMLESS.contains(&kind) => Ok(Value::PLAIN),
            _ => unhandled(node),
        }
    }

    /// Walks the parts of a production. Its value may be a row if the value of a part may.
    pub(super) fn parts(&mut self, node: Node<'_>, scope: &Scope<'_>) -> Walk<Value> {
        let mut value = Value::PLAIN;
        for child in node.children() {
            if child.is_token() {
                match child.kind() {
                    K::IDENT | K::PARAM | K::Op => return unhandled(child),
                    _ => continue,
                }
            }
            match child.kind() {
                // Names of windows, of output columns and of JSON paths.
                K::ColId | K::ColLabel | K::name | K::Sconst | K::Iconst => {}
                _ => value.row |= self.expression(child, scope)?.row,
            }
        }
        Ok(value)
    }

    fn scalar_query(&mut self, node: Node<'_>, scope: &Scope<'_>) -> Walk<Value> {
        let columns = self.query(node, scope)?;
        Ok(Value { row: columns.any_row() || columns.open, own_tenant: false })
    }

    /// Walks `a_expr` or `b_expr`.
    fn operation(&mut self, node: Node<'_>, scope: &Scope<'_>) -> Walk<Value> {
        let children: Vec<Node<'_>> = node.children().collect();
        if let [only] = children[..] {
            return if only.is_token() { Ok(Value::PLAIN) } else { self.expression(only, scope) };
        }
        if let [inner, cast, kind] = children[..]
            && cast.kind() == K::TYPECAST
        {
            return self.cast(inner, kind, scope);
        }
        if let [inner, rest @ ..] = &children[..]
            && is_null_test(rest)
        {
            self.expression(*inner, scope)?;
            return Ok(Value::PLAIN);
        }
        self.operators_between(&children)?;
        let are_rows = children.iter().any(|child| output::row_elements(*child).is_some());
        for child in &children {
            if child.is_token() {
                check_operation_token(*child)?;
            } else if are_rows {
                self.row_operand(*child, scope)?;
            } else {
                self.plain_operand(*child, scope)?;
            }
        }
        Ok(Value::PLAIN)
    }

    fn plain_operand(&mut self, node: Node<'_>, scope: &Scope<'_>) -> Walk {
        if node.kind() == K::any_name {
            return Ok(());
        }
        self.plain_expression(node, scope).map(drop)
    }

    /// Walks an operand of an operation on row constructors, whose operators apply to the elements.
    ///
    /// Examples are `(a, b) = (c, d)` and `(a, b) IN (SELECT ..)`.
    fn row_operand(&mut self, node: Node<'_>, scope: &Scope<'_>) -> Walk {
        if let Some(elements) = output::row_elements(node) {
            return elements.into_iter().try_for_each(|element| {
                if output::row_elements(element).is_some() {
                    self.row_operand(element, scope)
                } else {
                    self.plain_expression(element, scope).map(drop)
                }
            });
        }
        match node.kind() {
            K::in_expr => {
                for child in node.children() {
                    match child.kind() {
                        K::LParen | K::RParen => {}
                        K::expr_list => {
                            for item in child.children().filter(|item| item.kind() != K::Comma) {
                                self.row_operand(item, scope)?;
                            }
                        }
                        K::select_with_parens => self.row_query(child, scope)?,
                        _ => return unhandled(child),
                    }
                }
                Ok(())
            }
            K::select_with_parens => self.row_query(node, scope),
            K::a_expr | K::c_expr if output::is_query(node) => {
                // A comparison with a row can have a subquery with several columns on one side.
                self.query_in_parentheses(node, scope)
            }
            K::qual_Op | K::subquery_Op | K::sub_type | K::opt_asymmetric => {
                self.expression(node, scope).map(drop)
            }
            _ => Err(Reason::RowOperand(excerpt(node).into())),
        }
    }

    fn query_in_parentheses(&mut self, node: Node<'_>, scope: &Scope<'_>) -> Walk {
        match node.only_child() {
            Some(query) if query.kind() == K::select_with_parens => self.row_query(query, scope),
            Some(inner) => self.query_in_parentheses(inner, scope),
            None => unhandled(node),
        }
    }

    fn row_query(&mut self, node: Node<'_>, scope: &Scope<'_>) -> Walk {
        let columns = self.query(node, scope)?;
        if columns.any_row() || columns.open {
            return Err(Reason::RowOperand(excerpt(node).into()));
        }
        Ok(())
    }

    /// Checks the operators that PostgreSQL looks up by name for an operation.
    fn operators_between(&mut self, children: &[Node<'_>]) -> Walk {
        let negated = children.iter().any(|child| matches!(child.kind(), K::NOT_LA | K::NOT));
        for child in children {
            let names: &[&str] = match (child.kind(), negated) {
                (K::Plus, _) => &["+"],
                (K::Minus, _) => &["-"],
                (K::Star, _) => &["*"],
                (K::Slash, _) => &["/"],
                (K::Percent, _) => &["%"],
                (K::Caret, _) => &["^"],
                (K::Less, _) => &["<"],
                (K::Greater, _) => &[">"],
                (K::Equals | K::DISTINCT, _) | (K::IN_P, false) => &["="],
                (K::LESS_EQUALS, _) => &["<="],
                (K::GREATER_EQUALS, _) => &[">="],
                (K::NOT_EQUALS, _) | (K::IN_P, true) => &["<>"],
                (K::LIKE, false) => &["~~"],
                (K::LIKE, true) => &["!~~"],
                (K::ILIKE, false) => &["~~*"],
                (K::ILIKE, true) => &["!~~*"],
                (K::SIMILAR, false) => &["~"],
                (K::SIMILAR, true) => &["!~"],
                (K::BETWEEN, false) => &[">=", "<="],
                (K::BETWEEN, true) => &["<", ">"],
                _ => continue,
            };
            for name in names {
                self.operator(name, *child)?;
            }
        }
        Ok(())
    }

    /// Walks `c_expr`.
    fn primary(&mut self, node: Node<'_>, scope: &Scope<'_>) -> Walk<Value> {
        let children: Vec<Node<'_>> = node.children().collect();
        match &children[..] {
            [token] if token.kind() == K::PARAM => parameter(*token),
            [only] => self.expression(*only, scope),
            [exists, query] if exists.kind() == K::EXISTS => {
                self.query(*query, scope)?;
                Ok(Value::PLAIN)
            }
            [array, elements] if array.kind() == K::ARRAY => self.expression(*elements, scope),
            [grouping, ..] if grouping.kind() == K::GROUPING => self.parts(node, scope),
            [token, fields] if token.kind() == K::PARAM => {
                parameter(*token)?;
                self.fields(Value::PLAIN, *fields, scope)
            }
            [query, fields] if query.kind() == K::select_with_parens => {
                let value = self.scalar_query(*query, scope)?;
                self.fields(value, *fields, scope)
            }
            [open, inner, close] if (open.kind(), close.kind()) == (K::LParen, K::RParen) => {
                self.expression(*inner, scope)
            }
            [open, inner, close, fields] if (open.kind(), close.kind()) == (K::LParen, K::RParen) => {
                self.fields_of_row(*inner, *fields, scope)
            }
            _ => unhandled(node),
        }
    }

    /// Walks a cast in any of its forms.
    pub(super) fn cast(&mut self, inner: Node<'_>, kind: Node<'_>, scope: &Scope<'_>) -> Walk<Value> {
        if let Some(elements) = output::row_elements(inner) {
            // PostgreSQL converts a row constructor to the type column by column.
            for element in elements {
                self.plain_expression(element, scope)?;
            }
            let found = self.cast_type(kind, false, scope)?;
            return if found.row { Ok(Value::ROW) } else { Err(Reason::RowOperand(excerpt(inner).into())) };
        }
        self.plain_expression(inner, scope)?;
        let is_column = output::bare_name(inner).is_some() || output::is_column(inner);
        let found = self.cast_type(kind, is_column, scope)?;
        Ok(Value { row: found.row, own_tenant: false })
    }

    fn constant(&mut self, node: Node<'_>, scope: &Scope<'_>) -> Walk<Value> {
        for child in node.children() {
            match child.kind() {
                K::Iconst
                | K::Sconst
                | K::FCONST
                | K::BCONST
                | K::XCONST
                | K::TRUE_P
                | K::FALSE_P
                | K::NULL_P
                | K::opt_interval
                | K::LParen
                | K::RParen => {}
                K::ConstInterval | K::ConstTypename => self.system_type(child, scope)?,
                // `type 'literal'`
                K::func_name => self.type_of_literal(child)?,
                K::func_arg_list => drop(self.parts_of_arguments(child, scope)?),
                _ => return unhandled(child),
            }
        }
        Ok(Value::PLAIN)
    }

    fn case(&mut self, node: Node<'_>, scope: &Scope<'_>) -> Walk<Value> {
        let mut value = Value::PLAIN;
        for child in node.children() {
            match child.kind() {
                K::CASE | K::END_P => {}
                K::case_arg => {
                    // PostgreSQL compares the value with each WHEN by `=`.
                    self.operator("=", child)?;
                    for part in child.children() {
                        self.plain_expression(part, scope)?;
                    }
                }
                K::when_clause_list => {
                    for when in child.children() {
                        let parts: Vec<Node<'_>> = when.children().collect();
                        let [_, condition, _, result] = parts[..] else { return unhandled(when) };
                        self.plain_expression(condition, scope)?;
                        value.row |= self.expression(result, scope)?.row;
                    }
                }
                K::case_default => value.row |= self.parts(child, scope)?.row,
                _ => return unhandled(child),
            }
        }
        Ok(value)
    }
}

fn parameter(token: Node<'_>) -> Walk<Value> {
    match placeholder(token.text()) {
        Some(_) => Ok(Value::PLAIN),
        None => unsupported(format!("the placeholder {}", token.text())),
    }
}

fn is_null_test(rest: &[Node<'_>]) -> bool {
    let kinds: Vec<K> = rest.iter().map(|node| node.kind()).collect();
    matches!(kinds[..], [K::IS, K::NULL_P] | [K::IS, K::NOT, K::NULL_P] | [K::ISNULL | K::NOTNULL])
}

fn check_operation_token(token: Node<'_>) -> Walk {
    match token.kind() {
        K::Plus
        | K::Minus
        | K::Star
        | K::Slash
        | K::Percent
        | K::Caret
        | K::Less
        | K::Greater
        | K::Equals
        | K::LESS_EQUALS
        | K::GREATER_EQUALS
        | K::NOT_EQUALS
        | K::LIKE
        | K::ILIKE
        | K::SIMILAR
        | K::TO
        | K::ESCAPE
        | K::BETWEEN
        | K::SYMMETRIC
        | K::IN_P
        | K::AND
        | K::OR
        | K::NOT
        | K::NOT_LA
        | K::IS
        | K::DISTINCT
        | K::FROM
        | K::TRUE_P
        | K::FALSE_P
        | K::UNKNOWN
        | K::DOCUMENT_P
        | K::NORMALIZED
        | K::AT
        | K::TIME
        | K::ZONE
        | K::LOCAL
        | K::COLLATE
        | K::OVERLAPS
        | K::LParen
        | K::RParen => Ok(()),
        _ => unhandled(token),
    }
}
