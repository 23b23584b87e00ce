//! Turns a text with one statement into a plan.

use postgresql_cst_parser::syntax_kind::SyntaxKind as K;

use super::super::parameter::marker;
use super::super::refusal::{Reason, Refusal, StatementKind};
use super::super::registry::Registry;
use super::super::snapshot::Snapshot;
use super::Walk;
use super::analysis::Analysis;
use super::edits::Edits;
use super::named_tenant::placeholder;
use super::plan::Plan;
use super::scope::Scope;
use super::setting;
use super::settings::Settings;
use super::tree::{Node, TEXT_LIMIT, Tree};

pub(super) fn plan(
    registry: &Registry,
    snapshot: &Snapshot,
    settings: Settings,
    text: &str,
    values: usize,
) -> Result<Plan, Refusal> {
    on_deep_stack(text, || {
        let tree = Tree::parse(text).map_err(|reason| Refusal::new(StatementKind::Unknown, reason))?;
        let statement =
            only_statement(tree.root()).map_err(|reason| Refusal::new(StatementKind::Unknown, reason))?;
        let kind = kind_of(statement);
        let mut plan = Draft { registry, snapshot, settings, tree: &tree, values };
        plan.of(statement, kind).map_err(|reason| Refusal::new(kind, reason))
    })
}

/// The maximum nesting of parentheses and brackets, including those in literals and comments.
const NESTING_LIMIT: usize = 256;

/// Parses and drops the tree on a stack sized for the text.
///
/// While the text is parsed, every item of a list adds a level to the tree. The walk grows its stack itself.
pub(super) fn on_deep_stack<T>(text: &str, work: impl FnOnce() -> Result<T, Refusal>) -> Result<T, Refusal> {
    /// The stack that the parser takes for one level of the tree, in bytes: 512 without optimization.
    const PER_WORD: usize = 768;
    const PER_NESTING: usize = 8 * 1024;
    const RED_ZONE: usize = 256 * 1024;
    let (mut count, mut depth, mut deepest, mut in_word) = (0_usize, 0_usize, 0_usize, false);
    for byte in text.bytes() {
        match byte {
            b'(' | b'[' => depth += 1,
            b')' | b']' => depth = depth.saturating_sub(1),
            _ => {}
        }
        deepest = deepest.max(depth);
        let is_name = byte.is_ascii_alphanumeric() || byte == b'_' || !byte.is_ascii();
        count += usize::from(if is_name { !in_word } else { !byte.is_ascii_whitespace() });
        in_word = is_name;
    }
    if deepest > NESTING_LIMIT {
        let reason = Reason::Unsupported(format!("more than {NESTING_LIMIT} nested parentheses").into());
        return Err(Refusal::new(StatementKind::Unknown, reason));
    }
    let size = count.saturating_mul(PER_WORD).saturating_add(deepest * PER_NESTING + RED_ZONE);
    if text.len() > TEXT_LIMIT {
        // A long text is refused before the stack is allocated.
        let reason = Reason::TooLarge { bytes: text.len(), limit: TEXT_LIMIT };
        return Err(Refusal::new(StatementKind::Unknown, reason));
    }
    stacker::maybe_grow(size, size, work)
}

struct Draft<'a, 't> {
    registry: &'a Registry,
    snapshot: &'a Snapshot,
    settings: Settings,
    tree: &'t Tree<'t>,
    values: usize,
}

impl Draft<'_, '_> {
    fn of(&mut self, statement: Node<'_>, kind: StatementKind) -> Walk<Plan> {
        let mut edits = Edits::default();
        if let Some(settings) = setting::check(statement, &mut edits)? {
            if self.values > 0 {
                return Err(Reason::Placeholder { placeholder: 0, values: self.values });
            }
            escape_backslashes(self.tree, &mut edits)?;
            let (sql, named) = (edits.apply(self.tree.text())?.into(), Vec::new());
            return Ok(Plan { sql, kind, read_only: true, named, settings: Some(settings) });
        }
        let mut analysis = Analysis::new(
            self.registry,
            self.snapshot,
            self.settings,
            self.values + 1,
            self.tree.count(K::columnref),
        );
        analysis.statement(statement, &Scope::EMPTY)?;
        let highest = highest_placeholder(self.tree);
        if highest != self.values {
            return Err(Reason::Placeholder { placeholder: highest, values: self.values });
        }
        escape_backslashes(self.tree, &mut analysis.edits)?;
        let Analysis { mut edits, read_only, named, locks, for_everyone, .. } = analysis;
        if let Some(table) = for_everyone.filter(|_| locks) {
            return Err(Reason::RowsForEveryone(table));
        }
        edits.insert(statement.end(), marker(self.values, self.settings.token));
        let sql = edits.apply(self.tree.text())?;
        Ok(Plan { sql: sql.into(), kind, read_only, named, settings: None })
    }
}

/// The statement of a text with exactly one statement.
pub(super) fn only_statement(root: Node<'_>) -> Walk<Node<'_>> {
    let statements = statements(root)?;
    let [statement] = statements[..] else { return Err(Reason::StatementCount(statements.len())) };
    Ok(statement)
}

/// The statements of a text.
pub(super) fn statements(root: Node<'_>) -> Walk<Vec<Node<'_>>> {
    let mut statements = Vec::new();
    let mut pending: Vec<Node<'_>> = root.children().collect();
    pending.reverse();
    while let Some(node) = pending.pop() {
        match node.kind() {
            K::parse_toplevel | K::stmtmulti => {
                let at = pending.len();
                pending.extend(node.children());
                if let Some(children) = pending.get_mut(at..) {
                    children.reverse();
                }
            }
            K::Semicolon => {}
            _ => statements.push(node),
        }
    }
    for statement in &mut statements {
        while matches!(statement.kind(), K::toplevel_stmt | K::stmt) {
            *statement = statement.only_child().ok_or(Reason::StatementKind)?;
        }
    }
    Ok(statements)
}

pub(super) fn highest_placeholder(tree: &Tree<'_>) -> usize {
    let placeholders = tree.tokens().filter(|token| token.kind() == K::PARAM);
    placeholders.filter_map(|token| placeholder(token.text())).max().unwrap_or(0)
}

/// Rewrites plain literals with backslashes as escape literals.
///
/// A backslash in a plain literal depends on `standard_conforming_strings`. An escape literal means the same
/// under either setting, so the end of the literal does not depend on the session.
pub(super) fn escape_backslashes(tree: &Tree<'_>, edits: &mut Edits) -> Walk {
    let literals = tree.tokens().filter(|token| token.kind() == K::SCONST);
    for literal in literals.filter(|token| token.text().starts_with('\'') && token.text().contains('\\')) {
        let before = tree.text().get(..literal.start()).and_then(|before| before.chars().next_back());
        if before.is_some_and(|c| c.is_alphanumeric() || matches!(c, '_' | '$')) {
            return super::unsupported("a literal with a backslash directly after a word");
        }
        edits.replace(literal.start(), literal.end(), format!("E{}", literal.text().replace('\\', "\\\\")));
    }
    Ok(())
}

pub(super) fn kind_of(statement: Node<'_>) -> StatementKind {
    match statement.kind() {
        K::SelectStmt => StatementKind::Select,
        K::InsertStmt => StatementKind::Insert,
        K::UpdateStmt => StatementKind::Update,
        K::DeleteStmt => StatementKind::Delete,
        K::MergeStmt => StatementKind::Merge,
        K::ExplainStmt => StatementKind::Explain,
        K::TruncateStmt => StatementKind::Truncate,
        K::CopyStmt => StatementKind::Copy,
        K::VariableSetStmt | K::VariableResetStmt | K::VariableShowStmt | K::DiscardStmt | K::LoadStmt => {
            StatementKind::Session
        }
        K::TransactionStmt | K::TransactionStmtLegacy | K::ConstraintsSetStmt => StatementKind::Transaction,
        K::CallStmt | K::DoStmt | K::ExecuteStmt | K::PrepareStmt | K::DeallocateStmt => {
            StatementKind::Procedure
        }
        K::ListenStmt | K::UnlistenStmt | K::NotifyStmt => StatementKind::Notification,
        K::LockStmt => StatementKind::Lock,
        K::DeclareCursorStmt | K::FetchStmt | K::ClosePortalStmt => StatementKind::Cursor,
        _ => StatementKind::Schema,
    }
}
