//! Rows of the driver as rows of SeaORM's proxy.

use std::collections::BTreeMap;

use sea_orm::sqlx::postgres::PgRow;
use sea_orm::sqlx::{Column, Row, TypeInfo};
use sea_orm::{DbErr, ProxyRow, QueryResult, Value};

use super::error::TenantDatabaseError;
use super::options::DatabaseOptions;
use super::value::{self, NotRead};

/// Converts a row.
///
/// SeaORM reads a value by position as the value at this position in the order of the names. Unless the columns are sorted by
/// name, each value is therefore stored a second time, with a key that sorts by its position before every name: the name of a
/// column cannot contain a zero character.
pub(super) fn convert(row: &QueryResult, options: DatabaseOptions) -> Result<ProxyRow, DbErr> {
    let row = row.try_as_pg_row().ok_or_else(|| DbErr::Type("the row is not of PostgreSQL".to_owned()))?;
    let is_sorted = row.columns().is_sorted_by(|one, next| one.name() < next.name());
    let mut values = BTreeMap::new();
    for (position, column) in row.columns().iter().enumerate() {
        let value = value(row, position, options)?;
        if !is_sorted {
            values.insert(format!("\0{position:05}"), value.clone());
        }
        if values.insert(column.name().to_owned(), value).is_some() {
            return Err(TenantDatabaseError::DuplicateColumn(column.name().to_owned()).into());
        }
    }
    Ok(ProxyRow::new(values))
}

fn value(row: &PgRow, position: usize, options: DatabaseOptions) -> Result<Value, TenantDatabaseError> {
    value::read(row, position, options).map_err(|error| {
        let column = row.column(position);
        let (column, data_type) = (column.name().to_owned(), column.type_info().name().to_lowercase());
        match error {
            NotRead::Type => TenantDatabaseError::ColumnType { column, data_type },
            NotRead::Value(reason) => TenantDatabaseError::ColumnValue { column, data_type, reason },
        }
    })
}
