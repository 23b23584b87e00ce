//! The table that a statement changes, and its guards.

use postgresql_cst_parser::syntax_kind::SyntaxKind as K;

use super::super::refusal::Reason;
use super::super::registry::{Ownership, TableName};
use super::analysis::Analysis;
use super::scope::{Columns, Relation, Scope};
use super::tree::Node;
use super::{Walk, unhandled, unsupported};

/// The table that a statement changes.
pub(super) struct Target {
    pub(super) table: TableName,
    pub(super) relation: Relation,
}

impl Analysis<'_> {
    /// Puts the guard before the condition of an UPDATE, a DELETE or a DO UPDATE.
    ///
    /// If there is no condition, the guard is added at `end`.
    pub(super) fn guarded_condition(
        &mut self,
        condition: Option<Node<'_>>,
        end: usize,
        target: &Target,
        scope: &Scope<'_>,
    ) -> Walk {
        let guard = self.guard(&target.relation.label_text, &target.table);
        let Some(condition) = condition else {
            self.edits.insert(end, format!(" WHERE {guard}"));
            return Ok(());
        };
        for child in condition.children() {
            match child.kind() {
                K::WHERE => {}
                K::a_expr => self.guarded_expression(child, &guard, scope)?,
                K::CURRENT_P => return unsupported("WHERE CURRENT OF"),
                _ => return unhandled(child),
            }
        }
        Ok(())
    }

    /// Turns `condition` into `guard AND (condition)`.
    pub(super) fn guarded_expression(&mut self, condition: Node<'_>, guard: &str, scope: &Scope<'_>) -> Walk {
        self.edits.insert(condition.start(), format!("{guard} AND ("));
        self.plain_expression(condition, scope)?;
        self.edits.insert(condition.end(), ")");
        Ok(())
    }

    /// Walks `RETURNING ..`. `*` stands for all columns of `all`.
    ///
    /// It can use the target, the relations of FROM, and `old` and `new` of PostgreSQL 18.
    pub(super) fn returning(
        &mut self,
        node: Option<Node<'_>>,
        target: &Target,
        from: Vec<Relation>,
        all: &Columns,
        scope: &Scope<'_>,
    ) -> Walk<Columns> {
        let Some(node) = node else { return Ok(Columns::known([])) };
        let mut relations = vec![target.relation.clone()];
        relations.extend(from);
        let labels: Vec<_> = relations.iter().filter_map(|relation| relation.label.clone()).collect();
        if self.snapshot.server_version().is_none_or(|version| version >= 180_000) {
            for label in ["old", "new"].into_iter().filter(|label| !labels.iter().any(|known| known == label))
            {
                let mut relation = Relation::derived(Some(label.to_owned()), target.relation.columns.clone());
                relation.has_system_columns = true;
                relation.joined = true;
                relations.push(relation);
            }
        }
        for child in node.children() {
            match child.kind() {
                K::RETURNING => {}
                K::target_list => return self.target_list(child, all, &Scope::of(&relations, scope)),
                _ => return unhandled(child),
            }
        }
        unhandled(node)
    }

    /// Refuses a statement that would read an outbox table.
    pub(super) fn check_outbox(&self, table: &TableName, used: &'static str) -> Walk {
        if self.registry.is_outbox(table) {
            return Err(Reason::OutboxTable { table: table.to_string(), used });
        }
        Ok(())
    }

    /// Finds the table that a statement changes. It cannot be a common table expression.
    pub(super) fn changed_table(&mut self, name: Node<'_>, alias: Option<Node<'_>>) -> Walk<Target> {
        self.read_only = false;
        let (table, ownership) = self.lookup(name)?;
        if ownership == Ownership::Shared {
            return Err(Reason::SharedTable(table.to_string()));
        }
        if self.registry.is_one_layer(&table) || self.snapshot.is_view(&table) {
            return Err(Reason::NotATable(table.to_string()));
        }
        self.write_schema(name, &table)?;
        let relation = self.table_relation(name, alias, table.clone(), ownership)?;
        Ok(Target { table, relation })
    }
}
