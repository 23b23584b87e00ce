//! The tables that a statement names, outside of the walk that guards them.

use postgresql_cst_parser::syntax_kind::SyntaxKind as K;

use super::super::registry::{Registry, TableName};
use super::Walk;
use super::identifier::{identifier, parts};
use super::tree::Node;

/// A table named by a statement.
pub(super) struct NamedTable<'t> {
    /// The offset of the name in the text.
    pub(super) start: usize,
    /// The schema in the statement, if there is one.
    pub(super) schema: Option<Node<'t>>,
    /// The table in the database.
    pub(super) table: TableName,
}

/// A name in scope: a common table expression and the scope around it.
struct Link {
    name: String,
    outer: Option<usize>,
}

/// Every table that a statement reads or changes. Names of common table expressions are left out.
///
/// The walk keeps its own stack, so the nesting of the statement does not matter.
pub(super) fn named_tables<'t>(statement: Node<'t>, registry: &Registry) -> Walk<Vec<NamedTable<'t>>> {
    let mut links: Vec<Link> = Vec::new();
    let mut found = Vec::new();
    let mut pending: Vec<(Node<'t>, K, Option<usize>)> = vec![(statement, statement.kind(), None)];
    while let Some((node, parent, scope)) = pending.pop() {
        if node.kind() == K::qualified_name {
            if !is_place_of_tables(parent) {
                continue;
            }
            let table = match parts(node)?[..] {
                [name] => {
                    let name = identifier(name);
                    if parent != K::insert_target && is_in_scope(&links, scope, &name) {
                        continue;
                    }
                    NamedTable { start: node.start(), schema: None, table: registry.resolve(None, &name) }
                }
                [schema, name] => {
                    let table = registry.resolve(Some(&identifier(schema)), &identifier(name));
                    NamedTable { start: node.start(), schema: Some(schema), table }
                }
                _ => continue,
            };
            found.push(table);
            continue;
        }
        // A target is never a common table expression.
        let scope = if node.kind() == K::relation_expr_opt_alias { None } else { scope };
        let inner = match with_clause(node) {
            Some(with) => bind(with, scope, &mut links, &mut pending),
            None => scope,
        };
        let below = match node.kind() {
            K::relation_expr | K::extended_relation_expr => K::relation_expr,
            kind => kind,
        };
        let children =
            node.children().filter(|child| !matches!(child.kind(), K::with_clause | K::opt_with_clause));
        pending.extend(children.map(|child| (child, below, inner)));
    }
    Ok(found)
}

fn with_clause(node: Node<'_>) -> Option<Node<'_>> {
    node.child(K::with_clause).or_else(|| node.child(K::opt_with_clause)?.child(K::with_clause))
}

/// Adds the names of a `WITH` to the scope. Without `RECURSIVE` a query sees only the names before it.
fn bind<'t>(
    with: Node<'t>,
    outer: Option<usize>,
    links: &mut Vec<Link>,
    pending: &mut Vec<(Node<'t>, K, Option<usize>)>,
) -> Option<usize> {
    let mut scope = outer;
    let mut queries = Vec::new();
    let list = with.children().filter(|child| child.kind() == K::cte_list);
    for query in list.flat_map(Node::children).filter(|child| child.kind() == K::common_table_expr) {
        queries.push((query, scope));
        if let Some(name) = query.child(K::name) {
            links.push(Link { name: identifier(name), outer: scope });
            scope = Some(links.len() - 1);
        }
    }
    let is_recursive = with.has(K::RECURSIVE);
    let bound = |(query, before)| (query, K::common_table_expr, if is_recursive { scope } else { before });
    pending.extend(queries.into_iter().map(bound));
    scope
}

fn is_in_scope(links: &[Link], mut scope: Option<usize>, name: &str) -> bool {
    while let Some(link) = scope.and_then(|index| links.get(index)) {
        if link.name == name {
            return true;
        }
        scope = link.outer;
    }
    false
}

const fn is_place_of_tables(parent: K) -> bool {
    matches!(parent, K::relation_expr | K::insert_target | K::CopyStmt)
}
