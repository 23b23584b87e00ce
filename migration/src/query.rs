//! Queries in raw SQL.

use sea_orm_migration::sea_orm::{
    ConnectionTrait, DbBackend, DbErr, FromQueryResult, QueryResult, Statement, TryGetable, Value,
};

pub(crate) async fn rows(
    db: &impl ConnectionTrait,
    sql: &str,
    values: impl IntoIterator<Item = Value>,
) -> Result<Vec<QueryResult>, DbErr> {
    db.query_all_raw(Statement::from_sql_and_values(DbBackend::Postgres, sql, values)).await
}

/// The first column of the one row.
pub(crate) async fn one<T: TryGetable>(db: &impl ConnectionTrait, sql: &str) -> Result<T, DbErr> {
    let row = rows(db, sql, []).await?.into_iter().next();
    row.ok_or_else(|| DbErr::RecordNotFound(sql.to_owned()))?.try_get_by_index(0)
}

/// The first column of all rows.
pub(crate) async fn column(
    db: &impl ConnectionTrait,
    sql: &str,
    values: impl IntoIterator<Item = Value>,
) -> Result<Vec<String>, DbErr> {
    rows(db, sql, values).await?.iter().map(|row| row.try_get_by_index(0)).collect()
}

/// All rows as values of a type.
pub(crate) async fn all<T: FromQueryResult>(
    db: &impl ConnectionTrait,
    sql: &str,
    values: impl IntoIterator<Item = Value>,
) -> Result<Vec<T>, DbErr> {
    rows(db, sql, values).await?.iter().map(|row| T::from_query_result(row, "")).collect()
}
