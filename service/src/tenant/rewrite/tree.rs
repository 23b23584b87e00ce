//! The syntax tree of a text, from PostgreSQL's own grammar.
//!
//! The parser is `postgresql-cst-parser`, with the LALR tables of PostgreSQL 17's `gram.y` and `scan.l`. Its
//! tree is lossless, and its nodes are named after the productions of the grammar. This module copies the
//! tree into a vector without comments and white space, and verifies that its tokens cover the whole text.

use std::panic::{AssertUnwindSafe, catch_unwind};

use cstree::Syntax;
use cstree::util::NodeOrToken;
use postgresql_cst_parser::syntax_kind::SyntaxKind;
use postgresql_cst_parser::{ParserError, ResolvedNode};

use super::super::refusal::Reason;
use super::lexical;

/// The maximum length of a text in bytes. The 65,535 placeholders of a statement need about half of it.
pub(super) const TEXT_LIMIT: usize = 2 << 20;

/// Productions that define lists by recursion. Their items become children of one node.
const LISTS: &[SyntaxKind] = &[
    SyntaxKind::array_expr_list,
    SyntaxKind::attrs,
    SyntaxKind::columnList,
    SyntaxKind::cte_list,
    SyntaxKind::expr_list,
    SyntaxKind::for_locking_items,
    SyntaxKind::from_list,
    SyntaxKind::func_arg_list,
    SyntaxKind::group_by_list,
    SyntaxKind::index_params,
    SyntaxKind::indirection,
    SyntaxKind::insert_column_list,
    SyntaxKind::json_arguments,
    SyntaxKind::json_name_and_value_list,
    SyntaxKind::json_table_column_definition_list,
    SyntaxKind::json_value_expr_list,
    SyntaxKind::merge_when_list,
    SyntaxKind::name_list,
    SyntaxKind::opt_array_bounds,
    SyntaxKind::opt_indirection,
    SyntaxKind::qualified_name_list,
    SyntaxKind::rowsfrom_list,
    SyntaxKind::set_clause_list,
    SyntaxKind::set_target_list,
    SyntaxKind::sortby_list,
    SyntaxKind::stmtmulti,
    SyntaxKind::TableFuncElementList,
    SyntaxKind::target_list,
    SyntaxKind::type_list,
    SyntaxKind::utility_option_list,
    SyntaxKind::values_clause,
    SyntaxKind::when_clause_list,
    SyntaxKind::window_definition_list,
    SyntaxKind::xml_attribute_list,
    SyntaxKind::xml_namespace_list,
    SyntaxKind::xmltable_column_list,
    SyntaxKind::xmltable_column_option_list,
];

/// An index into [`Tree::entries`]. Zero, the index of the root, means none.
type Index = u32;

#[derive(Debug, Clone, Copy)]
struct Entry {
    kind: SyntaxKind,
    start: u32,
    end: u32,
    first_child: Index,
    next_sibling: Index,
    is_token: bool,
}

/// A syntax tree without comments and white space.
#[derive(Debug)]
pub(super) struct Tree<'t> {
    text: &'t str,
    entries: Vec<Entry>,
}

impl<'t> Tree<'t> {
    /// Parses a text. The caller provides the stack, because the parser recurses with the nesting of the
    /// text.
    pub(super) fn parse(text: &'t str) -> Result<Self, Reason> {
        if text.contains('\0') {
            return Err(Reason::NotUnderstood("the server ends the text at a NUL character".to_owned()));
        }
        lexical::check(text)?;
        // The parser panics on some texts. `lexical` has already refused the known ones.
        let parsed = catch_unwind(AssertUnwindSafe(|| postgresql_cst_parser::parse(text)));
        let root = parsed
            .map_err(|_| Reason::NotUnderstood("the parser failed".to_owned()))?
            .map_err(|error| Reason::NotUnderstood(message(&error)))?;
        Self::copy(text, &root)
    }

    fn copy(text: &'t str, root: &ResolvedNode) -> Result<Self, Reason> {
        const TRIVIA: [SyntaxKind; 3] =
            [SyntaxKind::Whitespace, SyntaxKind::C_COMMENT, SyntaxKind::SQL_COMMENT];
        let resolver = &**root.resolver();
        let mut builder = Builder { entries: Vec::with_capacity(text.len() / 2), open: Vec::new() };
        builder.enter(root.kind());
        let mut done = 0;
        // The walk uses the green tree, whose nodes have no parents, so the cost of a step does not depend on
        // the depth.
        let mut pending = vec![root.green().children()];
        while let Some(children) = pending.last_mut() {
            match children.next() {
                None => {
                    builder.leave();
                    pending.pop();
                }
                Some(NodeOrToken::Node(node)) => {
                    builder.enter(SyntaxKind::from_raw(node.kind()));
                    pending.push(node.children());
                }
                Some(NodeOrToken::Token(token)) => {
                    let written = token.text(resolver).unwrap_or_default();
                    let end = done + written.len();
                    if text.get(done..end) != Some(written) {
                        return Err(Reason::NotUnderstood(format!(
                            "byte {done} is missing from the syntax tree"
                        )));
                    }
                    let kind = SyntaxKind::from_raw(token.kind());
                    if !TRIVIA.contains(&kind) {
                        builder.token(kind, offset(done)?, offset(end)?);
                    }
                    done = end;
                }
            }
        }
        // The tree of the parser does not contain white space at the end of the text.
        if text.get(done..).is_none_or(|rest| !rest.chars().all(|c| " \t\n\r\x0b\x0c".contains(c))) {
            return Err(Reason::NotUnderstood(format!("byte {done} is missing from the syntax tree")));
        }
        Ok(Self { text, entries: builder.entries })
    }

    pub(super) fn root(&self) -> Node<'_> {
        Node { tree: self, index: 0 }
    }

    /// Every token, in the order of the text.
    pub(super) fn tokens(&self) -> impl Iterator<Item = Node<'_>> {
        self.entries
            .iter()
            .enumerate()
            .filter(|(_, entry)| entry.is_token)
            .filter_map(|(index, _)| Some(Node { tree: self, index: Index::try_from(index).ok()? }))
    }

    /// The number of nodes of a kind.
    pub(super) fn count(&self, kind: SyntaxKind) -> usize {
        self.entries.iter().filter(|entry| entry.kind == kind).count()
    }

    pub(super) const fn text(&self) -> &'t str {
        self.text
    }
}

fn offset(at: usize) -> Result<u32, Reason> {
    u32::try_from(at).map_err(|_| Reason::TooLarge { bytes: at, limit: TEXT_LIMIT })
}

fn message(error: &ParserError) -> String {
    match error {
        ParserError::ParseError { start_byte_pos, .. } => format!("syntax error at byte {start_byte_pos}"),
        ParserError::ScanReport(report) => {
            format!("{} at byte {}", report.message, report.position_in_bytes)
        }
        ParserError::ScanError { message } => message.clone(),
    }
}

struct Builder {
    entries: Vec<Entry>,
    /// The open nodes, each with its last child. A list inside a list of the same kind reopens the outer
    /// list.
    open: Vec<(usize, usize)>,
}

impl Builder {
    fn enter(&mut self, kind: SyntaxKind) {
        if let Some(&outer) = self.open.last()
            && LISTS.contains(&kind)
            && self.entries.get(outer.0).is_some_and(|entry| entry.kind == kind)
        {
            self.open.push(outer);
            return;
        }
        let index = self.push(Entry {
            kind,
            start: u32::MAX,
            end: 0,
            first_child: 0,
            next_sibling: 0,
            is_token: false,
        });
        self.open.push((index, 0));
    }

    fn leave(&mut self) {
        let Some((index, last)) = self.open.pop() else { return };
        let Some(&Entry { start, end, .. }) = self.entries.get(index) else { return };
        if let Some(outer) = self.open.last_mut() {
            if outer.0 == index {
                // The items of the inner list were added to the outer list.
                outer.1 = last;
            } else if let Some(outer) = self.entries.get_mut(outer.0) {
                outer.start = outer.start.min(start);
                outer.end = outer.end.max(end);
            }
        }
    }

    fn token(&mut self, kind: SyntaxKind, start: u32, end: u32) {
        self.push(Entry { kind, start, end, first_child: 0, next_sibling: 0, is_token: true });
        if let Some(outer) = self.open.last().and_then(|outer| self.entries.get_mut(outer.0)) {
            outer.start = outer.start.min(start);
            outer.end = outer.end.max(end);
        }
    }

    /// Adds an entry as the last child of the open node.
    fn push(&mut self, entry: Entry) -> usize {
        let index = self.entries.len();
        self.entries.push(entry);
        if let Some((parent, last)) = self.open.last_mut() {
            let link = Index::try_from(index).unwrap_or(0);
            if *last == 0 {
                if let Some(parent) = self.entries.get_mut(*parent) {
                    parent.first_child = link;
                }
            } else if let Some(last) = self.entries.get_mut(*last) {
                last.next_sibling = link;
            }
            *last = index;
        }
        index
    }
}

/// A node or a token of a tree.
#[derive(Debug, Clone, Copy)]
pub(super) struct Node<'t> {
    tree: &'t Tree<'t>,
    index: Index,
}

impl PartialEq for Node<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.index == other.index
    }
}

impl<'t> Node<'t> {
    const NOTHING: Entry =
        Entry { kind: SyntaxKind::Root, start: 0, end: 0, first_child: 0, next_sibling: 0, is_token: false };

    fn entry(self) -> &'t Entry {
        self.tree.entries.get(self.index as usize).unwrap_or(&Self::NOTHING)
    }

    pub(super) fn kind(self) -> SyntaxKind {
        self.entry().kind
    }

    pub(super) fn is_token(self) -> bool {
        self.entry().is_token
    }

    /// The offset of the first byte of its first token.
    pub(super) fn start(self) -> usize {
        self.entry().start as usize
    }

    /// The offset after the last byte of its last token.
    pub(super) fn end(self) -> usize {
        self.entry().end as usize
    }

    pub(super) fn text(self) -> &'t str {
        self.tree.text.get(self.start()..self.end()).unwrap_or_default()
    }

    pub(super) fn children(self) -> Children<'t> {
        Children { tree: self.tree, next: self.entry().first_child }
    }

    /// The first child of a kind.
    pub(super) fn child(self, kind: SyntaxKind) -> Option<Node<'t>> {
        self.children().find(|child| child.kind() == kind)
    }

    pub(super) fn has(self, kind: SyntaxKind) -> bool {
        self.child(kind).is_some()
    }

    /// The only child, if there is exactly one.
    pub(super) fn only_child(self) -> Option<Node<'t>> {
        let mut children = self.children();
        let first = children.next()?;
        children.next().is_none().then_some(first)
    }

    /// The node and everything below it, in the order of the text.
    pub(super) fn descendants(self) -> impl Iterator<Item = Node<'t>> {
        let mut pending = vec![self];
        std::iter::from_fn(move || {
            let node = pending.pop()?;
            let at = pending.len();
            pending.extend(node.children());
            if let Some(children) = pending.get_mut(at..) {
                children.reverse();
            }
            Some(node)
        })
    }
}

/// The children of a node.
pub(super) struct Children<'t> {
    tree: &'t Tree<'t>,
    next: Index,
}

impl<'t> Iterator for Children<'t> {
    type Item = Node<'t>;

    fn next(&mut self) -> Option<Node<'t>> {
        if self.next == 0 {
            return None;
        }
        let node = Node { tree: self.tree, index: self.next };
        self.next = node.entry().next_sibling;
        Some(node)
    }
}
