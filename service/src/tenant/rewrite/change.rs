//! UPDATE, DELETE and MERGE, with a guard for the changed rows.

use postgresql_cst_parser::syntax_kind::SyntaxKind as K;

use super::analysis::Analysis;
use super::from::{From, table_name};
use super::identifier::identifier;
use super::named_tenant::is_default;
use super::scope::{Columns, Scope, Value};
use super::target::Target;
use super::tree::Node;
use super::{Walk, unhandled, unsupported};
use crate::tenant::refusal::Reason;
use watertight_schema::sql;

impl Analysis<'_> {
    pub(super) fn update(&mut self, node: Node<'_>, scope: &Scope<'_>) -> Walk<Columns> {
        self.with_ctes(node.child(K::opt_with_clause), scope, |analysis, scope| analysis.change(node, scope))
    }

    pub(super) fn delete(&mut self, node: Node<'_>, scope: &Scope<'_>) -> Walk<Columns> {
        self.update(node, scope)
    }

    /// Walks an UPDATE or a DELETE.
    fn change(&mut self, node: Node<'_>, scope: &Scope<'_>) -> Walk<Columns> {
        let (mut target, mut set, mut condition, mut returning) = (None, None, None, None);
        let mut from = From::default();
        let mut end = node.end();
        for child in node.children() {
            match child.kind() {
                K::opt_with_clause => continue,
                K::UPDATE | K::SET | K::DELETE_P | K::FROM => {}
                K::relation_expr_opt_alias => target = Some(self.target_with_alias(child)?),
                K::set_clause_list => set = Some(child),
                K::from_clause | K::using_clause => from = self.relations_of(child, scope)?,
                K::where_or_current_clause => condition = Some(child),
                K::returning_clause => {
                    returning = Some(child);
                    continue;
                }
                _ => return unhandled(child),
            }
            end = child.end();
        }
        let Some(target) = target else { return unhandled(node) };
        let mut relations = vec![target.relation.clone()];
        relations.extend(from.relations.iter().cloned());
        let inner = Scope::of(&relations, scope);
        if let Some(set) = set {
            self.assignments(set, &target, &inner)?;
        }
        self.guarded_condition(condition, end, &target, &inner)?;
        let all = target.relation.columns.beside(&from.columns);
        self.returning(returning, &target, from.relations, &all, scope)
    }

    fn target_with_alias(&mut self, node: Node<'_>) -> Walk<Target> {
        let (mut name, mut alias) = (None, None);
        for child in node.children() {
            match child.kind() {
                K::relation_expr => name = Some(table_name(child)?),
                K::AS => {}
                K::ColId => alias = Some(child),
                _ => return unhandled(child),
            }
        }
        let Some(name) = name else { return unhandled(node) };
        let target = self.changed_table(name, alias)?;
        self.check_outbox(&target.table, "UPDATE, DELETE or MERGE")?;
        Ok(target)
    }

    pub(super) fn merge(&mut self, node: Node<'_>, scope: &Scope<'_>) -> Walk<Columns> {
        self.with_ctes(node.child(K::opt_with_clause), scope, |analysis, scope| {
            analysis.merge_within(node, scope)
        })
    }

    fn merge_within(&mut self, node: Node<'_>, scope: &Scope<'_>) -> Walk<Columns> {
        let (mut target, mut condition, mut actions, mut returning) = (None, None, None, None);
        let mut source = From::default();
        for child in node.children() {
            match child.kind() {
                K::opt_with_clause | K::MERGE | K::INTO | K::USING | K::ON => {}
                K::relation_expr_opt_alias => target = Some(self.target_with_alias(child)?),
                K::table_ref => {
                    source.columns = self.table_reference(child, &mut source.relations, scope)?;
                }
                K::a_expr => condition = Some(child),
                K::merge_when_list => actions = Some(child),
                K::returning_clause => returning = Some(child),
                _ => return unhandled(child),
            }
        }
        let (Some(target), Some(condition), Some(actions)) = (target, condition, actions) else {
            return unhandled(node);
        };
        let mut relations = vec![target.relation.clone()];
        relations.extend(source.relations.iter().cloned());
        let inner = Scope::of(&relations, scope);
        if self.registry.has_rows_for_everyone(&target.table) {
            return Err(Reason::RowsForEveryone(target.table.to_string()));
        }
        let guard = self.guard(&target.relation.label_text, &target.table);
        self.guarded_expression(condition, &guard, &inner)?;
        for action in actions.children() {
            self.merge_action(action, &target, &guard, &inner)?;
        }
        // `*` lists the columns of the source first.
        let all = source.columns.beside(&target.relation.columns);
        self.returning(returning, &target, source.relations, &all, scope)
    }

    /// Walks `WHEN .. [AND condition] THEN ..`.
    fn merge_action(&mut self, node: Node<'_>, target: &Target, guard: &str, scope: &Scope<'_>) -> Walk {
        let (mut when, mut condition, mut by_source) = (None, None, false);
        for child in node.children() {
            match child.kind() {
                K::merge_when_tgt_matched | K::merge_when_tgt_not_matched => {
                    by_source = child.has(K::SOURCE);
                    when = Some(child);
                }
                K::opt_merge_when_condition => condition = child.child(K::a_expr),
                _ => {}
            }
        }
        let Some(when) = when else { return unhandled(node) };
        // This clause applies to every row of the table without a match, including the rows of other tenants.
        match (condition, by_source) {
            (Some(condition), true) => self.guarded_expression(condition, guard, scope)?,
            (None, true) => self.edits.insert(when.end(), format!(" AND {guard}")),
            (Some(condition), false) => drop(self.plain_expression(condition, scope)?),
            (None, false) => {}
        }
        for child in node.children() {
            match child.kind() {
                K::merge_when_tgt_matched
                | K::merge_when_tgt_not_matched
                | K::opt_merge_when_condition
                | K::THEN
                | K::DO
                | K::NOTHING
                | K::merge_delete => {}
                K::merge_update => match child.child(K::set_clause_list) {
                    Some(set) => self.assignments(set, target, scope)?,
                    None => return unhandled(child),
                },
                K::merge_insert => self.merge_insert(child, target, scope)?,
                _ => return unhandled(child),
            }
        }
        Ok(())
    }

    fn merge_insert(&mut self, node: Node<'_>, target: &Target, scope: &Scope<'_>) -> Walk {
        let (mut list, mut values, mut defaults, mut insert) = (None, None, None, None);
        for child in node.children() {
            match child.kind() {
                K::INSERT => insert = Some(child),
                K::LParen | K::RParen | K::OVERRIDING | K::override_kind | K::VALUE_P | K::VALUES => {}
                K::insert_column_list => list = Some(child),
                K::merge_values_clause => values = child.child(K::expr_list),
                K::DEFAULT => defaults = Some(child),
                _ => return unhandled(child),
            }
        }
        if let Some(defaults) = defaults {
            let row = format!("({}) VALUES ({})", self.tenant_column(&target.table), self.tenant);
            self.edits.replace(defaults.start(), node.end(), row);
            return Ok(());
        }
        let (Some(insert), Some(values)) = (insert, values) else { return unhandled(node) };
        let mut row = Vec::new();
        for expression in values.children().filter(|child| child.kind() != K::Comma) {
            let value =
                if is_default(expression) { Value::PLAIN } else { self.plain_expression(expression, scope)? };
            row.push((expression, value));
        }
        let columns: Vec<String> = match list {
            Some(list) => {
                let mut names = Vec::new();
                for item in list.children().filter(|child| child.kind() == K::insert_column_item) {
                    self.subscripts(item, scope)?;
                    names.extend(item.child(K::ColId).map(identifier));
                }
                names
            }
            None if target.relation.columns.open => {
                return Err(Reason::UnnamedColumns(target.table.to_string()));
            }
            None => {
                let names = target.relation.columns.list.iter().map(|column| column.name.clone());
                names.take(row.len()).collect()
            }
        };
        let tenant_column = self.registry.tenant_column(&target.table);
        let mut places = columns.iter().enumerate().filter(|(_, name)| *name == tenant_column);
        let place = places.next().map(|(place, _)| place);
        if places.next().is_some() || columns.len() != row.len() {
            return unsupported(
                "an INSERT of MERGE whose number of values differs from its number of columns",
            );
        }
        if let Some((expression, value)) = place.and_then(|place| row.get(place)) {
            self.name_tenant(*expression, *value, &target.table)?;
        } else {
            if let Some(list) = list {
                self.edits.insert(list.end(), format!(", {}", sql::identifier(tenant_column)));
            }
            self.edits.insert(values.end(), format!(", {}", self.tenant));
        }
        if list.is_none() {
            let mut names: Vec<String> = columns.iter().map(|name| sql::identifier(name)).collect();
            if place.is_none() {
                names.push(sql::identifier(tenant_column));
            }
            self.edits.insert(insert.end(), format!(" ({})", names.join(", ")));
        }
        Ok(())
    }
}
