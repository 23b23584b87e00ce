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
const ATTEMPTS: usize = 8;

/// Inserts a row with a new code, and tries another code when the tenant already uses it.
pub(super) async fn insert_with_code<A: ActiveModelTrait>(
    db: &impl TenantExecutor,
    mut row: A,
    column: <A::Entity as EntityTrait>::Column,
    format: CodeFormat,
) -> Result<<A::Entity as EntityTrait>::Model, BookingError> {
    for _ in 0..ATTEMPTS {
        row.set(column, format.generate()?.into());
        let mut insert = A::Entity::insert(row.clone())
            .on_conflict(OnConflict::column(column).do_nothing().to_owned())
            .into_query();
        // Not all columns of the table, which a migration can add to while the statement stays prepared.
        let columns = Query::returning().columns(<A::Entity as EntityTrait>::Column::iter());
        if let Some(row) = db.query_one(insert.returning(columns)).await? {
            return Ok(<A::Entity as EntityTrait>::Model::from_query_result(&row, "")?);
        }
    }
    Err(BookingError::Database(DbErr::RecordNotInserted))
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
