//! Assignments to columns by SET.

use postgresql_cst_parser::syntax_kind::SyntaxKind as K;

use super::super::refusal::Reason;
use super::analysis::Analysis;
use super::identifier::identifier;
use super::named_tenant::is_default;
use super::output;
use super::scope::{Scope, Value};
use super::target::Target;
use super::tree::Node;
use super::walk::excerpt;
use super::{Walk, unhandled, unsupported};

impl Analysis<'_> {
    /// Walks assignments, such as `a = 1, (b, c) = (2, 3), d['k'] = 4`.
    pub(super) fn assignments(&mut self, node: Node<'_>, target: &Target, scope: &Scope<'_>) -> Walk {
        let tenant_column = self.registry.tenant_column(&target.table);
        for clause in node.children().filter(|child| child.kind() != K::Comma) {
            let (mut columns, mut value, mut is_list) = (Vec::new(), None, false);
            for child in clause.children() {
                match child.kind() {
                    K::set_target => columns.push(child),
                    K::set_target_list => {
                        is_list = true;
                        columns.extend(child.children().filter(|child| child.kind() == K::set_target));
                    }
                    K::LParen | K::RParen | K::Equals => {}
                    K::a_expr => value = Some(child),
                    _ => return unhandled(child),
                }
            }
            let Some(value) = value else { return unhandled(clause) };
            let mut sets_tenant = false;
            let mut row = false;
            for column in &columns {
                let Some(name) = column.child(K::ColId).map(identifier) else { return unhandled(*column) };
                self.subscripts(*column, scope)?;
                sets_tenant |= name == tenant_column;
                row |= target.relation.column(&name).is_some_and(|value| value.row);
                if name == tenant_column && (is_list || column.only_child().is_none()) {
                    return unsupported("the tenant column in a multi-column assignment, or a part of it");
                }
            }
            if is_default(value) {
                if sets_tenant {
                    self.name_tenant(value, Value::PLAIN, &target.table)?;
                }
            } else if is_list {
                self.assigned_row(value, scope)?;
            } else {
                let found =
                    if row { self.expression(value, scope)? } else { self.plain_expression(value, scope)? };
                if sets_tenant {
                    self.name_tenant(value, found, &target.table)?;
                }
            }
        }
        Ok(())
    }

    /// Walks the value of several columns: a row constructor or a subquery.
    fn assigned_row(&mut self, value: Node<'_>, scope: &Scope<'_>) -> Walk {
        match output::row_elements(value) {
            Some(elements) => elements
                .into_iter()
                .filter(|element| !is_default(*element))
                .try_for_each(|element| self.plain_expression(element, scope).map(drop)),
            None => self.assigned_query(value, scope),
        }
    }

    fn assigned_query(&mut self, value: Node<'_>, scope: &Scope<'_>) -> Walk {
        match value.kind() {
            K::select_with_parens => {
                let columns = self.query(value, scope)?;
                if columns.any_row() {
                    return Err(Reason::RowOperand(excerpt(value).into()));
                }
                Ok(())
            }
            _ => match value.only_child() {
                Some(inner) if !inner.is_token() => self.assigned_query(inner, scope),
                _ => self.plain_expression(value, scope).map(drop),
            },
        }
    }

    /// Walks the subscripts and fields of an assigned column.
    pub(super) fn subscripts(&mut self, node: Node<'_>, scope: &Scope<'_>) -> Walk {
        let elements = node.descendants().filter(|node| node.kind() == K::indirection_el);
        let outermost = elements.filter(|element| {
            node.child(K::opt_indirection).is_some_and(|list| list.children().any(|child| child == *element))
        });
        for element in outermost.collect::<Vec<_>>() {
            for child in element.children() {
                match child.kind() {
                    K::a_expr | K::opt_slice_bound => drop(self.plain_expression(child, scope)?),
                    K::Dot | K::attr_name | K::LBracket | K::RBracket | K::Colon => {}
                    _ => return unhandled(child),
                }
            }
        }
        Ok(())
    }
}
