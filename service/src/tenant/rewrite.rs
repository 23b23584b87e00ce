//! Rewriting: from the text of any statement to a text that cannot leave one tenant, or a refusal.

mod analysis;
mod cache;
mod functions;
mod plan;
mod source;
mod writes;

use std::ops::ControlFlow;
use std::sync::Arc;

use sqlparser::ast::{ObjectName, Statement, Visit, Visitor};
use sqlparser::dialect::PostgreSqlDialect;
use sqlparser::keywords::Keyword;
use sqlparser::parser::{Parser, ParserError};
use sqlparser::tokenizer::Token;

use self::analysis::{Analysis, Scope, placeholder};
pub use self::cache::RewriteMetrics;
use self::cache::{PlanCache, Verdict};
pub(crate) use self::plan::Plan;
use self::source::Source;
use super::parameter::TENANT_TYPE;
use super::refusal::{Reason, Refusal, StatementKind};
use super::registry::Registry;

/// How deep parentheses and subqueries may nest. `SeaORM`'s own statements stay below ten.
const NESTING_LIMIT: usize = 128;

/// How many operators and keywords a statement may hold. A chain of operators is a tree as deep as it is long.
const OPERATOR_LIMIT: usize = 20_000;

/// Rewrites statements for the tables of one registry, and remembers what it has rewritten.
///
/// It needs no database: [`Builder::rewriter`](crate::Builder::rewriter) gives one to see what statements become,
/// in tests and in review.
#[derive(Debug)]
pub struct Rewriter {
    registry: Registry,
    cache: PlanCache,
}

impl Rewriter {
    pub(crate) fn new(registry: Registry, cache_bytes: u64) -> Self {
        Self { registry, cache: PlanCache::new(cache_bytes) }
    }

    /// What a statement that comes with this many bound values becomes. The tenant is bound behind them.
    ///
    /// ```
    /// let rewriter = watertight::Watertight::builder().rewriter()?;
    /// assert_eq!(
    ///     rewriter.rewrite("DELETE FROM auth.users WHERE role = $1 OR true", 1)?,
    ///     r#"DELETE FROM auth.users WHERE users."tenant_id" = $2 AND ( role = $1 OR true)"#
    /// );
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// The [`Refusal`] of a statement that cannot be proved to stay within one tenant.
    pub fn rewrite(&self, text: &str, values: usize) -> Result<String, Refusal> {
        self.plan(text, values).map(|plan| plan.sql.to_string())
    }

    /// How often texts were known, and how often they were refused.
    #[must_use]
    pub fn metrics(&self) -> RewriteMetrics {
        self.cache.metrics()
    }

    pub(crate) const fn registry(&self) -> &Registry {
        &self.registry
    }

    /// The plan for a text that comes with this many bound values.
    pub(crate) fn plan(&self, text: &str, values: usize) -> Verdict {
        self.cache.get_or_make(text, values, || make_plan(&self.registry, text, values))
    }
}

fn make_plan(registry: &Registry, text: &str, values: usize) -> Verdict {
    let (source, tokens) =
        Source::new(text).map_err(|reason| Refusal::new(StatementKind::Unknown, reason))?;
    let guess = kind_of_tokens(&source);
    if source.tokens().any(names_tenant_type) {
        return Err(Refusal::new(guess, Reason::TenantType));
    }
    let operators = source.tokens().filter(|token| nests(token)).count();
    if operators > OPERATOR_LIMIT {
        let reason = format!("a statement of more than {OPERATOR_LIMIT} operators and keywords");
        return Err(Refusal::new(guess, Reason::Unsupported(reason.into())));
    }
    on_deep_stack(operators, || {
        let statements = Parser::new(&PostgreSqlDialect {})
            .with_recursion_limit(NESTING_LIMIT)
            .with_tokens_with_locations(tokens)
            .parse_statements()
            .map_err(|error| Refusal::new(guess, not_parsed(guess, &error)))?;
        let [statement] = &statements[..] else {
            return Err(Refusal::new(StatementKind::Unknown, Reason::StatementCount(statements.len())));
        };
        let kind = kind_of(statement, guess);
        plan_statement(registry, text, values, &source, statement, kind)
            .map(Arc::new)
            .map_err(|reason| Refusal::new(kind, reason))
    })
}

/// Whether a token is the name of the type whose conversion sets the tenant, however it is written.
fn names_tenant_type(token: &Token) -> bool {
    let name = TENANT_TYPE.rsplit('.').next().unwrap_or(TENANT_TYPE);
    matches!(token, Token::Word(word) if word.value.eq_ignore_ascii_case(name))
}

/// Whether a token can make the tree deeper. Lists, names and values make it wider.
fn nests(token: &Token) -> bool {
    match token {
        Token::Comma
        | Token::Period
        | Token::LParen
        | Token::RParen
        | Token::Placeholder(_)
        | Token::Number(..)
        | Token::SingleQuotedString(_) => false,
        Token::Word(word) => word.quote_style.is_none() && word.keyword != Keyword::NoKeyword,
        _ => true,
    }
}

/// Parses, walks and drops the tree where neither deep nesting nor a long chain of operators overflows the stack.
fn on_deep_stack<T>(operators: usize, work: impl FnOnce() -> T) -> T {
    const PER_NESTING: usize = 64 * 1024;
    const PER_OPERATOR: usize = 4 * 1024;
    let size = NESTING_LIMIT * PER_NESTING + operators * PER_OPERATOR;
    stacker::maybe_grow(size, size, work)
}

/// A text that the parser does not know is refused for its kind where no statement of the kind is allowed.
fn not_parsed(guess: StatementKind, error: &ParserError) -> Reason {
    match guess {
        StatementKind::Select
        | StatementKind::Insert
        | StatementKind::Update
        | StatementKind::Delete
        | StatementKind::Explain
        | StatementKind::Unknown => Reason::NotUnderstood(error.to_string()),
        _ => Reason::StatementKind,
    }
}

fn plan_statement(
    registry: &Registry,
    text: &str,
    values: usize,
    source: &Source<'_>,
    statement: &Statement,
    kind: StatementKind,
) -> Result<Plan, Reason> {
    let highest = highest_placeholder(source);
    if highest != values {
        return Err(Reason::Placeholder { placeholder: highest, values });
    }
    let mut analysis = Analysis::new(source, registry, values + 1);
    analysis.statement(statement, &Scope::EMPTY)?;
    hold_against_visitor(statement, analysis.tables_seen)?;
    let Analysis { edits, binds_tenant, read_only, named, .. } = analysis;
    let sql = if edits.is_empty() { text.to_owned() } else { edits.apply(text)? };
    Ok(Plan { sql: sql.into(), kind, binds_tenant, read_only, named })
}

/// The walk is held against the parser's own visitor: a table that one of them has not seen is a refusal.
fn hold_against_visitor(statement: &Statement, tables_seen: usize) -> Result<(), Reason> {
    struct Count(usize);
    impl Visitor for Count {
        type Break = ();

        fn pre_visit_relation(&mut self, _: &ObjectName) -> ControlFlow<()> {
            self.0 += 1;
            ControlFlow::Continue(())
        }
    }
    let mut count = Count(0);
    let _: ControlFlow<()> = statement.visit(&mut count);
    if count.0 == tables_seen {
        Ok(())
    } else {
        Err(Reason::NotUnderstood(format!("{} tables named, {tables_seen} understood", count.0)))
    }
}

fn highest_placeholder(source: &Source<'_>) -> usize {
    source
        .tokens()
        .filter_map(|token| match token {
            Token::Placeholder(text) => placeholder(text),
            _ => None,
        })
        .max()
        .unwrap_or(0)
}

fn kind_of(statement: &Statement, guess: StatementKind) -> StatementKind {
    match statement {
        Statement::Query(query) => match &*query.body {
            sqlparser::ast::SetExpr::Insert(_) => StatementKind::Insert,
            sqlparser::ast::SetExpr::Update(_) => StatementKind::Update,
            sqlparser::ast::SetExpr::Delete(_) => StatementKind::Delete,
            _ => StatementKind::Select,
        },
        Statement::Insert(_) => StatementKind::Insert,
        Statement::Update(_) => StatementKind::Update,
        Statement::Delete(_) => StatementKind::Delete,
        _ => guess,
    }
}

/// What the first word says, for statements that are refused whatever follows it.
fn kind_of_tokens(source: &Source<'_>) -> StatementKind {
    let first = source.tokens().find_map(|token| match token {
        Token::LParen | Token::SemiColon => None,
        Token::Word(word) => Some(word.keyword),
        _ => Some(Keyword::NoKeyword),
    });
    match first {
        Some(Keyword::SELECT | Keyword::WITH | Keyword::VALUES | Keyword::TABLE) => StatementKind::Select,
        Some(Keyword::INSERT) => StatementKind::Insert,
        Some(Keyword::UPDATE) => StatementKind::Update,
        Some(Keyword::DELETE) => StatementKind::Delete,
        Some(Keyword::MERGE) => StatementKind::Merge,
        Some(Keyword::EXPLAIN) => StatementKind::Explain,
        Some(Keyword::TRUNCATE) => StatementKind::Truncate,
        Some(Keyword::COPY) => StatementKind::Copy,
        Some(Keyword::SET | Keyword::RESET | Keyword::SHOW | Keyword::DISCARD) => StatementKind::Session,
        Some(
            Keyword::BEGIN
            | Keyword::START
            | Keyword::COMMIT
            | Keyword::END
            | Keyword::ROLLBACK
            | Keyword::ABORT
            | Keyword::SAVEPOINT
            | Keyword::RELEASE,
        ) => StatementKind::Transaction,
        Some(
            Keyword::CREATE
            | Keyword::ALTER
            | Keyword::DROP
            | Keyword::GRANT
            | Keyword::REVOKE
            | Keyword::COMMENT
            | Keyword::ANALYZE
            | Keyword::VACUUM
            | Keyword::REINDEX
            | Keyword::CLUSTER
            | Keyword::REFRESH
            | Keyword::SECURITY,
        ) => StatementKind::Schema,
        Some(Keyword::CALL | Keyword::DO | Keyword::EXECUTE | Keyword::PREPARE | Keyword::DEALLOCATE) => {
            StatementKind::Procedure
        }
        Some(Keyword::LISTEN | Keyword::UNLISTEN | Keyword::NOTIFY) => StatementKind::Notification,
        Some(Keyword::LOCK) => StatementKind::Lock,
        _ => StatementKind::Unknown,
    }
}

#[cfg(test)]
mod tests;
