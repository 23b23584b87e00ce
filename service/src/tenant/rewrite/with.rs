//! WITH clauses: common table expressions, recursive ones included.

use std::collections::HashMap;

use postgresql_cst_parser::syntax_kind::SyntaxKind as K;

use super::analysis::Analysis;
use super::guard::check_label;
use super::identifier::identifier;
use super::scope::{Column, Columns, Cte, Scope, Value};
use super::tree::Node;
use super::{Walk, unhandled, unsupported};

impl Analysis<'_> {
    /// Walks a WITH clause, and calls `work` with a scope that includes its expressions.
    pub(super) fn with_ctes<T>(
        &mut self,
        with: Option<Node<'_>>,
        scope: &Scope<'_>,
        work: impl FnOnce(&mut Self, &Scope<'_>) -> Walk<T>,
    ) -> Walk<T> {
        let Some(with) = with else { return work(self, scope) };
        let (mut recursive, mut list) = (false, None);
        for child in with.children() {
            match child.kind() {
                K::with_clause => return self.with_ctes(Some(child), scope, work),
                K::WITH | K::WITH_LA => {}
                K::RECURSIVE => recursive = true,
                K::cte_list => list = Some(child),
                _ => return unhandled(child),
            }
        }
        let Some(list) = list else { return unhandled(with) };
        let expressions: Vec<Node<'_>> =
            list.children().filter(|child| child.kind() == K::common_table_expr).collect();
        let mut ctes = Vec::with_capacity(expressions.len());
        for expression in &expressions {
            let Some(name) = expression.child(K::name) else { return unhandled(*expression) };
            check_label(name)?;
            ctes.push(Cte { name: identifier(name), columns: std::cell::RefCell::new(None) });
        }
        if recursive {
            // An expression can refer to a later one, so they are walked in the order of their references.
            let scope = Scope::with_ctes(&ctes, scope);
            for index in by_reference(&expressions, &ctes)? {
                if let (Some(expression), Some(cte)) = (expressions.get(index), ctes.get(index)) {
                    self.common_table_expression(*expression, cte, true, &scope)?;
                }
            }
        } else {
            for (index, (expression, cte)) in expressions.iter().zip(&ctes).enumerate() {
                let before = ctes.get(..index).unwrap_or_default();
                self.common_table_expression(*expression, cte, false, &Scope::with_ctes(before, scope))?;
            }
        }
        work(self, &Scope::with_ctes(&ctes, scope))
    }

    fn common_table_expression(
        &mut self,
        node: Node<'_>,
        cte: &Cte,
        recursive: bool,
        scope: &Scope<'_>,
    ) -> Walk {
        let (mut names, mut statement, mut more) = (Vec::new(), None, Vec::new());
        let mut marked = false;
        for child in node.children() {
            match child.kind() {
                K::name | K::AS | K::LParen | K::RParen | K::opt_materialized => {}
                K::opt_name_list => names = name_list(child)?,
                K::PreparableStmt => statement = Some(child),
                // SEARCH .. SET column; CYCLE .. SET column [TO constant DEFAULT constant] USING column
                K::opt_search_clause | K::opt_cycle_clause => {
                    for part in child.children() {
                        match part.kind() {
                            // The columns of the order and of the path contain rows. The cycle mark does not.
                            K::ColId => {
                                let is_mark = child.kind() == K::opt_cycle_clause && !marked;
                                marked |= is_mark;
                                let value = if is_mark { Value::PLAIN } else { Value::ROW };
                                more.push(Column::new(identifier(part), value));
                            }
                            K::AexprConst => drop(self.expression(part, scope)?),
                            K::columnList => {}
                            _ if part.is_token() => {}
                            _ => return unhandled(part),
                        }
                    }
                }
                _ => return unhandled(child),
            }
        }
        let Some(statement) = statement.and_then(Node::only_child) else { return unhandled(node) };
        let finished = |columns: &Columns| columns.renamed(&names).with(more.iter().cloned());
        let columns = if recursive && statement.kind() == K::SelectStmt {
            self.recursive_query(statement, scope, &|columns| {
                *cte.columns.borrow_mut() = Some(finished(columns));
            })?
        } else {
            self.statement(statement, scope)?
        };
        *cte.columns.borrow_mut() = Some(finished(&columns));
        Ok(())
    }
}

/// The names of a `name_list`, or of a node with one in parentheses.
pub(super) fn name_list(node: Node<'_>) -> Walk<Vec<String>> {
    let mut names = Vec::new();
    for child in node.children() {
        match child.kind() {
            K::LParen | K::RParen | K::Comma => {}
            K::name => names.push(identifier(child)),
            K::name_list => names.append(&mut name_list(child)?),
            _ => return unhandled(child),
        }
    }
    Ok(names)
}

/// The order of the expressions of WITH RECURSIVE by their references.
fn by_reference(expressions: &[Node<'_>], ctes: &[Cte]) -> Walk<Vec<usize>> {
    let places: HashMap<&str, usize> =
        ctes.iter().enumerate().rev().map(|(index, cte)| (cte.name.as_str(), index)).collect();
    let mentions: Vec<Vec<usize>> = expressions
        .iter()
        .enumerate()
        .map(|(own, expression)| {
            let names = expression.descendants().filter(|node| node.kind() == K::qualified_name);
            let mut mentioned: Vec<usize> = names
                .filter_map(|node| places.get(identifier(node).as_str()).copied())
                .filter(|other| *other != own)
                .collect();
            mentioned.sort_unstable();
            mentioned.dedup();
            mentioned
        })
        .collect();
    let mut order: Vec<usize> = Vec::with_capacity(ctes.len());
    let mut done = vec![false; ctes.len()];
    while order.len() < ctes.len() {
        let before = order.len();
        for (index, mentioned) in mentions.iter().enumerate() {
            let is_ready = mentioned.iter().all(|other| done.get(*other).copied().unwrap_or(false));
            if is_ready && let Some(done) = done.get_mut(index).filter(|done| !**done) {
                *done = true;
                order.push(index);
            }
        }
        if order.len() == before {
            return unsupported("mutually recursive common table expressions");
        }
    }
    Ok(order)
}
