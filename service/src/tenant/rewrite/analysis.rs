//! The walk over the syntax tree of one statement, which collects the edits and refuses unproved parts.
//!
//! Every handled production lists its expected children, and any other child is refused. So an addition of a
//! newer grammar is refused until it is handled.

use postgresql_cst_parser::syntax_kind::SyntaxKind as K;

use super::super::refusal::Reason;
use super::super::registry::Registry;
use super::super::snapshot::Snapshot;
use super::edits::Edits;
use super::limits::Work;
use super::plan::NamedTenant;
use super::scope::{Columns, Scope};
use super::settings::Settings;
use super::tree::Node;
use super::{Walk, unhandled};

/// State collected while walking a statement.
pub(super) struct Analysis<'a> {
    pub(super) registry: &'a Registry,
    pub(super) snapshot: &'a Snapshot,
    pub(super) settings: Settings,
    pub(super) edits: Edits,
    /// The placeholder of the tenant, `$n`.
    pub(super) tenant: String,
    pub(super) read_only: bool,
    pub(super) named: Vec<NamedTenant>,
    /// The number of guards in the text. Each guard has its own alias.
    pub(super) guards: usize,
    /// The position of a call of `unnest` that PostgreSQL recognizes only without a schema.
    pub(super) own_unnest: Option<usize>,
    /// Whether a query locks rows.
    pub(super) locks: bool,
    /// A table with rows for everyone that the statement reads.
    pub(super) for_everyone: Option<String>,
    pub(super) work: Work,
}

impl<'a> Analysis<'a> {
    pub(super) fn new(
        registry: &'a Registry,
        snapshot: &'a Snapshot,
        settings: Settings,
        placeholder: usize,
        references: usize,
    ) -> Self {
        Self {
            registry,
            snapshot,
            settings,
            edits: Edits::default(),
            tenant: format!("${placeholder}"),
            read_only: true,
            named: Vec::new(),
            guards: 0,
            own_unnest: None,
            locks: false,
            for_everyone: None,
            work: Work::on(references),
        }
    }

    /// Walks a statement, such as `SelectStmt` or `InsertStmt`, and returns the columns of its result.
    pub(super) fn statement(&mut self, node: Node<'_>, scope: &Scope<'_>) -> Walk<Columns> {
        match node.kind() {
            K::SelectStmt => self.query(node, scope),
            K::InsertStmt => self.insert(node, scope),
            K::UpdateStmt => self.update(node, scope),
            K::DeleteStmt => self.delete(node, scope),
            K::MergeStmt => self.merge(node, scope),
            K::ExplainStmt => self.explain(node, scope),
            K::PreparableStmt | K::ExplainableStmt => match node.only_child() {
                Some(statement) => self.statement(statement, scope),
                None => unhandled(node),
            },
            _ => Err(Reason::StatementKind),
        }
    }

    fn explain(&mut self, node: Node<'_>, scope: &Scope<'_>) -> Walk<Columns> {
        if !self.settings.explain {
            return Err(Reason::Explain);
        }
        for child in node.children() {
            match child.kind() {
                K::ExplainableStmt => drop(self.statement(child, scope)?),
                K::EXPLAIN
                | K::VERBOSE
                | K::LParen
                | K::RParen
                | K::analyze_keyword
                | K::opt_verbose
                | K::utility_option_list => {}
                _ => return unhandled(child),
            }
        }
        Ok(Columns::known([]))
    }
}
