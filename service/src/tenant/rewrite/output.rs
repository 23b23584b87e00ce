//! The names that PostgreSQL gives to the columns of a result (`FigureColname` in `parse_target.c`).

use postgresql_cst_parser::syntax_kind::SyntaxKind as K;

use super::analysis::on_enough_stack;
use super::identifier::{identifier, parts};
use super::tree::Node;
use super::{Walk, types, unsupported};

/// The name of a column that has none.
const NONE: &str = "?column?";

/// How deep the name is looked for. What goes deeper is refused: another name than the server's would name another
/// column.
const DEEPEST: usize = 4096;

/// The name of the column that an expression without an alias makes.
pub(super) fn name(node: Node<'_>) -> Walk<String> {
    let mut depth = DEEPEST;
    let name = figure(node, &mut depth);
    if depth == 0 {
        return unsupported("an expression without a name that nests so deep");
    }
    Ok(name.map_or_else(|| NONE.to_owned(), |(name, _)| name))
}

/// A name, and whether a cast around the expression keeps it.
type Figure = Option<(String, bool)>;

#[allow(clippy::unnecessary_wraps, reason = "one of several ways to a figure")]
fn strong(name: impl Into<String>) -> Figure {
    Some((name.into(), true))
}

/// `depth` counts down; zero says that the name was not found for the depth.
fn figure(node: Node<'_>, depth: &mut usize) -> Figure {
    on_enough_stack(|| figure_of_kind(node, depth))
}

fn figure_of_kind(node: Node<'_>, depth: &mut usize) -> Figure {
    *depth = depth.saturating_sub(1);
    if *depth == 0 {
        return None;
    }
    let children: Vec<Node<'_>> = node.children().collect();
    match node.kind() {
        K::columnref => {
            let last = node.descendants().filter(|node| matches!(node.kind(), K::ColId | K::ColLabel)).last();
            strong(identifier(last.unwrap_or(node)))
        }
        K::a_expr | K::b_expr => operation(&children, depth),
        K::c_expr => primary(&children, depth),
        K::func_application => {
            let name = node.child(K::func_name)?;
            strong(identifier(*parts(name).ok()?.last()?))
        }
        K::AexprConst => constant(&children),
        K::case_expr => {
            let default =
                node.child(K::case_default).and_then(|default| figure(default.child(K::a_expr)?, depth));
            default.filter(|(_, strong)| *strong).or_else(|| Some(("case".to_owned(), false)))
        }
        K::func_expr_common_subexpr | K::json_aggregate_func => keyword_function(node, &children, depth),
        K::func_expr | K::func_expr_windowless => figure(*children.first()?, depth),
        K::explicit_row | K::implicit_row | K::row => strong("row"),
        _ => match &children[..] {
            [only] => figure(*only, depth),
            _ => None,
        },
    }
}

fn operation(children: &[Node<'_>], depth: &mut usize) -> Figure {
    match children {
        [only] => figure(*only, depth),
        [inner, cast, kind] if cast.kind() == K::TYPECAST => cast_name(*inner, *kind, depth),
        [inner, collate, _] if collate.kind() == K::COLLATE => figure(*inner, depth),
        [_, at, ..] if at.kind() == K::AT => strong("timezone"),
        [_, overlaps, _] if overlaps.kind() == K::OVERLAPS => strong("overlaps"),
        [_, is, .., normalized] if (is.kind(), normalized.kind()) == (K::IS, K::NORMALIZED) => {
            strong("is_normalized")
        }
        _ => None,
    }
}

fn cast_name(inner: Node<'_>, kind: Node<'_>, depth: &mut usize) -> Figure {
    figure(inner, depth).filter(|(_, strong)| *strong).or_else(|| Some((types::last_name(kind)?, false)))
}

fn primary(children: &[Node<'_>], depth: &mut usize) -> Figure {
    match children {
        [exists, _] if exists.kind() == K::EXISTS => strong("exists"),
        [array, _] if array.kind() == K::ARRAY => strong("array"),
        [grouping, ..] if grouping.kind() == K::GROUPING => strong("grouping"),
        [query] if query.kind() == K::select_with_parens => first_target(*query, depth),
        [inner @ .., fields] if matches!(fields.kind(), K::opt_indirection | K::indirection) => {
            let last = fields.descendants().filter(|node| node.kind() == K::ColLabel).last();
            match last {
                Some(last) => strong(identifier(last)),
                None => primary(inner, depth),
            }
        }
        [open, inner, _] if open.kind() == K::LParen => figure(*inner, depth),
        [only] => figure(*only, depth),
        _ => None,
    }
}

/// The name of a scalar subquery: that of its first column.
fn first_target(query: Node<'_>, depth: &mut usize) -> Figure {
    let select = query.descendants().find(|node| node.kind() == K::simple_select)?;
    if select.has(K::select_clause) {
        return None;
    }
    let list = select.child(K::opt_target_list).or_else(|| select.child(K::target_list))?;
    let target = list.descendants().find(|node| node.kind() == K::target_el)?;
    match target.children().find(|child| matches!(child.kind(), K::ColLabel | K::BareColLabel)) {
        Some(label) => strong(identifier(label)),
        None => figure(target.child(K::a_expr)?, depth),
    }
}

fn constant(children: &[Node<'_>]) -> Figure {
    let first = children.first()?;
    match first.kind() {
        K::TRUE_P | K::FALSE_P => Some(("bool".to_owned(), false)),
        K::func_name => Some((identifier(*parts(*first).ok()?.last()?), false)),
        K::ConstTypename | K::ConstInterval => Some((types::last_name(*first)?, false)),
        _ => None,
    }
}

fn keyword_function(node: Node<'_>, children: &[Node<'_>], depth: &mut usize) -> Figure {
    let first = children.first()?;
    let name = match first.kind() {
        K::CAST => return cast_name(node.child(K::a_expr)?, node.child(K::Typename)?, depth),
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

/// The name, if the expression is an unqualified column reference and nothing else.
pub(super) fn bare_name(node: Node<'_>) -> Option<String> {
    if node.kind() == K::columnref {
        return node.only_child().map(identifier);
    }
    if node.is_token() || !matches!(node.kind(), K::a_expr | K::b_expr | K::c_expr) {
        return None;
    }
    bare_name(node.only_child()?)
}

/// What stands before `.*`.
pub(super) enum BeforeStar<'t> {
    /// `t.*`, `schema.t.*`
    Relation(Vec<Node<'t>>),
    /// `(..).*`
    Expression(Node<'t>),
}

/// The part of an expression before `.*`, if that is how the expression ends.
pub(super) fn before_star(node: Node<'_>) -> Option<BeforeStar<'_>> {
    let is_star = |fields: Node<'_>| {
        let last = fields.descendants().filter(|node| node.kind() == K::indirection_el).last();
        last.is_some_and(|last| last.has(K::Star))
    };
    let children: Vec<Node<'_>> = node.children().collect();
    match (node.kind(), &children[..]) {
        (K::a_expr, [only]) => before_star(*only),
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

/// The elements of a row constructor, `(a, b)` or `ROW(a, b)`, in parentheses or not.
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

/// Whether an expression is a subquery and nothing else.
pub(super) fn is_query(node: Node<'_>) -> bool {
    match node.kind() {
        K::select_with_parens => true,
        K::a_expr | K::b_expr | K::c_expr => node.only_child().is_some_and(is_query),
        _ => false,
    }
}

/// Whether an expression is a column reference and nothing else.
pub(super) fn is_column(node: Node<'_>) -> bool {
    match node.kind() {
        K::columnref => true,
        K::a_expr | K::b_expr | K::c_expr => node.only_child().is_some_and(is_column),
        _ => false,
    }
}
