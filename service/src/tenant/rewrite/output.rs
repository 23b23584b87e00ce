//! The names that PostgreSQL gives to the columns of a result (`FigureColname` in `parse_target.c`).

use postgresql_cst_parser::syntax_kind::SyntaxKind as K;

use super::identifier::{identifier, parts};
use super::limits::on_enough_stack;
use super::tree::Node;
use super::{Walk, types, unsupported};

/// The name of a column without a name.
const NONE: &str = "?column?";

/// The maximum number of steps of the search for a name.
///
/// A longer search is refused, because a name that differs from the server's would refer to another column.
const MOST_STEPS: usize = 4096;

/// The name of a column.
pub(super) struct Name {
    pub(super) text: String,
    /// Whether every release of PostgreSQL gives the column this name.
    pub(super) certain: bool,
}

/// The name of the column of an expression without an alias.
pub(super) fn name(node: Node<'_>) -> Walk<Name> {
    let mut search = Search { steps: MOST_STEPS, certain: true };
    let found = search.figure(node);
    if search.steps == 0 {
        return unsupported("an unnamed output expression nested this deeply");
    }
    let text = found.map_or_else(|| NONE.to_owned(), |(name, _)| name);
    Ok(Name { text, certain: search.certain })
}

/// A name, and whether it takes precedence over the name of a surrounding cast.
type Figure = Option<(String, bool)>;

#[allow(clippy::unnecessary_wraps, reason = "the other functions for a figure can fail to find one")]
fn strong(name: impl Into<String>) -> Figure {
    Some((name.into(), true))
}

struct Search {
    steps: usize,
    certain: bool,
}

impl Search {
    fn figure(&mut self, node: Node<'_>) -> Figure {
        self.steps = self.steps.saturating_sub(1);
        if self.steps == 0 {
            return None;
        }
        on_enough_stack(|| self.figure_of_kind(node))
    }

    /// Records that the name may differ between releases.
    const fn uncertain(&mut self) -> Figure {
        self.certain = false;
        None
    }

    fn figure_of_kind(&mut self, node: Node<'_>) -> Figure {
        let children: Vec<Node<'_>> = node.children().collect();
        match node.kind() {
            K::columnref => {
                let names = node.descendants().filter(|node| matches!(node.kind(), K::ColId | K::ColLabel));
                strong(identifier(names.last().unwrap_or(node)))
            }
            K::a_expr | K::b_expr => self.operation(&children),
            K::c_expr => self.primary(&children),
            K::func_application => {
                let name = node.child(K::func_name)?;
                strong(identifier(*parts(name).ok()?.last()?))
            }
            K::AexprConst => Self::constant(&children),
            K::case_expr => {
                let default = node.child(K::case_default).and_then(|default| default.child(K::a_expr));
                let default = default.and_then(|default| self.figure(default));
                default.filter(|(_, strong)| *strong).or_else(|| Some(("case".to_owned(), false)))
            }
            K::func_expr_common_subexpr | K::json_aggregate_func => self.keyword_function(node, &children),
            K::func_expr | K::func_expr_windowless => self.figure(*children.first()?),
            K::explicit_row | K::implicit_row | K::row => strong("row"),
            _ => match &children[..] {
                [only] => self.figure(*only),
                _ => None,
            },
        }
    }

    fn operation(&mut self, children: &[Node<'_>]) -> Figure {
        match children {
            [only] => self.figure(*only),
            [inner, cast, kind] if cast.kind() == K::TYPECAST => self.cast(*inner, *kind),
            [inner, collate, _] if collate.kind() == K::COLLATE => self.figure(*inner),
            [_, at, ..] if at.kind() == K::AT => strong("timezone"),
            [_, overlaps, _] if overlaps.kind() == K::OVERLAPS => strong("overlaps"),
            [_, is, rest @ .., normalized]
                if (is.kind(), normalized.kind()) == (K::IS, K::NORMALIZED)
                    && rest.iter().all(|node| node.kind() != K::NOT) =>
            {
                strong("is_normalized")
            }
            _ => None,
        }
    }

    fn cast(&mut self, inner: Node<'_>, kind: Node<'_>) -> Figure {
        let inner = self.figure(inner);
        inner.filter(|(_, strong)| *strong).or_else(|| Some((types::last_name(kind)?, false)))
    }

    fn primary(&mut self, children: &[Node<'_>]) -> Figure {
        match children {
            [exists, _] if exists.kind() == K::EXISTS => strong("exists"),
            [array, _] if array.kind() == K::ARRAY => strong("array"),
            [grouping, ..] if grouping.kind() == K::GROUPING => strong("grouping"),
            [query] if query.kind() == K::select_with_parens => self.first_column(*query),
            [inner @ .., fields] if matches!(fields.kind(), K::opt_indirection | K::indirection) => {
                let last = fields.descendants().filter(|node| node.kind() == K::ColLabel).last();
                match last {
                    Some(last) => strong(identifier(last)),
                    None => self.primary(inner),
                }
            }
            [open, inner, _] if open.kind() == K::LParen => self.figure(*inner),
            [only] => self.figure(*only),
            _ => None,
        }
    }

    /// The name of a scalar subquery, which comes from the first column of its first branch.
    fn first_column(&mut self, query: Node<'_>) -> Figure {
        let mut node = query;
        loop {
            let inner = node.children().find(|child| {
                matches!(
                    child.kind(),
                    K::select_no_parens | K::select_with_parens | K::select_clause | K::simple_select
                )
            });
            match inner {
                Some(inner) => node = inner,
                None => break,
            }
        }
        if node.has(K::values_clause) {
            return strong("column1");
        }
        let list = node.child(K::opt_target_list).or_else(|| node.child(K::target_list));
        let list = list.map(|list| list.child(K::target_list).unwrap_or(list));
        let Some(target) = list.and_then(|list| list.child(K::target_el)) else { return self.uncertain() };
        match target.children().find(|child| matches!(child.kind(), K::ColLabel | K::BareColLabel)) {
            Some(label) => strong(identifier(label)),
            None => match target.child(K::a_expr) {
                Some(expression) if before_star(expression).is_none() => {
                    let found = self.figure(expression).map_or_else(|| NONE.to_owned(), |(name, _)| name);
                    strong(found)
                }
                _ => self.uncertain(),
            },
        }
    }

    fn constant(children: &[Node<'_>]) -> Figure {
        let first = children.first()?;
        match first.kind() {
            K::func_name => Some((identifier(*parts(*first).ok()?.last()?), false)),
            K::ConstTypename | K::ConstInterval => Some((types::last_name(*first)?, false)),
            _ => None,
        }
    }

    fn keyword_function(&mut self, node: Node<'_>, children: &[Node<'_>]) -> Figure {
        let first = children.first()?;
        let name = match first.kind() {
            K::CAST => return self.cast(node.child(K::a_expr)?, node.child(K::Typename)?),
            K::COLLATION => "pg_collation_for".to_owned(),
            K::TRIM => match children.get(2).map(|child| child.kind()) {
                Some(K::LEADING) => "ltrim".to_owned(),
                Some(K::TRAILING) => "rtrim".to_owned(),
                _ => "btrim".to_owned(),
            },
            _ => identifier(*first),
        };
        strong(name)
    }
}

/// The name of an expression that is only an unqualified column reference.
pub(super) fn bare_name(node: Node<'_>) -> Option<String> {
    if node.kind() == K::columnref {
        return node.only_child().map(identifier);
    }
    if !matches!(node.kind(), K::a_expr | K::b_expr | K::c_expr) {
        return None;
    }
    bare_name(without_parentheses(node)?)
}

/// The only part of an expression, with or without parentheses.
fn without_parentheses(node: Node<'_>) -> Option<Node<'_>> {
    let children: Vec<Node<'_>> = node.children().collect();
    match &children[..] {
        [only] => Some(*only),
        [open, inner, close] if (open.kind(), close.kind()) == (K::LParen, K::RParen) => Some(*inner),
        _ => None,
    }
}

/// The part of an expression before `.*`.
pub(super) enum BeforeStar<'t> {
    /// `t.*`, `schema.t.*`
    Relation(Vec<Node<'t>>),
    /// `(..).*`
    Expression(Node<'t>),
}

/// The part of an expression before `.*`, if the expression ends with it.
pub(super) fn before_star(node: Node<'_>) -> Option<BeforeStar<'_>> {
    let is_star = |fields: Node<'_>| {
        let last = fields.descendants().filter(|node| node.kind() == K::indirection_el).last();
        last.is_some_and(|last| last.has(K::Star))
    };
    let children: Vec<Node<'_>> = node.children().collect();
    match (node.kind(), &children[..]) {
        (K::a_expr, [only]) => before_star(*only),
        (K::c_expr, [open, inner, close]) if (open.kind(), close.kind()) == (K::LParen, K::RParen) => {
            before_star(*inner)
        }
        (K::c_expr, [only]) if only.kind() == K::columnref => before_star(*only),
        (K::columnref, [first, fields]) if is_star(*fields) => {
            let names = fields.descendants().filter(|node| node.kind() == K::ColLabel);
            Some(BeforeStar::Relation(std::iter::once(*first).chain(names).collect()))
        }
        (K::c_expr, [open, inner, _, fields])
            if open.kind() == K::LParen
                && is_star(*fields)
                && fields.descendants().filter(|node| node.kind() == K::indirection_el).count() == 1 =>
        {
            Some(BeforeStar::Expression(*inner))
        }
        _ => None,
    }
}

/// The elements of a row constructor, `(a, b)` or `ROW(a, b)`, with or without parentheses.
pub(super) fn row_elements(node: Node<'_>) -> Option<Vec<Node<'_>>> {
    match node.kind() {
        K::explicit_row | K::implicit_row | K::row => {
            let mut elements = Vec::new();
            for child in node.children() {
                match child.kind() {
                    K::expr_list => {
                        elements.extend(child.children().filter(|item| item.kind() != K::Comma));
                    }
                    K::a_expr => elements.push(child),
                    _ => {}
                }
            }
            Some(elements)
        }
        K::a_expr | K::b_expr | K::c_expr => {
            let children: Vec<Node<'_>> = node.children().collect();
            match &children[..] {
                [only] => row_elements(*only),
                [open, inner, _] if open.kind() == K::LParen => row_elements(*inner),
                _ => None,
            }
        }
        _ => None,
    }
}

/// Whether an expression is only a subquery.
pub(super) fn is_query(node: Node<'_>) -> bool {
    match node.kind() {
        K::select_with_parens => true,
        K::a_expr | K::b_expr | K::c_expr => node.only_child().is_some_and(is_query),
        _ => false,
    }
}

/// Whether an expression is only a column reference.
pub(super) fn is_column(node: Node<'_>) -> bool {
    match node.kind() {
        K::columnref => true,
        K::a_expr | K::b_expr | K::c_expr => node.only_child().is_some_and(is_column),
        _ => false,
    }
}
