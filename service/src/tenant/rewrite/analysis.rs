//! The walk over one statement: it proves what it can, notes the edits, and refuses the rest.
//!
//! Every production that the walk handles names the children it expects. Any other child is refused, so that what a
//! newer grammar adds is refused until it is handled.

use std::collections::HashMap;

use postgresql_cst_parser::syntax_kind::SyntaxKind as K;

use super::super::refusal::Reason;
use super::super::registry::{Ownership, Registry, TENANT_COLUMN, TableName};
use super::super::snapshot::Snapshot;
use super::edits::Edits;
use super::identifier::{identifier, parts};
use super::plan::NamedTenant;
use super::scope::{Column, Columns, Cte, Relation, Scope, Value};
use super::tree::Node;
use super::{Walk, unhandled, unsupported};
use crate::operations::inspection::catalog::quote;

/// What a builder says of statements.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Settings {
    /// Whether `EXPLAIN` is allowed, whose estimates come from statistics over all tenants' rows.
    pub(crate) explain: bool,
    /// Whether statements bring the token of row-level security along.
    pub(crate) token: bool,
}

/// The start of the aliases that guards have.
const GUARD: &str = "__tenant_";

/// How deep queries may nest, each counted with its parentheses: what is done for a level looks at all below it.
const NESTING_LIMIT: usize = 512;

/// The most relations times column references: every name is looked up in every relation.
const LOOKUP_LIMIT: usize = 1_000_000;

/// The most columns of a result: PostgreSQL's own limit (`MaxTupleAttributeNumber`).
const COLUMN_LIMIT: usize = 1_664;

/// The most columns that are copied and compared for joins and FROM lists.
const COPY_LIMIT: usize = 500_000;

/// The stack that a step of the walk needs, and that by which it grows, in bytes.
const RED_ZONE: usize = 512 * 1024;
const STACK_STEP: usize = 4 * 1024 * 1024;

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
    /// The number of guards in the text: each has its own alias.
    guards: usize,
    /// The number of queries around the part that is walked, each counted with its parentheses.
    depth: usize,
    /// The place of a call of `unnest` that PostgreSQL knows by its bare name alone.
    pub(super) own_unnest: Option<usize>,
    /// The number of relations so far.
    relations: usize,
    /// The number of columns that were copied and compared so far.
    copied: usize,
    /// The number of column references in the text.
    pub(super) references: usize,
}

impl<'a> Analysis<'a> {
    pub(super) fn new(
        registry: &'a Registry,
        snapshot: &'a Snapshot,
        settings: Settings,
        placeholder: usize,
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
            depth: 0,
            own_unnest: None,
            relations: 0,
            copied: 0,
            references: 0,
        }
    }

    /// A statement: `SelectStmt`, `InsertStmt`, .. Returns the columns of its result.
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
            K::VariableSetStmt | K::ConstraintsSetStmt => Err(Reason::Setting),
            _ => Err(Reason::StatementKind),
        }
    }

    /// Walks a query inside those that are walked already.
    pub(super) fn nested<T>(&mut self, work: impl FnOnce(&mut Self) -> Walk<T>) -> Walk<T> {
        if self.depth == NESTING_LIMIT {
            return unsupported("so many queries inside one another");
        }
        self.depth += 1;
        let result = on_enough_stack(|| work(self));
        self.depth -= 1;
        result
    }

    /// Counts a relation.
    pub(super) fn count_relation(&mut self) -> Walk {
        self.relations += 1;
        if self.relations.saturating_mul(self.references) > LOOKUP_LIMIT {
            return unsupported(format!(
                "a statement of {} relations and more with {} column references",
                self.relations, self.references
            ));
        }
        Ok(())
    }

    /// Counts columns that are copied or compared.
    pub(super) fn count_columns(&mut self, number: usize) -> Walk {
        self.copied = self.copied.saturating_add(number);
        if self.copied > COPY_LIMIT {
            return unsupported("joins of so many columns");
        }
        Ok(())
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

    /// Walks a WITH clause and calls `work` with the scope that sees its expressions.
    pub(super) fn with_ctes<T>(
        &mut self,
        with: Option<Node<'_>>,
        scope: &Scope<'_>,
        work: impl FnOnce(&mut Self, &Scope<'_>) -> Walk<T>,
    ) -> Walk<T> {
        let Some(with) = with else { return work(self, scope) };
        let (mut recursive, mut list) = (false, None);
        for child in with.children() {
            match child.kind() {
                K::with_clause => return self.with_ctes(Some(child), scope, work),
                K::WITH | K::WITH_LA => {}
                K::RECURSIVE => recursive = true,
                K::cte_list => list = Some(child),
                _ => return unhandled(child),
            }
        }
        let Some(list) = list else { return unhandled(with) };
        let expressions: Vec<Node<'_>> =
            list.children().filter(|child| child.kind() == K::common_table_expr).collect();
        let mut ctes = Vec::with_capacity(expressions.len());
        for expression in &expressions {
            let Some(name) = expression.child(K::name) else { return unhandled(*expression) };
            check_label(name)?;
            ctes.push(Cte { name: identifier(name), columns: std::cell::RefCell::new(None) });
        }
        if recursive {
            // An expression can refer to one behind it, so the order is that of the references.
            let scope = Scope::with_ctes(&ctes, scope);
            for index in by_reference(&expressions, &ctes)? {
                if let (Some(expression), Some(cte)) = (expressions.get(index), ctes.get(index)) {
                    self.common_table_expression(*expression, cte, true, &scope)?;
                }
            }
        } else {
            for (index, (expression, cte)) in expressions.iter().zip(&ctes).enumerate() {
                let before = ctes.get(..index).unwrap_or_default();
                self.common_table_expression(*expression, cte, false, &Scope::with_ctes(before, scope))?;
            }
        }
        work(self, &Scope::with_ctes(&ctes, scope))
    }

    fn common_table_expression(
        &mut self,
        node: Node<'_>,
        cte: &Cte,
        recursive: bool,
        scope: &Scope<'_>,
    ) -> Walk {
        let (mut names, mut statement, mut more) = (Vec::new(), None, Vec::new());
        let mut marked = false;
        for child in node.children() {
            match child.kind() {
                K::name | K::AS | K::LParen | K::RParen | K::opt_materialized => {}
                K::opt_name_list => names = name_list(child)?,
                K::PreparableStmt => statement = Some(child),
                // SEARCH .. SET column; CYCLE .. SET column [TO constant DEFAULT constant] USING column
                K::opt_search_clause | K::opt_cycle_clause => {
                    for part in child.children() {
                        match part.kind() {
                            // The order and the path are rows; the mark of a cycle is not.
                            K::ColId => {
                                let is_mark = child.kind() == K::opt_cycle_clause && !marked;
                                marked |= is_mark;
                                let value = if is_mark { Value::PLAIN } else { Value::ROW };
                                more.push(Column::new(identifier(part), value));
                            }
                            K::AexprConst => drop(self.expression(part, scope)?),
                            K::columnList => {}
                            _ if part.is_token() => {}
                            _ => return unhandled(part),
                        }
                    }
                }
                _ => return unhandled(child),
            }
        }
        let Some(statement) = statement.and_then(Node::only_child) else { return unhandled(node) };
        let finished = |columns: &Columns| columns.renamed(&names).with(more.iter().cloned());
        let columns = if recursive && statement.kind() == K::SelectStmt {
            self.recursive_query(statement, scope, &|columns| {
                *cte.columns.borrow_mut() = Some(finished(columns));
            })?
        } else {
            self.statement(statement, scope)?
        };
        *cte.columns.borrow_mut() = Some(finished(&columns));
        Ok(())
    }

    /// The table that a name means, and whose rows it holds.
    pub(super) fn lookup(&self, name: Node<'_>) -> Walk<(TableName, Ownership)> {
        let table = match &parts(name)?[..] {
            [name] => self.registry.resolve(None, &identifier(*name)),
            [schema, name] => self.registry.resolve(Some(&identifier(*schema)), &identifier(*name)),
            _ => return unsupported("a table's name of more than two parts"),
        };
        match self.registry.ownership(&table) {
            Some(ownership) => Ok((table, ownership)),
            None => Err(Reason::UnknownTable(table.to_string())),
        }
    }

    /// Writes the schema that a table has in the database, where the statement names another or leaves it to
    /// `search_path`.
    pub(super) fn write_schema(&mut self, name: Node<'_>, table: &TableName) -> Walk {
        match parts(name)?[..] {
            [only] => self.edits.insert(only.start(), format!("{}.", quote(&table.schema))),
            [schema, _] => self.replace_schema(schema, table),
            _ => {}
        }
        Ok(())
    }

    /// Replaces the schema that a statement writes by the one that the table has in the database.
    pub(super) fn replace_schema(&mut self, schema: Node<'_>, table: &TableName) {
        if identifier(schema) != table.schema {
            self.edits.replace(schema.start(), schema.end(), quote(&table.schema));
        }
    }

    /// The columns of a registered table.
    pub(super) fn columns_of(&self, table: &TableName, ownership: Ownership) -> Columns {
        let Some(columns) = self.snapshot.columns(table) else {
            return Columns { open: true, ..Columns::default() };
        };
        let list: Vec<Column> = columns
            .iter()
            .map(|column| {
                let own = ownership == Ownership::Tenant && column.name == TENANT_COLUMN;
                let value = Value { row: column.row, own_tenant: own };
                Column::new(column.name.clone(), value)
            })
            .collect();
        Columns::known(list)
    }

    /// A relation that stands for a registered table.
    pub(super) fn table_relation(
        &self,
        name: Node<'_>,
        alias: Option<Node<'_>>,
        table: TableName,
        ownership: Ownership,
    ) -> Walk<Relation> {
        let last = parts(name)?.pop();
        let Some(label) = alias.or(last) else { return unhandled(name) };
        check_label(label)?;
        Ok(Relation {
            label: Some(identifier(label)),
            label_text: label.text().to_owned(),
            columns: self.columns_of(&table, ownership),
            table: alias.is_none().then_some(table),
            has_system_columns: true,
            joined: false,
        })
    }

    /// The condition that keeps a relation to the tenant.
    pub(super) fn guard(&mut self, label_text: &str) -> String {
        format!("{label_text}.\"{TENANT_COLUMN}\" = {}", self.tenant)
    }

    /// A guard that can be joined to a table: one row of no columns, so that the join is the table with its rows
    /// filtered, and the planner removes it.
    pub(super) fn guard_join(&mut self, label_text: &str) -> String {
        self.guards += 1;
        let number = self.guards;
        format!(" JOIN (SELECT) AS \"{GUARD}{number}\" ON {})", self.guard(label_text))
    }

    /// Notes a tenant that the statement itself names for a row it writes; it is compared with the connection's
    /// tenant when the statement runs.
    pub(super) fn name_tenant(&mut self, expression: Node<'_>, value: Value, table: &TableName) -> Walk {
        if value.own_tenant {
            return Ok(());
        }
        if is_default(expression) {
            self.edits.replace(expression.start(), expression.end(), self.tenant.clone());
            return Ok(());
        }
        match named_tenant(expression) {
            Some(named) => {
                if !self.named.contains(&named) {
                    self.named.push(named);
                }
                Ok(())
            }
            None => Err(Reason::TenantExpression(table.to_string())),
        }
    }
}

/// A name by which the statement's own expressions refer to a relation.
pub(super) fn check_label(label: Node<'_>) -> Walk {
    if identifier(label).starts_with(GUARD) {
        return unsupported(format!("a name that begins with {GUARD}"));
    }
    Ok(())
}

/// Runs a step of the walk where the stack suffices for it.
pub(super) fn on_enough_stack<T>(work: impl FnOnce() -> T) -> T {
    stacker::maybe_grow(RED_ZONE, STACK_STEP, work)
}

/// Refuses more columns than the server takes: each level of a query could double them.
pub(super) fn check_width(columns: usize) -> Walk {
    if columns > COLUMN_LIMIT {
        return unsupported(format!("a result of more than {COLUMN_LIMIT} columns"));
    }
    Ok(())
}

/// `DEFAULT` in place of an expression.
pub(super) fn is_default(node: Node<'_>) -> bool {
    node.only_child().is_some_and(|child| child.kind() == K::DEFAULT)
}

/// The names of a `name_list` or of a node that holds one in parentheses.
pub(super) fn name_list(node: Node<'_>) -> Walk<Vec<String>> {
    let mut names = Vec::new();
    for child in node.children() {
        match child.kind() {
            K::LParen | K::RParen | K::Comma => {}
            K::name => names.push(identifier(child)),
            K::name_list => names.append(&mut name_list(child)?),
            _ => return unhandled(child),
        }
    }
    Ok(names)
}

/// The value of an expression that is a bound value or a plain string, cast to uuid or not.
fn named_tenant(node: Node<'_>) -> Option<NamedTenant> {
    let children: Vec<Node<'_>> = node.children().collect();
    match &children[..] {
        [token] if token.kind() == K::PARAM => {
            placeholder(token.text())?.checked_sub(1).map(NamedTenant::Parameter)
        }
        [token] if token.kind() == K::SCONST => plain_string(token.text()).map(NamedTenant::Literal),
        [only] if !only.is_token() => named_tenant(*only),
        [open, inner, close] if (open.kind(), close.kind()) == (K::LParen, K::RParen) => named_tenant(*inner),
        [inner, cast, kind] if cast.kind() == K::TYPECAST && is_uuid(*kind) => named_tenant(*inner),
        [cast, _, inner, _, kind, _] if cast.kind() == K::CAST && is_uuid(*kind) => named_tenant(*inner),
        _ => None,
    }
}

fn is_uuid(kind: Node<'_>) -> bool {
    kind.kind() == K::Typename && kind.text().eq_ignore_ascii_case("uuid")
}

/// A string literal that is one piece and has no escapes.
fn plain_string(text: &str) -> Option<String> {
    let inner = text.strip_prefix('\'')?.strip_suffix('\'')?;
    (!inner.contains(['\'', '\\'])).then(|| inner.to_owned())
}

/// The number of a placeholder, `$n`.
pub(super) fn placeholder(text: &str) -> Option<usize> {
    text.strip_prefix('$')?.parse().ok().filter(|number| *number > 0)
}

/// The order in which the expressions of WITH RECURSIVE refer to one another.
fn by_reference(expressions: &[Node<'_>], ctes: &[Cte]) -> Walk<Vec<usize>> {
    let places: HashMap<&str, usize> =
        ctes.iter().enumerate().rev().map(|(index, cte)| (cte.name.as_str(), index)).collect();
    let mentions: Vec<Vec<usize>> = expressions
        .iter()
        .enumerate()
        .map(|(own, expression)| {
            let names = expression.descendants().filter(|node| node.kind() == K::qualified_name);
            let mut mentioned: Vec<usize> = names
                .filter_map(|node| places.get(identifier(node).as_str()).copied())
                .filter(|other| *other != own)
                .collect();
            mentioned.sort_unstable();
            mentioned.dedup();
            mentioned
        })
        .collect();
    let mut order: Vec<usize> = Vec::with_capacity(ctes.len());
    let mut done = vec![false; ctes.len()];
    while order.len() < ctes.len() {
        let before = order.len();
        for (index, mentioned) in mentions.iter().enumerate() {
            let is_ready = mentioned.iter().all(|other| done.get(*other).copied().unwrap_or(false));
            if is_ready && let Some(done) = done.get_mut(index).filter(|done| !**done) {
                *done = true;
                order.push(index);
            }
        }
        if order.len() == before {
            return unsupported("common table expressions that refer to one another");
        }
    }
    Ok(order)
}
