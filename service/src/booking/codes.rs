//! Rows with a generated code that is unique within the tenant.

use sea_orm::sea_query::{OnConflict, Query};
use sea_orm::{
    ActiveModelTrait, ColumnTrait, DbErr, EntityTrait, FromQueryResult, Iterable, QueryFilter, QueryOrder,
    QueryTrait, Select,
};

use super::error::BookingError;
use crate::tenant::TenantExecutor;
use crate::vocabulary::code::CodeFormat;

/// The number of codes that are tried before an insert fails.
pub(super) const ATTEMPTS: usize = 8;

/// Inserts a row with a new code, and tries another code when the tenant already uses it.
pub(super) async fn insert_with_code<A: ActiveModelTrait>(
    db: &impl TenantExecutor,
    mut row: A,
    column: <A::Entity as EntityTrait>::Column,
    format: CodeFormat,
) -> Result<<A::Entity as EntityTrait>::Model, BookingError> {
    for _ in 0..ATTEMPTS {
        row.set(column, format.generate()?.into());
        let taken = OnConflict::column(column).do_nothing().to_owned();
        if let Some(row) = insert_unless(db, row.clone(), taken).await? {
            return Ok(row);
        }
    }
    Err(BookingError::Database(DbErr::RecordNotInserted))
}

/// Inserts a purchase with a new code, or returns `None` if the code or the identity of the purchase is taken.
///
/// A purchase that is made at the same time is no error of the database, which would end the caller's transaction: the
/// insert waits for it and inserts nothing.
#[cfg(feature = "certificates")]
pub(super) async fn try_insert_with_code<A: ActiveModelTrait>(
    db: &impl TenantExecutor,
    mut row: A,
    column: <A::Entity as EntityTrait>::Column,
    format: CodeFormat,
) -> Result<Option<<A::Entity as EntityTrait>::Model>, BookingError> {
    row.set(column, format.generate()?.into());
    Ok(insert_unless(db, row, OnConflict::new().do_nothing().to_owned()).await?)
}

/// Inserts a row, or returns `None` on a conflict that is ignored.
async fn insert_unless<A: ActiveModelTrait>(
    db: &impl TenantExecutor,
    row: A,
    conflict: OnConflict,
) -> Result<Option<<A::Entity as EntityTrait>::Model>, DbErr> {
    let mut insert = A::Entity::insert(row).on_conflict(conflict).into_query();
    // Not all columns of the table, which a migration can add to while the statement stays prepared.
    let columns = Query::returning().columns(<A::Entity as EntityTrait>::Column::iter());
    let row = db.query_one(insert.returning(columns)).await?;
    row.map(|row| <A::Entity as EntityTrait>::Model::from_query_result(&row, "")).transpose()
}

/// The select of the row with a typed code, in the most exact form first.
pub(super) fn with_code<E: EntityTrait>(column: E::Column, format: CodeFormat, typed: &str) -> Select<E> {
    let forms = format.forms(typed);
    match forms.as_slice() {
        [form] => E::find().filter(column.eq(form)),
        _ => forms.iter().fold(E::find().filter(column.is_in(&forms)), |select, form| {
            select.order_by_desc(column.eq(form))
        }),
    }
}
