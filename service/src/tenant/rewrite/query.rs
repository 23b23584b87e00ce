//! SELECT, VALUES, TABLE and set operations.

use postgresql_cst_parser::syntax_kind::SyntaxKind as K;

use super::super::refusal::Reason;
use super::analysis::Analysis;
use super::from::From;
use super::guard::check_label;
use super::identifier::identifier;
use super::limits::check_width;
use super::output;
use super::scope::{Column, Columns, Meaning, Relation, Scope, Value};
use super::stamp::Stamp;
use super::tree::Node;
use super::{Walk, unhandled, unsupported};

/// The context of a query that its outer parts determine.
#[derive(Clone, Copy, Default)]
pub(super) struct Around<'a, 't> {
    /// ORDER BY, LIMIT and FOR UPDATE, which belong to the query inside all parentheses.
    tail: &'a [Node<'t>],
    /// The stamp of the INSERT that takes the rows.
    pub(super) stamp: Option<&'a Stamp>,
    /// Receives the columns of the first branch of a recursive query, before the second branch is walked.
    publish: Option<&'a dyn Fn(&Columns)>,
}

impl Analysis<'_> {
    /// Walks `SelectStmt`, `select_with_parens` or `select_no_parens`.
    pub(super) fn query(&mut self, node: Node<'_>, scope: &Scope<'_>) -> Walk<Columns> {
        self.query_within(node, scope, Around::default())
    }

    pub(super) fn stamped_query(
        &mut self,
        node: Node<'_>,
        scope: &Scope<'_>,
        stamp: &Stamp,
    ) -> Walk<Columns> {
        self.query_within(node, scope, Around { stamp: Some(stamp), ..Around::default() })
    }

    pub(super) fn recursive_query(
        &mut self,
        node: Node<'_>,
        scope: &Scope<'_>,
        publish: &dyn Fn(&Columns),
    ) -> Walk<Columns> {
        self.query_within(node, scope, Around { publish: Some(publish), ..Around::default() })
    }

    fn query_within(&mut self, node: Node<'_>, scope: &Scope<'_>, around: Around<'_, '_>) -> Walk<Columns> {
        self.nested(|analysis| analysis.query_parts(node, scope, around))
    }

    fn query_parts(&mut self, node: Node<'_>, scope: &Scope<'_>, around: Around<'_, '_>) -> Walk<Columns> {
        let (mut with, mut body) = (None, None);
        let mut tail: Vec<Node<'_>> = around.tail.to_vec();
        for child in node.children() {
            match child.kind() {
                K::LParen | K::RParen => {}
                K::with_clause => with = Some(child),
                K::SelectStmt
                | K::select_no_parens
                | K::select_with_parens
                | K::select_clause
                | K::simple_select => body = Some(child),
                K::sort_clause | K::opt_sort_clause | K::select_limit | K::opt_select_limit => {
                    tail.push(child);
                }
                K::for_locking_clause | K::opt_for_locking_clause => {
                    self.locks = true;
                    tail.push(child);
                }
                _ => return unhandled(child),
            }
        }
        let Some(body) = body else { return unhandled(node) };
        self.with_ctes(with, scope, |analysis, scope| {
            let around = Around { tail: &tail, ..around };
            match body.kind() {
                K::simple_select => analysis.simple_select(body, scope, around),
                _ => analysis.query_within(body, scope, around),
            }
        })
    }

    fn simple_select(&mut self, node: Node<'_>, scope: &Scope<'_>, around: Around<'_, '_>) -> Walk<Columns> {
        let Some(first) = node.children().next() else { return unhandled(node) };
        match first.kind() {
            K::SELECT => self.select(node, scope, around),
            K::values_clause => {
                let columns = self.values(first, scope, around.stamp)?;
                self.tail(around.tail, &columns, &[], scope)?;
                Ok(columns)
            }
            K::TABLE => self.table_command(node, scope, around),
            K::select_clause => self.set_operation(node, scope, around),
            _ => unhandled(first),
        }
    }

    fn set_operation(&mut self, node: Node<'_>, scope: &Scope<'_>, around: Around<'_, '_>) -> Walk<Columns> {
        let mut columns: Option<Columns> = None;
        let branch = Around { tail: &[], publish: None, ..around };
        for child in node.children() {
            match child.kind() {
                K::UNION | K::INTERSECT | K::EXCEPT | K::set_quantifier => {}
                K::select_clause => {
                    let found = self.query_within(child, scope, branch)?;
                    columns = Some(match columns {
                        None => {
                            if let Some(publish) = around.publish {
                                publish(&found);
                            }
                            found
                        }
                        Some(first) => united(&first, &found),
                    });
                }
                _ => return unhandled(child),
            }
        }
        let Some(columns) = columns else { return unhandled(node) };
        self.tail(around.tail, &columns, &[], scope)?;
        Ok(columns)
    }

    /// Walks `TABLE t`, which means `SELECT * FROM t`.
    fn table_command(&mut self, node: Node<'_>, scope: &Scope<'_>, around: Around<'_, '_>) -> Walk<Columns> {
        let (mut relations, mut columns) = (Vec::new(), Columns::default());
        for child in node.children() {
            match child.kind() {
                K::TABLE => {
                    let stamp = around.stamp.map(|stamp| stamp.select_list_end(self, None)).transpose()?;
                    let list = format!("SELECT *{} FROM", stamp.unwrap_or_default());
                    self.edits.replace(child.start(), child.end(), list);
                }
                K::relation_expr => columns = self.bare_table(child, &mut relations, scope)?,
                _ => return unhandled(child),
            }
        }
        self.tail(around.tail, &columns, &relations, scope)?;
        Ok(columns)
    }

    /// Walks `VALUES (..), (..)`.
    fn values(&mut self, node: Node<'_>, scope: &Scope<'_>, stamp: Option<&Stamp>) -> Walk<Columns> {
        let mut columns: Option<Vec<Column>> = None;
        for child in node.children() {
            match child.kind() {
                K::VALUES | K::LParen | K::Comma | K::RParen => {}
                K::expr_list => {
                    let mut row = Vec::new();
                    for expression in child.children() {
                        match expression.kind() {
                            K::Comma => {}
                            K::a_expr => {
                                let value = if is_default_of_insert(expression, stamp) {
                                    Value::PLAIN
                                } else {
                                    self.expression(expression, scope)?
                                };
                                row.push((expression, value));
                            }
                            _ => return unhandled(expression),
                        }
                    }
                    if let Some(stamp) = stamp {
                        stamp.row(self, &row, child.end())?;
                    }
                    let row = row
                        .iter()
                        .enumerate()
                        .map(|(index, (_, value))| Column::new(format!("column{}", index + 1), *value));
                    columns = Some(match columns {
                        None => row.collect(),
                        Some(first) => either(first, row),
                    });
                }
                _ => return unhandled(child),
            }
        }
        Ok(Columns::known(columns.unwrap_or_default()))
    }

    fn select(&mut self, node: Node<'_>, outer: &Scope<'_>, around: Around<'_, '_>) -> Walk<Columns> {
        let (mut from, mut list, mut distinct) = (None, None, None);
        let mut rest = Vec::new();
        for child in node.children() {
            match child.kind() {
                K::SELECT | K::opt_all_clause => {}
                K::distinct_clause => distinct = Some(child),
                K::opt_target_list | K::target_list => list = Some(child),
                K::from_clause => from = Some(child),
                K::where_clause | K::group_clause | K::having_clause | K::window_clause => rest.push(child),
                K::into_clause => return unsupported("SELECT INTO"),
                _ => return unhandled(child),
            }
        }
        let from = from.map(|from| self.relations_of(from, outer)).transpose()?.unwrap_or_default();
        let From { relations, columns: all } = from;
        let scope = Scope::of(&relations, outer);
        let columns = match list {
            Some(list) => self.target_list(list, &all, &scope)?,
            None => Columns::known([]),
        };
        if let Some(stamp) = around.stamp {
            let Some(list) = list else { return unsupported("INSERT from a SELECT of no columns") };
            let text = stamp.select_list_end(self, Some((list, &columns)))?;
            self.edits.insert(list.end(), text);
        }
        for clause in distinct.into_iter().chain(rest) {
            self.select_clause_of(clause, &columns, &relations, &scope)?;
        }
        self.tail(around.tail, &columns, &relations, outer)?;
        Ok(columns)
    }

    fn select_clause_of(
        &mut self,
        node: Node<'_>,
        columns: &Columns,
        relations: &[Relation],
        scope: &Scope<'_>,
    ) -> Walk {
        for child in node.children() {
            match child.kind() {
                K::WHERE
                | K::HAVING
                | K::GROUP_P
                | K::BY
                | K::DISTINCT
                | K::ON
                | K::LParen
                | K::RParen
                | K::set_quantifier
                | K::WINDOW
                | K::Comma => {}
                K::a_expr => drop(self.plain_expression(child, scope)?),
                K::expr_list => {
                    for expression in child.children().filter(|child| child.kind() != K::Comma) {
                        self.sorted(expression, columns, scope)?;
                    }
                }
                K::group_by_list => {
                    for item in child.children().filter(|child| child.kind() != K::Comma) {
                        self.group_by(item, columns, relations, scope)?;
                    }
                }
                K::window_definition_list => drop(self.parts(child, scope)?),
                _ => return unhandled(child),
            }
        }
        Ok(())
    }

    /// Walks an item of GROUP BY: a column of a relation, a column of the result, or an expression.
    fn group_by(
        &mut self,
        node: Node<'_>,
        columns: &Columns,
        relations: &[Relation],
        scope: &Scope<'_>,
    ) -> Walk {
        let Some(expression) = node.child(K::a_expr) else { return self.parts(node, scope).map(drop) };
        if let Some(name) = output::bare_name(expression) {
            let of_relation = relations.iter().any(|relation| relation.column(&name).is_some());
            if !of_relation && columns.list.iter().any(|column| column.name == name) {
                return Ok(());
            }
        }
        self.expression(expression, scope).map(drop)
    }

    /// Walks an item of ORDER BY or DISTINCT ON: a column of the result, or an expression.
    fn sorted(&mut self, expression: Node<'_>, columns: &Columns, scope: &Scope<'_>) -> Walk {
        let is_output = output::bare_name(expression)
            .is_some_and(|name| columns.list.iter().any(|column| column.name == name));
        if is_output { Ok(()) } else { self.expression(expression, scope).map(drop) }
    }

    /// Walks ORDER BY, LIMIT and locks of a query with these columns and relations.
    fn tail(
        &mut self,
        tail: &[Node<'_>],
        columns: &Columns,
        relations: &[Relation],
        outer: &Scope<'_>,
    ) -> Walk {
        let scope = Scope::of(relations, outer);
        for clause in tail {
            match clause.kind() {
                K::sort_clause | K::opt_sort_clause => self.order_by(*clause, columns, &scope)?,
                K::select_limit | K::opt_select_limit => self.limit(*clause, &scope)?,
                _ => {
                    self.read_only &= clause.descendants().all(|node| node.kind() != K::FOR);
                    // The names refer to relations of the query. The server checks them.
                    let names = clause.descendants().filter(|node| node.kind() == K::qualified_name);
                    names.into_iter().try_for_each(check_label)?;
                }
            }
        }
        Ok(())
    }

    /// Walks `ORDER BY ..` of a query with these columns.
    pub(super) fn order_by(&mut self, node: Node<'_>, columns: &Columns, scope: &Scope<'_>) -> Walk {
        for child in node.children() {
            match child.kind() {
                K::ORDER | K::BY | K::Comma => {}
                K::sort_clause | K::sortby_list => self.order_by(child, columns, scope)?,
                K::sortby => {
                    for part in child.children() {
                        match part.kind() {
                            K::a_expr => self.sorted(part, columns, scope)?,
                            K::USING | K::opt_asc_desc | K::opt_nulls_order => {}
                            K::qual_all_Op => self.named_operator(part)?,
                            _ => return unhandled(part),
                        }
                    }
                }
                _ => return unhandled(child),
            }
        }
        Ok(())
    }

    fn limit(&mut self, node: Node<'_>, scope: &Scope<'_>) -> Walk {
        for child in node.children() {
            match child.kind() {
                K::select_limit
                | K::limit_clause
                | K::offset_clause
                | K::select_limit_value
                | K::select_offset_value
                | K::select_fetch_first_value => self.limit(child, scope)?,
                K::LIMIT
                | K::OFFSET
                | K::FETCH
                | K::ALL
                | K::ONLY
                | K::WITH
                | K::TIES
                | K::first_or_next
                | K::row_or_rows
                | K::I_or_F_const
                | K::Plus
                | K::Minus
                | K::Comma => {}
                K::a_expr | K::c_expr => drop(self.plain_expression(child, scope)?),
                _ => return unhandled(child),
            }
        }
        Ok(())
    }

    /// Walks a select list and returns its columns. `*` stands for all columns of FROM.
    pub(super) fn target_list(&mut self, node: Node<'_>, all: &Columns, scope: &Scope<'_>) -> Walk<Columns> {
        let mut columns = Columns::default();
        let mut list: Vec<Column> = Vec::new();
        for child in node.children() {
            match child.kind() {
                K::Comma => {}
                K::target_list => return self.target_list(child, all, scope),
                K::target_el => {
                    let found = self.target(child, all, scope)?;
                    // A column with an uncertain name still counts as one column.
                    let is_one = found.list.len() == 1 && child.has(K::a_expr);
                    columns.unordered |= found.unordered || found.open && !is_one;
                    columns.open |= found.open;
                    check_width(list.len() + found.list.len())?;
                    list.extend(found.list.iter().cloned());
                }
                _ => return unhandled(child),
            }
        }
        columns.list = list.into();
        Ok(columns)
    }

    fn target(&mut self, node: Node<'_>, all: &Columns, scope: &Scope<'_>) -> Walk<Columns> {
        let (mut value, mut name, mut certain) = (None, None, true);
        for child in node.children() {
            match child.kind() {
                K::Star => return Ok(all.clone()),
                K::AS => {}
                K::a_expr => {
                    if let Some(columns) = self.expansion(child, scope)? {
                        return Ok(columns);
                    }
                    value = Some(self.expression(child, scope)?);
                    let found = output::name(child)?;
                    (name, certain) = (Some(found.text), found.certain);
                }
                K::ColLabel | K::BareColLabel => (name, certain) = (Some(identifier(child)), true),
                _ => return unhandled(child),
            }
        }
        match (value, name) {
            (Some(value), Some(name)) => {
                let columns = Columns::known([Column::new(name, value)]);
                Ok(Columns { open: !certain, ..columns })
            }
            _ => unhandled(node),
        }
    }

    /// The columns of `t.*` or `(t).*`, if the expression has this form.
    fn expansion(&mut self, expression: Node<'_>, scope: &Scope<'_>) -> Walk<Option<Columns>> {
        let Some(star) = output::before_star(expression) else { return Ok(None) };
        match star {
            output::BeforeStar::Relation(name) => match self.relation_named(&name, scope)? {
                Some(relation) => Ok(Some(relation.columns.clone())),
                None => Err(Reason::UnknownColumn(format!("{}.*", expression.text().trim_end_matches(".*")))),
            },
            output::BeforeStar::Expression(inner) => {
                if let Some(name) = output::bare_name(inner)
                    && let Meaning::WholeRow(columns) = scope.unqualified(&name)?
                {
                    return Ok(Some(columns.clone()));
                }
                match self.row_function(inner, scope)? {
                    Some(columns) => Ok(Some(columns)),
                    None => Err(Reason::RowOperand("`(..).*`".into())),
                }
            }
        }
    }
}

fn is_default_of_insert(expression: Node<'_>, stamp: Option<&Stamp>) -> bool {
    stamp.is_some() && super::named_tenant::is_default(expression)
}

/// The columns of a set operation, with the names of the first branch.
fn united(first: &Columns, other: &Columns) -> Columns {
    let list = either(first.list.to_vec(), other.list.iter().cloned());
    Columns {
        list: list.into(),
        open: first.open || other.open,
        unordered: first.unordered || other.unordered,
    }
}

fn either(mut first: Vec<Column>, other: impl IntoIterator<Item = Column>) -> Vec<Column> {
    for (column, other) in first.iter_mut().zip(other) {
        column.value = column.value.or(other.value);
    }
    first
}
