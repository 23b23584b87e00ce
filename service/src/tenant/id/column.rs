//! Tenant IDs as columns of entities, such as the key of an application's own table of tenants.

use sea_orm::sea_query::{ArrayType, ColumnType, Nullable, ValueType, ValueTypeErr};
use sea_orm::{ColIdx, DbErr, QueryResult, TryFromU64, TryGetError, TryGetable, Value};
use uuid::Uuid;

use super::TenantId;
use crate::tenant::error::TenantIdError;

impl TryGetable for TenantId {
    fn try_get_by<I: ColIdx>(row: &QueryResult, index: I) -> Result<Self, TryGetError> {
        let invalid = |error: TenantIdError| TryGetError::DbErr(DbErr::Type(error.to_string()));
        // Only the type of the column is decoded. A null is an error of the last type, too.
        let id = if let Ok(id) = Uuid::try_get_by(row, index) {
            <Self as TryFrom<Uuid>>::try_from(id)
        } else if let Ok(id) = i64::try_get_by(row, index) {
            <Self as TryFrom<i64>>::try_from(id)
        } else if let Ok(id) = i32::try_get_by(row, index) {
            <Self as TryFrom<i32>>::try_from(id)
        } else {
            <Self as TryFrom<String>>::try_from(String::try_get_by(row, index)?)
        };
        id.map_err(invalid)
    }
}

impl ValueType for TenantId {
    fn try_from(value: Value) -> Result<Self, ValueTypeErr> {
        let id = match value {
            Value::Uuid(Some(id)) => <Self as TryFrom<Uuid>>::try_from(id),
            Value::BigInt(Some(id)) => <Self as TryFrom<i64>>::try_from(id),
            Value::Int(Some(id)) => <Self as TryFrom<i32>>::try_from(id),
            Value::String(Some(text)) => <Self as TryFrom<String>>::try_from(text),
            _ => return Err(ValueTypeErr),
        };
        id.map_err(|_| ValueTypeErr)
    }

    fn type_name() -> String {
        "TenantId".to_owned()
    }

    fn array_type() -> ArrayType {
        ArrayType::Uuid
    }

    /// The default type. An entity with another type states it: `#[sea_orm(column_type = "BigInteger")]`.
    fn column_type() -> ColumnType {
        ColumnType::Uuid
    }
}

impl Nullable for TenantId {
    fn null() -> Value {
        Value::Uuid(None)
    }
}

impl TryFromU64 for TenantId {
    fn try_from_u64(id: u64) -> Result<Self, DbErr> {
        let id = <i64 as TryFrom<u64>>::try_from(id).map_err(|error| DbErr::Type(error.to_string()))?;
        <Self as TryFrom<i64>>::try_from(id).map_err(|error| DbErr::Type(error.to_string()))
    }
}
