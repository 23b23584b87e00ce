//! Statements behind a transaction pooler, which do not stay prepared and therefore have no name.
//!
//! The driver parses a statement, looks up unknown types of its result, and binds the values. The lookup is a
//! simple query, which destroys the unnamed statement. Binding then fails with 26000, once for each type on
//! each connection. The statement has not run at this point, and the driver knows the type afterwards.
//!
//! A statement with unknown result types is therefore run again after 26000: in a new transaction if it is
//! alone, or after a rollback to a savepoint in a transaction of the application. The types are learned from
//! the first row of a result. Later runs bind NULL values of these types after the values of the statement.
//! The driver looks up the types of bound values before it parses, so the statement needs no savepoint and no
//! second run.

use std::collections::HashSet;
use std::sync::{Arc, LazyLock, Mutex, OnceLock, PoisonError};

use async_trait::async_trait;
use quick_cache::sync::Cache;
use sea_orm::sqlx::encode::IsNull;
use sea_orm::sqlx::error::BoxDynError;
use sea_orm::sqlx::postgres::{PgArgumentBuffer, PgArguments, PgRow, PgTypeInfo, PgTypeKind};
use sea_orm::sqlx::{Arguments, Column, Encode, Executor, PgConnection, Postgres, Row, Type, TypeInfo};
use sea_orm::{DbErr, ExecResult, QueryResult, SqlxError};

use super::driver::{exec_error, of_statement, sql_state};
use super::statement::ScopedStatement;

/// The maximum number of statements with remembered result types.
const STATEMENTS: usize = 10_000;

/// The maximum number of user-defined types that the process remembers.
const TYPES: usize = 1_000;

/// The user-defined types in the results of statements, by the text sent.
#[derive(Default)]
pub(crate) struct ResultTypes {
    /// Created on first use, because not every database is behind a pooler.
    known: OnceLock<Cache<Arc<str>, Names>>,
}

/// The names of array types. For a NULL of an array type the driver looks up the array and its element type.
pub(super) type Names = Arc<[&'static str]>;

impl ResultTypes {
    /// The types in the result of a statement, or `None` if they are unknown.
    pub(super) fn of(&self, sql: &Arc<str>) -> Option<Names> {
        if returns_nothing(sql) { Some(Arc::default()) } else { self.known.get()?.get(sql) }
    }

    pub(super) fn learn(&self, sql: &Arc<str>, row: &PgRow) {
        let names = row.columns().iter().filter_map(|column| array_of(column.type_info()));
        // If the limit of types is reached, the types of the statement stay unknown.
        if let Some(names) = names.map(|name| intern(&name)).collect::<Option<HashSet<_>>>() {
            let known = self.known.get_or_init(|| Cache::new(STATEMENTS));
            known.insert(Arc::clone(sql), names.into_iter().collect());
        }
    }

    pub(super) fn forget(&self, sql: &Arc<str>) {
        if let Some(known) = self.known.get() {
            known.remove(sql);
        }
    }
}

/// Whether a statement certainly returns no rows, because it changes rows without the word RETURNING.
fn returns_nothing(sql: &str) -> bool {
    let sql = sql.trim_start().as_bytes();
    let begins =
        |word: &str| sql.get(..word.len()).is_some_and(|start| start.eq_ignore_ascii_case(word.as_bytes()));
    ["insert", "update", "delete"].into_iter().any(begins)
        && !sql.windows(9).any(|word| word.eq_ignore_ascii_case(b"returning"))
}

/// The array type of a type that the driver looked up, or `None` for a built-in type.
///
/// Built-in types have upper-case names in the driver. A looked-up type has the name that the server prints.
fn array_of(info: &PgTypeInfo) -> Option<String> {
    /// The first OID that the server does not assign by hand.
    const GENERATED: u32 = 10_000;
    let name = info.name();
    let looked_up = info.oid().is_none_or(|oid| oid.0 >= GENERATED)
        || name.chars().any(|character| character.is_ascii_lowercase());
    looked_up.then(|| match info.kind() {
        PgTypeKind::Array(_) => name.to_owned(),
        _ => format!("{name}[]"),
    })
}

/// Leaks a type name once, because the driver requires static names.
fn intern(name: &str) -> Option<&'static str> {
    static NAMES: LazyLock<Mutex<HashSet<&'static str>>> = LazyLock::new(Mutex::default);
    let mut names = NAMES.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(known) = names.get(name) {
        return Some(known);
    }
    if names.len() >= TYPES {
        return None;
    }
    let name: &'static str = Box::leak(name.to_owned().into_boxed_str());
    names.insert(name);
    Some(name)
}

/// Binds the types of a result after the values of the statement.
pub(super) fn bind(names: &Names, arguments: &mut PgArguments) -> Result<(), DbErr> {
    names.iter().try_for_each(|name| {
        arguments.add(NullOf(name)).map_err(|error| DbErr::Custom(format!("type {name}: {error}")))
    })
}

/// A NULL of a type by name.
struct NullOf(&'static str);

impl Type<Postgres> for NullOf {
    fn type_info() -> PgTypeInfo {
        PgTypeInfo::with_name("text[]")
    }
}

impl Encode<'_, Postgres> for NullOf {
    fn encode_by_ref(&self, _: &mut PgArgumentBuffer) -> Result<IsNull, BoxDynError> {
        Ok(IsNull::Yes)
    }

    fn produces(&self) -> Option<PgTypeInfo> {
        Some(PgTypeInfo::with_name(self.0))
    }
}

/// A way to run a statement, with the part of the result to return.
#[async_trait]
pub(super) trait Run: Copy + Send + Sync {
    type Output: Send;

    async fn run(self, scoped: ScopedStatement, connection: &mut PgConnection)
    -> Result<Self::Output, DbErr>;
}

#[derive(Clone, Copy)]
pub(super) struct Execute;

#[derive(Clone, Copy)]
pub(super) struct QueryOne;

#[derive(Clone, Copy)]
pub(super) struct QueryAll;

#[async_trait]
impl Run for Execute {
    type Output = ExecResult;

    async fn run(self, scoped: ScopedStatement, connection: &mut PgConnection) -> Result<ExecResult, DbErr> {
        scoped.execute(connection).await
    }
}

#[async_trait]
impl Run for QueryOne {
    type Output = Option<QueryResult>;

    async fn run(
        self,
        scoped: ScopedStatement,
        connection: &mut PgConnection,
    ) -> Result<Self::Output, DbErr> {
        scoped.query_one(connection).await
    }
}

#[async_trait]
impl Run for QueryAll {
    type Output = Vec<QueryResult>;

    async fn run(
        self,
        scoped: ScopedStatement,
        connection: &mut PgConnection,
    ) -> Result<Self::Output, DbErr> {
        scoped.query_all(connection).await
    }
}

/// Runs a statement in a transaction of the application. A failure because of a missing type must not abort
/// the transaction.
pub(super) async fn run<R: Run>(
    how: R,
    mut scoped: ScopedStatement,
    connection: &mut PgConnection,
) -> Result<R::Output, DbErr> {
    if scoped.has_name() {
        return how.run(scoped, connection).await;
    }
    if scoped.knows_types() {
        let again = scoped.clone();
        match how.run(scoped, connection).await {
            // A learned type no longer exists. The statement was not sent, so the transaction continues.
            Err(error) if is_type_missing(&error) => scoped = again.forgetting_types(),
            Err(error) if is_statement_lost(&error) => {
                again.forgetting_types();
                return Err(error);
            }
            result => return result,
        }
    }
    begin_trial(connection).await?;
    let mut result = how.run(scoped.clone(), connection).await;
    if result.as_ref().is_err_and(is_statement_lost) {
        repeat_trial(connection).await?;
        result = how.run(scoped, connection).await;
    }
    if result.is_ok() {
        end_trial(connection).await?;
    }
    result
}

/// Whether a statement failed because the driver was looking up a type.
pub(super) fn is_statement_lost(error: &DbErr) -> bool {
    sql_state(error).is_some_and(|code| code == "26000")
}

/// Whether a statement was not sent because a learned type no longer exists.
pub(super) fn is_type_missing(error: &DbErr) -> bool {
    matches!(of_statement(error), Some(SqlxError::TypeNotFound { .. }))
}

/// Whether a statement failed before it ran because of the lookup of a type.
pub(super) fn is_lookup_failure(error: &DbErr) -> bool {
    is_statement_lost(error) || is_type_missing(error)
}

/// Sets a savepoint for the rollback of a failed run.
pub(super) async fn begin_trial(connection: &mut PgConnection) -> Result<(), DbErr> {
    connection.execute("SAVEPOINT watertight_trial").await.map(drop).map_err(exec_error)
}

pub(super) async fn repeat_trial(connection: &mut PgConnection) -> Result<(), DbErr> {
    connection.execute("ROLLBACK TO SAVEPOINT watertight_trial").await.map(drop).map_err(exec_error)
}

pub(super) async fn end_trial(connection: &mut PgConnection) -> Result<(), DbErr> {
    connection.execute("RELEASE SAVEPOINT watertight_trial").await.map(drop).map_err(exec_error)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_statement_without_a_result_is_known() {
        for sql in ["INSERT INTO t VALUES (1)", " update t SET a = 1", "DELETE FROM t"] {
            assert!(returns_nothing(sql), "{sql}");
        }
        for sql in [
            "SELECT 1",
            "WITH x AS (SELECT 1) INSERT INTO t SELECT 1",
            "INSERT INTO t VALUES (1) RETURNING id",
            "delete from t returning\n*",
            "",
            "é",
        ] {
            assert!(!returns_nothing(sql), "{sql}");
        }
    }
}
