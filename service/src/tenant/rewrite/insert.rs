//! INSERT: the tenant is stamped on every row.

use postgresql_cst_parser::syntax_kind::SyntaxKind as K;

use super::super::refusal::Reason;
use super::super::registry::{Ownership, TENANT_COLUMN, TableName};
use super::analysis::{Analysis, is_default};
use super::identifier::{identifier, quoted};
use super::scope::{Columns, Relation, Scope, Value};
use super::tree::Node;
use super::{Walk, unhandled, unsupported};

/// Where the tenant stands in the rows of an INSERT.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    /// Behind the last column: the statement does not name it.
    Last,
    /// At this index.
    At(usize),
    /// The statement names no columns. The tenant's column has this index in the table, so the statement gives it if
    /// its rows are longer.
    InTable(usize),
}

/// How the rows of an INSERT get their tenant.
#[derive(Debug)]
pub(super) struct Stamp {
    table: TableName,
    place: Place,
    /// The columns that the rows give, in order: whether they hold rows.
    rows: Vec<bool>,
}

impl Stamp {
    fn place(&self, columns: usize) -> Place {
        match self.place {
            Place::InTable(index) if index < columns => Place::At(index),
            Place::InTable(_) => Place::Last,
            place => place,
        }
    }

    /// Refuses rows for columns that are none: the assignment would look for a cast.
    fn check_values(&self, values: impl Iterator<Item = Value>) -> Walk {
        for (index, value) in values.enumerate() {
            if value.row && !self.rows.get(index).copied().unwrap_or(false) {
                let column = format!("column {} of the rows for {}", index + 1, self.table);
                return Err(Reason::RowOperand(column.into()));
            }
        }
        Ok(())
    }

    /// Stamps a row of VALUES whose list ends at `end`.
    pub(super) fn row(&self, analysis: &mut Analysis<'_>, row: &[(Node<'_>, Value)], end: usize) -> Walk {
        self.check_values(row.iter().map(|(_, value)| *value))?;
        let Place::At(index) = self.place(row.len()) else {
            analysis.edits.insert(end, format!(", {}", analysis.tenant));
            return Ok(());
        };
        match row.get(index) {
            Some((expression, value)) => analysis.name_tenant(*expression, *value, &self.table),
            None => unsupported("a row with fewer values than columns"),
        }
    }

    /// What has to be added to the select list, if there is one with these columns.
    pub(super) fn select_list_end(
        &self,
        analysis: &mut Analysis<'_>,
        list: Option<(Node<'_>, &Columns)>,
    ) -> Walk<String> {
        let unknown = || Reason::TenantExpression(self.table.to_string());
        if let Some((_, columns)) = list {
            self.check_values(columns.list.iter().map(|column| column.value))?;
        }
        let mut targets = Vec::new();
        if let Some((list, _)) = list {
            let list = list.child(K::target_list).unwrap_or(list);
            targets.extend(list.children().filter(|child| child.kind() == K::target_el));
        }
        let is_star = |target: &Node<'_>| {
            let expression = target.child(K::a_expr);
            expression.is_none_or(|expression| super::output::before_star(expression).is_some())
        };
        let has_star = list.is_none() || targets.iter().any(is_star);
        if has_star && matches!(self.place, Place::InTable(_)) {
            return Err(Reason::UnnamedColumns(self.table.to_string()));
        }
        let Place::At(index) = self.place(targets.len()) else {
            return Ok(format!(", {}::uuid", analysis.tenant));
        };
        // A wildcard stands for a number of columns that may have changed since they were read.
        if list.is_none() || targets.iter().take(index + 1).any(is_star) {
            return Err(unknown());
        }
        let expression = targets.get(index).and_then(|target| target.child(K::a_expr));
        let value = list.and_then(|(_, columns)| columns.list.get(index).map(|column| column.value));
        match (expression, value) {
            (Some(expression), Some(value)) => analysis.name_tenant(expression, value, &self.table)?,
            _ => return Err(unknown()),
        }
        Ok(String::new())
    }
}

/// The table that a statement changes.
pub(super) struct Target {
    pub(super) table: TableName,
    pub(super) relation: Relation,
}

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
        self.insert_rest(rest, &target, scope)?;
        if let Some(conflict) = conflict {
            if target.relation.label.as_deref() == Some("excluded") {
                return unsupported("ON CONFLICT of a table called excluded");
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

    /// A table that is changed. Common table expressions are not looked at: they cannot be changed.
    pub(super) fn changed_table(&mut self, name: Node<'_>, alias: Option<Node<'_>>) -> Walk<Target> {
        self.read_only = false;
        let (table, ownership) = self.lookup(name)?;
        if ownership == Ownership::Shared {
            return Err(Reason::SharedTable(table.to_string()));
        }
        self.write_schema(name)?;
        let relation = self.table_relation(name, alias, table.clone(), ownership)?;
        Ok(Target { table, relation })
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
            let values = format!("(\"{TENANT_COLUMN}\") VALUES ({})", self.tenant);
            self.edits.replace(defaults.start(), node.end(), values);
            return Ok(());
        };
        if let Some(list) = list {
            let (place, names) = self.stamped_columns(list, scope)?;
            let is_row = |name: &String| target.relation.column(name).is_some_and(|value| value.row);
            let rows = names.iter().map(is_row).collect();
            let stamp = Stamp { table: target.table.clone(), place, rows };
            self.stamped_query(source, scope, &stamp)?;
            return Ok(());
        }
        let known = &target.relation.columns;
        let index = known.list.iter().position(|column| column.name == TENANT_COLUMN);
        let Some(index) = index.filter(|_| !known.open) else {
            return Err(Reason::UnnamedColumns(target.table.to_string()));
        };
        let rows = known.list.iter().map(|column| column.value.row).collect();
        let stamp = Stamp { table: target.table.clone(), place: Place::InTable(index), rows };
        let columns = self.stamped_query(source, scope, &stamp)?;
        let mut names: Vec<String> =
            known.list.iter().take(columns.list.len()).map(|column| quoted(&column.name)).collect();
        if names.len() < columns.list.len() {
            return unsupported("a row with more values than the table has columns");
        }
        if index >= names.len() {
            names.push(quoted(TENANT_COLUMN));
        }
        self.edits.insert(node.start(), format!("({}) ", names.join(", ")));
        Ok(())
    }

    /// Adds the tenant's column to a list of columns, or finds its place there. Returns the names that stand there.
    fn stamped_columns(&mut self, list: Node<'_>, scope: &Scope<'_>) -> Walk<(Place, Vec<String>)> {
        let mut place = None;
        let mut names = Vec::new();
        let items = list.children().filter(|child| child.kind() == K::insert_column_item);
        for (index, item) in items.enumerate() {
            let Some(name) = item.child(K::ColId) else { return unhandled(item) };
            self.subscripts(item, scope)?;
            if identifier(name) == TENANT_COLUMN {
                if place.is_some() || item.only_child().is_none() {
                    return unsupported("naming a column twice, or a part of tenant_id,");
                }
                place = Some(index);
            }
            names.push(identifier(name));
        }
        let place = place.map_or(Place::Last, Place::At);
        if place == Place::Last {
            self.edits.insert(list.end(), format!(", \"{TENANT_COLUMN}\""));
        }
        Ok((place, names))
    }

    /// The subscripts and fields of a column that is written.
    pub(super) fn subscripts(&mut self, node: Node<'_>, scope: &Scope<'_>) -> Walk {
        let elements = node.descendants().filter(|node| node.kind() == K::indirection_el);
        let outermost = elements.filter(|element| {
            node.child(K::opt_indirection).is_some_and(|list| list.children().any(|child| child == *element))
        });
        for element in outermost.collect::<Vec<_>>() {
            for child in element.children() {
                match child.kind() {
                    K::a_expr | K::opt_slice_bound => drop(self.plain_expression(child, scope)?),
                    K::Dot | K::attr_name | K::LBracket | K::RBracket | K::Colon => {}
                    _ => return unhandled(child),
                }
            }
        }
        Ok(())
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
                    self.conflict_target(child, &Scope::of(&relations, scope))?;
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

    /// `(column, expression, ..) WHERE predicate`. Unique keys of tenant tables hold the tenant.
    fn conflict_target(&mut self, node: Node<'_>, scope: &Scope<'_>) -> Walk {
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
                    K::ColId => names_tenant |= identifier(part) == TENANT_COLUMN,
                    K::LParen | K::RParen | K::index_elem_options => {}
                    K::a_expr | K::func_expr_windowless => drop(self.plain_expression(part, scope)?),
                    _ => return unhandled(part),
                }
            }
        }
        if !names_tenant {
            self.edits.insert(elements.end(), format!(", \"{TENANT_COLUMN}\""));
        }
        Ok(())
    }

    /// `a = 1, (b, c) = (2, 3), d['k'] = 4`
    pub(super) fn assignments(&mut self, node: Node<'_>, target: &Target, scope: &Scope<'_>) -> Walk {
        for clause in node.children().filter(|child| child.kind() != K::Comma) {
            let (mut columns, mut value, mut is_list) = (Vec::new(), None, false);
            for child in clause.children() {
                match child.kind() {
                    K::set_target => columns.push(child),
                    K::set_target_list => {
                        is_list = true;
                        columns.extend(child.children().filter(|child| child.kind() == K::set_target));
                    }
                    K::LParen | K::RParen | K::Equals => {}
                    K::a_expr => value = Some(child),
                    _ => return unhandled(child),
                }
            }
            let Some(value) = value else { return unhandled(clause) };
            let mut sets_tenant = false;
            let mut row = false;
            for column in &columns {
                let Some(name) = column.child(K::ColId).map(identifier) else { return unhandled(*column) };
                self.subscripts(*column, scope)?;
                sets_tenant |= name == TENANT_COLUMN;
                row |= target.relation.column(&name).is_some_and(|value| value.row);
                if name == TENANT_COLUMN && (is_list || column.only_child().is_none()) {
                    return unsupported("tenant_id in a list of columns set together");
                }
            }
            if is_default(value) {
                if sets_tenant {
                    self.name_tenant(value, Value::PLAIN, &target.table)?;
                }
            } else if is_list {
                self.assigned_row(value, scope)?;
            } else {
                let found =
                    if row { self.expression(value, scope)? } else { self.plain_expression(value, scope)? };
                if sets_tenant {
                    self.name_tenant(value, found, &target.table)?;
                }
            }
        }
        Ok(())
    }

    /// What several columns are set to: a row constructor or a subquery.
    fn assigned_row(&mut self, value: Node<'_>, scope: &Scope<'_>) -> Walk {
        match super::output::row_elements(value) {
            Some(elements) => elements
                .into_iter()
                .filter(|element| !is_default(*element))
                .try_for_each(|element| self.plain_expression(element, scope).map(drop)),
            None => self.assigned_query(value, scope),
        }
    }

    fn assigned_query(&mut self, value: Node<'_>, scope: &Scope<'_>) -> Walk {
        match value.kind() {
            K::select_with_parens => {
                let columns = self.query(value, scope)?;
                if columns.any_row() {
                    return Err(Reason::RowOperand(super::expression::excerpt(value).into()));
                }
                Ok(())
            }
            _ => match value.only_child() {
                Some(inner) if !inner.is_token() => self.assigned_query(inner, scope),
                _ => self.plain_expression(value, scope).map(drop),
            },
        }
    }

    /// The condition of an UPDATE, a DELETE or a DO UPDATE, with the tenant's in front of it. Without a condition it
    /// is added at `end`.
    pub(super) fn guarded_condition(
        &mut self,
        condition: Option<Node<'_>>,
        end: usize,
        target: &Target,
        scope: &Scope<'_>,
    ) -> Walk {
        let guard = self.guard(&target.relation.label_text);
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

    /// `condition` becomes `guard AND (condition)`.
    pub(super) fn guarded_expression(&mut self, condition: Node<'_>, guard: &str, scope: &Scope<'_>) -> Walk {
        self.edits.insert(condition.start(), format!("{guard} AND ("));
        self.plain_expression(condition, scope)?;
        self.edits.insert(condition.end(), ")");
        Ok(())
    }

    /// `RETURNING ..`, which sees the target, the relations of FROM, and from PostgreSQL 18 on `old` and `new`. `*` stands
    /// for all of `all`.
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
}
