//! Compares the fields of an entity with the rows of a `TenantDatabase`.

use std::collections::BTreeMap;

use chrono::{DateTime, NaiveDate, NaiveDateTime, NaiveTime};
use sea_orm::prelude::{Decimal, Json, Uuid};
use sea_orm::sea_query::{ArrayType, ColumnType};
use sea_orm::{
    ColumnTrait, DbErr, EntityTrait, FromQueryResult, IdenStatic, Iterable, ModelTrait, ProxyRow,
    QueryResult, Value,
};

use super::{DatabaseOptions, TenantDatabaseError, Timestamps};

/// JSON of each kind. An entity may read a column into a struct, which accepts only some of them.
const JSON: [&str; 6] = ["{}", "null", "[]", "\"\"", "0", "true"];

pub(super) fn entity<E: EntityTrait>(options: DatabaseOptions) -> Result<(), TenantDatabaseError> {
    let mut last = None;
    for json in JSON {
        let json = json.parse().unwrap_or(Json::Null);
        match read::<E>(options, &json) {
            Err(error @ TenantDatabaseError::NotChecked { .. }) => last = Some(error),
            result => return result,
        }
    }
    last.map_or(Ok(()), Err)
}

fn read<E: EntityTrait>(options: DatabaseOptions, json: &Json) -> Result<(), TenantDatabaseError> {
    let samples: Vec<(E::Column, Value)> = E::Column::iter()
        .map(|column| sample(column, options, json).map(|value| (column, value)))
        .collect::<Result<_, _>>()?;
    let values: BTreeMap<_, _> =
        samples.iter().map(|(column, value)| (column.as_str().to_owned(), value.clone())).collect();
    let row = QueryResult::from(ProxyRow::new(values));
    let table = E::default().table_name().to_owned();
    let wrong = |column: &E::Column, given: &Value, reason: String| TenantDatabaseError::FieldType {
        table: E::default().table_name().to_owned(),
        column: column.as_str().to_owned(),
        given: format!("{given:?}"),
        reason,
    };
    match E::Model::from_query_result(&row, "") {
        Ok(model) => {
            // An optional field of another type is read as `None`.
            let lost = samples.iter().find(|(column, value)| {
                let read = model.get(*column);
                *value != value.as_null() && read == read.as_null()
            });
            match lost {
                Some((column, value)) => Err(wrong(column, value, "it is read as `None`".to_owned())),
                None => Ok(()),
            }
        }
        Err(DbErr::Json(reason)) => Err(TenantDatabaseError::NotChecked { table, reason }),
        Err(error) => {
            // SeaORM names the column only in its message.
            let message = error.to_string();
            let quoted = |name: &str| ["'", "\""].map(|quote| format!("{quote}{name}{quote}"));
            let is_named = |name: &str| quoted(name).iter().any(|name| message.contains(name));
            let named = samples.iter().find(|(column, _)| is_named(column.as_str()));
            Err(match named {
                Some((column, value)) => wrong(column, value, message),
                None => TenantDatabaseError::NotChecked { table, reason: message },
            })
        }
    }
}

/// The value that a row has for a column.
fn sample(
    column: impl ColumnTrait,
    options: DatabaseOptions,
    json: &Json,
) -> Result<Value, TenantDatabaseError> {
    of_type(column.def().get_column_type(), options, json).ok_or_else(|| TenantDatabaseError::ColumnType {
        column: column.as_str().to_owned(),
        data_type: format!("{:?}", column.def().get_column_type()),
    })
}

fn of_type(column: &ColumnType, options: DatabaseOptions, json: &Json) -> Option<Value> {
    Some(match column {
        ColumnType::Char(_) | ColumnType::String(_) | ColumnType::Text => Value::from("a"),
        ColumnType::Enum { variants, .. } => Value::from(variants.first()?.to_string()),
        ColumnType::TinyInteger
        | ColumnType::SmallInteger
        | ColumnType::TinyUnsigned
        | ColumnType::SmallUnsigned => Value::from(1_i16),
        ColumnType::Integer | ColumnType::Unsigned => Value::from(1),
        ColumnType::BigInteger | ColumnType::BigUnsigned => Value::from(1_i64),
        ColumnType::Float => Value::from(1.0_f32),
        ColumnType::Double => Value::from(1.0_f64),
        ColumnType::Boolean => Value::from(true),
        ColumnType::Blob | ColumnType::Binary(_) | ColumnType::VarBinary(_) => Value::from(vec![0_u8]),
        ColumnType::Uuid => Value::from(Uuid::nil()),
        ColumnType::Json | ColumnType::JsonBinary => Value::from(json.clone()),
        ColumnType::Decimal(_) => Value::from(Decimal::ONE),
        ColumnType::DateTime
        | ColumnType::Timestamp
        | ColumnType::TimestampWithTimeZone
        | ColumnType::Date
        | ColumnType::Time => time(column, options.timestamps),
        #[cfg(feature = "proxy-ipnetwork")]
        ColumnType::Cidr | ColumnType::Inet => {
            let address = std::net::Ipv4Addr::LOCALHOST;
            Value::IpNetwork(Some(sea_orm::prelude::IpNetwork::from(std::net::IpAddr::from(address))))
        }
        #[cfg(feature = "proxy-mac-address")]
        ColumnType::MacAddr => {
            Value::MacAddress(Some(sea_orm::sqlx::types::mac_address::MacAddress::new([0; 6])))
        }
        ColumnType::Array(element) => {
            let element = of_type(element, options, json)?;
            Value::Array(array_type(&element)?, Some(Box::new(vec![element])))
        }
        _ => return None,
    })
}

fn time(column: &ColumnType, timestamps: Timestamps) -> Value {
    #[cfg(feature = "proxy-time")]
    if timestamps == Timestamps::Time {
        use sea_orm::sqlx::types::time::{OffsetDateTime, PrimitiveDateTime, Time};
        let epoch = OffsetDateTime::UNIX_EPOCH;
        return match column {
            ColumnType::Date => Value::from(epoch.date()),
            ColumnType::Time => Value::from(Time::MIDNIGHT),
            ColumnType::TimestampWithTimeZone => Value::from(epoch),
            _ => Value::from(PrimitiveDateTime::new(epoch.date(), Time::MIDNIGHT)),
        };
    }
    let epoch = DateTime::UNIX_EPOCH;
    match (column, timestamps) {
        (ColumnType::Date, _) => Value::from(NaiveDate::default()),
        (ColumnType::Time, _) => Value::from(NaiveTime::default()),
        (ColumnType::TimestampWithTimeZone, Timestamps::ChronoUtc) => Value::from(epoch),
        (ColumnType::TimestampWithTimeZone, Timestamps::ChronoLocal) => {
            Value::from(epoch.with_timezone(&chrono::Local))
        }
        (ColumnType::TimestampWithTimeZone, _) => Value::from(epoch.fixed_offset()),
        _ => Value::from(NaiveDateTime::default()),
    }
}

/// The type of an array with the element.
fn array_type(element: &Value) -> Option<ArrayType> {
    Some(match element {
        Value::Bool(_) => ArrayType::Bool,
        Value::SmallInt(_) => ArrayType::SmallInt,
        Value::Int(_) => ArrayType::Int,
        Value::BigInt(_) => ArrayType::BigInt,
        Value::Float(_) => ArrayType::Float,
        Value::Double(_) => ArrayType::Double,
        Value::String(_) => ArrayType::String,
        Value::Bytes(_) => ArrayType::Bytes,
        Value::Json(_) => ArrayType::Json,
        Value::ChronoDate(_) => ArrayType::ChronoDate,
        Value::ChronoTime(_) => ArrayType::ChronoTime,
        Value::ChronoDateTime(_) => ArrayType::ChronoDateTime,
        Value::ChronoDateTimeUtc(_) => ArrayType::ChronoDateTimeUtc,
        Value::ChronoDateTimeLocal(_) => ArrayType::ChronoDateTimeLocal,
        Value::ChronoDateTimeWithTimeZone(_) => ArrayType::ChronoDateTimeWithTimeZone,
        Value::Uuid(_) => ArrayType::Uuid,
        Value::Decimal(_) => ArrayType::Decimal,
        #[cfg(feature = "proxy-time")]
        Value::TimeDate(_) => ArrayType::TimeDate,
        #[cfg(feature = "proxy-time")]
        Value::TimeTime(_) => ArrayType::TimeTime,
        #[cfg(feature = "proxy-time")]
        Value::TimeDateTime(_) => ArrayType::TimeDateTime,
        #[cfg(feature = "proxy-time")]
        Value::TimeDateTimeWithTimeZone(_) => ArrayType::TimeDateTimeWithTimeZone,
        #[cfg(feature = "proxy-ipnetwork")]
        Value::IpNetwork(_) => ArrayType::IpNetwork,
        #[cfg(feature = "proxy-mac-address")]
        Value::MacAddress(_) => ArrayType::MacAddress,
        _ => return None,
    })
}
