//! An independent look at what the rewriter gives: every table of a tenant must be guarded in it.
//!
//! Shared by the tests and the fuzz target, and written against the rewriter's result alone.

use std::ops::ControlFlow;

use sqlparser::ast::{
    BinaryOperator, Expr, FromTable, Join, JoinConstraint, JoinOperator, ObjectName, Query, Select, SetExpr,
    Statement, TableFactor, TableWithJoins, Visit, Visitor,
};
use sqlparser::dialect::PostgreSqlDialect;
use sqlparser::parser::Parser;
use watertight::{Reason, Refusal, Rewriter};

/// What became of a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Seen {
    /// It was refused.
    Refused,
    /// Its rewritten form guards every table.
    Guarded(String),
    /// Its rewritten form has a table without a guard, as far as the parser understands it.
    Unguarded(String),
    /// Its rewritten form is not understood: the parser took a text for SQL that the server does not.
    Unparsed(String),
}

/// Rewrites a text with as many values as it has placeholders, and checks the result.
///
/// # Errors
/// What is wrong with the result.
pub fn check(rewriter: &Rewriter, text: &str) -> Result<Seen, String> {
    let answer = match rewriter.rewrite(text, 0) {
        Err(Refusal { reason: Reason::Placeholder { placeholder, .. }, .. }) if placeholder < 60_000 => {
            rewriter.rewrite(text, placeholder)
        }
        answer => answer,
    };
    let Ok(sql) = answer else {
        return Ok(Seen::Refused);
    };
    kept(text, &sql).map_err(|problem| format!("{problem}\n{text}\n{sql}"))?;
    match guarded(&sql) {
        None => Ok(Seen::Unparsed(sql)),
        Some(Ok(())) => Ok(Seen::Guarded(sql)),
        Some(Err(_)) => Ok(Seen::Unguarded(sql)),
    }
}

/// What is not touched stays: the text is found in the result, in its order, but for `DEFAULT VALUES`.
fn kept(text: &str, sql: &str) -> Result<(), String> {
    let mut rest = sql.chars();
    if text.to_ascii_uppercase().contains("DEFAULT") || text.chars().all(|c| rest.any(|found| found == c)) {
        Ok(())
    } else {
        Err("the text is not kept".to_owned())
    }
}

/// Whether every table is guarded; nothing when the text is not understood.
fn guarded(sql: &str) -> Option<Result<(), String>> {
    // The parser knows neither these locks, on which the place of the tenant does not depend, nor a SELECT of nothing.
    let known = sql
        .replace("FOR NO KEY UPDATE", "FOR UPDATE")
        .replace("FOR KEY SHARE", "FOR SHARE")
        .replace("(SELECT) AS \"__tenant_", "(SELECT 0) AS \"__tenant_");
    let statements = Parser::parse_sql(&PostgreSqlDialect {}, &known).ok()?;
    let mut look = Look::default();
    for statement in &statements {
        let _: ControlFlow<()> = statement.visit(&mut look);
    }
    Some(look.problem.map_or(Ok(()), Err))
}

/// Where the visitor has been told that a table may stand unguarded by a join, by address.
#[derive(Default)]
struct Look {
    excused: Vec<*const ObjectName>,
    ctes: Vec<String>,
    problem: Option<String>,
}

impl Look {
    fn excuse(&mut self, factor: &TableFactor) {
        if let TableFactor::Table { name, .. } = factor {
            self.excused.push(name);
        }
    }

    fn target(&mut self, table: &TableWithJoins, condition: Option<&Expr>) {
        if condition.is_some_and(names_tenant) {
            self.excuse(&table.relation);
        }
    }
}

/// Whether a condition is `x.tenant_id = $n`, or begins with it and AND.
fn names_tenant(condition: &Expr) -> bool {
    match condition {
        Expr::BinaryOp { left, op: BinaryOperator::And, right: _ } => names_tenant(left),
        Expr::BinaryOp { left, op: BinaryOperator::Eq, right } => {
            matches!(&**left, Expr::CompoundIdentifier(parts)
                if parts.last().is_some_and(|part| part.value == "tenant_id" && part.quote_style == Some('"')))
                && matches!(&**right, Expr::Value(_))
        }
        _ => false,
    }
}

/// Whether a join is with the guard, on the tenant.
fn is_guard(join: &Join) -> bool {
    let TableFactor::Derived { subquery, alias: Some(alias), .. } = &join.relation else {
        return false;
    };
    let SetExpr::Select(select) = &*subquery.body else {
        return false;
    };
    let JoinOperator::Join(JoinConstraint::On(condition)) = &join.join_operator else {
        return false;
    };
    alias.name.value.starts_with("__tenant_")
        && select.projection.len() == 1
        && select.from.is_empty()
        && names_tenant(condition)
}

impl Visitor for Look {
    type Break = ();

    fn pre_visit_query(&mut self, query: &Query) -> ControlFlow<()> {
        for cte in query.with.iter().flat_map(|with| &with.cte_tables) {
            self.ctes.push(cte.alias.name.value.to_lowercase());
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_select(&mut self, select: &Select) -> ControlFlow<()> {
        // A table whose columns are renamed is filtered in a subquery of its own.
        if let [TableWithJoins { relation, joins }] = &select.from[..]
            && joins.is_empty()
            && select.selection.as_ref().is_some_and(names_tenant)
        {
            self.excuse(relation);
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_statement(&mut self, statement: &Statement) -> ControlFlow<()> {
        match statement {
            Statement::Update(update) => self.target(&update.table, update.selection.as_ref()),
            Statement::Delete(delete) => {
                if let FromTable::WithFromKeyword(from) = &delete.from {
                    for table in from {
                        self.target(table, delete.selection.as_ref());
                    }
                }
            }
            Statement::Insert(insert) => {
                if let sqlparser::ast::TableObject::TableName(name) = &insert.table
                    && insert
                        .columns
                        .iter()
                        .any(|column| column.to_string().to_lowercase().contains("tenant_id"))
                {
                    self.excused.push(name);
                }
            }
            _ => {}
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_table_factor(&mut self, factor: &TableFactor) -> ControlFlow<()> {
        match factor {
            TableFactor::NestedJoin { table_with_joins, .. } => {
                if let [join] = &table_with_joins.joins[..]
                    && is_guard(join)
                {
                    self.excuse(&table_with_joins.relation);
                }
            }
            TableFactor::Table { name, args: Some(_), .. } => self.excused.push(name),
            _ => {}
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_relation(&mut self, name: &ObjectName) -> ControlFlow<()> {
        let is_cte =
            name.0.len() == 1 && self.ctes.contains(&name.to_string().replace('"', "").to_lowercase());
        if !is_cte && !self.excused.contains(&std::ptr::from_ref(name)) {
            self.problem = Some(format!("{name} stands without the tenant"));
        }
        ControlFlow::Continue(())
    }
}
