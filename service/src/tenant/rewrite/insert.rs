//! INSERT, which adds the tenant to every row.

use postgresql_cst_parser::syntax_kind::SyntaxKind as K;

use super::super::refusal::Reason;
use super::super::registry::TableName;
use super::analysis::Analysis;
use super::identifier::identifier;
use super::scope::{Columns, Relation, Scope};
use super::stamp::{Place, Stamp};
use super::target::Target;
use super::tree::Node;
use super::{Walk, unhandled, unsupported};
use watertight_schema::sql;

impl Analysis<'_> {
    pub(super) fn insert(&mut self, node: Node<'_>, scope: &Scope<'_>) -> Walk<Columns> {
        self.with_ctes(node.child(K::opt_with_clause), scope, |analysis, scope| {
            analysis.insert_within(node, scope)
        })
    }

    fn insert_within(&mut self, node: Node<'_>, scope: &Scope<'_>) -> Walk<Columns> {
        let (mut target, mut rest, mut conflict, mut returning) = (None, None, None, None);
        for child in node.children() {
            match child.kind() {
                K::opt_with_clause | K::INSERT | K::INTO => {}
                K::insert_target => target = Some(self.insert_target(child)?),
                K::insert_rest => rest = Some(child),
                K::opt_on_conflict => conflict = Some(child),
                K::returning_clause => returning = Some(child),
                _ => return unhandled(child),
            }
        }
        let (Some(target), Some(rest)) = (target, rest) else { return unhandled(node) };
        if returning.is_some() {
            self.check_outbox(&target.table, "RETURNING")?;
        }
        if conflict.is_some_and(|conflict| conflict.children().next().is_some()) {
            self.check_outbox(&target.table, "ON CONFLICT")?;
        }
        self.insert_rest(rest, &target, scope)?;
        if let Some(conflict) = conflict {
            if target.relation.label.as_deref() == Some("excluded") {
                return unsupported("ON CONFLICT on a table named excluded");
            }
            self.on_conflict(conflict, &target, scope)?;
        }
        let all = target.relation.columns.clone();
        self.returning(returning, &target, Vec::new(), &all, scope)
    }

    fn insert_target(&mut self, node: Node<'_>) -> Walk<Target> {
        let (mut name, mut alias) = (None, None);
        for child in node.children() {
            match child.kind() {
                K::qualified_name => name = Some(child),
                K::AS => {}
                K::ColId => alias = Some(child),
                _ => return unhandled(child),
            }
        }
        match name {
            Some(name) => self.changed_table(name, alias),
            None => unhandled(node),
        }
    }

    fn insert_rest(&mut self, node: Node<'_>, target: &Target, scope: &Scope<'_>) -> Walk {
        let (mut list, mut source, mut defaults) = (None, None, None);
        for child in node.children() {
            match child.kind() {
                K::LParen | K::RParen | K::OVERRIDING | K::override_kind | K::VALUE_P | K::VALUES => {}
                K::insert_column_list => list = Some(child),
                K::SelectStmt => source = Some(child),
                K::DEFAULT => defaults = Some(child),
                _ => return unhandled(child),
            }
        }
        let Some(source) = source else {
            let Some(defaults) = defaults else { return unhandled(node) };
            let values = format!("({}) VALUES ({})", self.tenant_column(&target.table), self.tenant);
            self.edits.replace(defaults.start(), node.end(), values);
            return Ok(());
        };
        if let Some(list) = list {
            let (place, names) = self.stamped_columns(list, &target.table, scope)?;
            let is_row = |name: &String| target.relation.column(name).is_some_and(|value| value.row);
            let rows = names.iter().map(is_row).collect();
            let stamp = Stamp { table: target.table.clone(), place, rows };
            self.stamped_query(source, scope, &stamp)?;
            return Ok(());
        }
        let known = &target.relation.columns;
        let tenant_column = self.registry.tenant_column(&target.table);
        let index = known.list.iter().position(|column| column.name == tenant_column);
        let Some(index) = index.filter(|_| !known.open) else {
            return Err(Reason::UnnamedColumns(target.table.to_string()));
        };
        let rows = known.list.iter().map(|column| column.value.row).collect();
        let stamp = Stamp { table: target.table.clone(), place: Place::InTable(index), rows };
        let columns = self.stamped_query(source, scope, &stamp)?;
        let mut names: Vec<String> =
            known.list.iter().take(columns.list.len()).map(|column| sql::identifier(&column.name)).collect();
        if names.len() < columns.list.len() {
            return unsupported("a row with more values than the table has columns");
        }
        if index >= names.len() {
            names.push(sql::identifier(tenant_column));
        }
        self.edits.insert(node.start(), format!("({}) ", names.join(", ")));
        Ok(())
    }

    /// Adds the tenant column to a list of columns, or finds its position. Returns the names in the list.
    fn stamped_columns(
        &mut self,
        list: Node<'_>,
        table: &TableName,
        scope: &Scope<'_>,
    ) -> Walk<(Place, Vec<String>)> {
        let tenant_column = self.registry.tenant_column(table);
        let mut place = None;
        let mut names = Vec::new();
        let items = list.children().filter(|child| child.kind() == K::insert_column_item);
        for (index, item) in items.enumerate() {
            let Some(name) = item.child(K::ColId) else { return unhandled(item) };
            self.subscripts(item, scope)?;
            if identifier(name) == tenant_column {
                if place.is_some() || item.only_child().is_none() {
                    return unsupported("an INSERT that lists the tenant column twice or a part of it");
                }
                place = Some(index);
            }
            names.push(identifier(name));
        }
        let place = place.map_or(Place::Last, Place::At);
        if place == Place::Last {
            self.edits.insert(list.end(), format!(", {}", self.tenant_column(table)));
        }
        Ok((place, names))
    }

    fn on_conflict(&mut self, node: Node<'_>, target: &Target, scope: &Scope<'_>) -> Walk {
        let mut excluded = Relation::derived(Some("excluded".to_owned()), target.relation.columns.clone());
        excluded.has_system_columns = true;
        excluded.joined = true;
        let relations = [target.relation.clone(), excluded];
        let (mut set, mut update, mut condition) = (None, None, None);
        for child in node.children() {
            match child.kind() {
                K::ON | K::CONFLICT | K::DO | K::NOTHING | K::SET => {}
                K::UPDATE => update = Some(child),
                K::opt_conf_expr => {
                    let relations = [target.relation.clone()];
                    self.conflict_target(child, &target.table, &Scope::of(&relations, scope))?;
                }
                K::set_clause_list => set = Some(child),
                K::where_clause => condition = Some(child),
                _ => return unhandled(child),
            }
        }
        let (Some(_), Some(set)) = (update, set) else { return Ok(()) };
        let scope = Scope::of(&relations, scope);
        self.assignments(set, target, &scope)?;
        self.guarded_condition(condition, node.end(), target, &scope)
    }

    /// Walks `(column, expression, ..) WHERE predicate`. Unique keys of tenant tables contain the tenant.
    fn conflict_target(&mut self, node: Node<'_>, table: &TableName, scope: &Scope<'_>) -> Walk {
        let mut elements = None;
        for child in node.children() {
            match child.kind() {
                K::LParen | K::RParen | K::ON | K::CONSTRAINT | K::name => {}
                K::index_params => elements = Some(child),
                K::where_clause => {
                    for part in child.children().filter(|part| part.kind() != K::WHERE) {
                        self.plain_expression(part, scope)?;
                    }
                }
                _ => return unhandled(child),
            }
        }
        let Some(elements) = elements else { return Ok(()) };
        let mut names_tenant = false;
        for element in elements.children().filter(|child| child.kind() != K::Comma) {
            for part in element.children() {
                match part.kind() {
                    K::ColId => names_tenant |= identifier(part) == self.registry.tenant_column(table),
                    K::LParen | K::RParen | K::index_elem_options => {}
                    K::a_expr | K::func_expr_windowless => drop(self.plain_expression(part, scope)?),
                    _ => return unhandled(part),
                }
            }
        }
        if !names_tenant {
            self.edits.insert(elements.end(), format!(", {}", self.tenant_column(table)));
        }
        Ok(())
    }
}
