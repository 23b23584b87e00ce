//! Values of the driver as values of SeaORM, by their type in PostgreSQL.

use chrono::{DateTime, Datelike, FixedOffset, Local, NaiveDate, NaiveDateTime, NaiveTime, Utc};
use sea_orm::prelude::{Decimal, Json, Uuid};
use sea_orm::sea_query::ArrayType;
use sea_orm::sqlx::postgres::types::Oid;
use sea_orm::sqlx::postgres::{PgRow, PgTypeInfo, PgTypeKind};
use sea_orm::sqlx::{Column, Decode, Postgres, Row, Type};
use sea_orm::{SqlxError, Value};

use super::options::{DatabaseOptions, Timestamps};

const MICROSECONDS_OF_DAY: i64 = 86_400_000_000;

/// The epoch of PostgreSQL, in microseconds since 1970.
const YEAR_2000: i64 = 946_684_800_000_000;

/// The reason why a value cannot be returned.
pub(super) enum NotRead {
    Type,
    Value(String),
}

impl From<SqlxError> for NotRead {
    fn from(error: SqlxError) -> Self {
        match error {
            SqlxError::ColumnDecode { source, .. } => Self::Value(source.to_string()),
            error => Self::Value(error.to_string()),
        }
    }
}

/// Reads the value at a position.
pub(super) fn read(row: &PgRow, position: usize, options: DatabaseOptions) -> Result<Value, NotRead> {
    let info = row.column(position).type_info();
    let cell = Cell { row, position, is_array: false };
    match base(info).kind() {
        PgTypeKind::Array(element) => Cell { is_array: true, ..cell }.of_type(base(element), options),
        _ => cell.of_type(base(info), options),
    }
}

/// The type under domains.
fn base(mut info: &PgTypeInfo) -> &PgTypeInfo {
    while let PgTypeKind::Domain(inner) = info.kind() {
        info = inner;
    }
    info
}

/// A value or an array of values.
struct Cell<'a> {
    row: &'a PgRow,
    position: usize,
    is_array: bool,
}

impl Cell<'_> {
    /// The types have fixed OIDs, which no type of a user can have.
    fn of_type(self, info: &PgTypeInfo, options: DatabaseOptions) -> Result<Value, NotRead> {
        match info.oid().map(|oid| oid.0) {
            Some(16) => self.get::<bool>(ArrayType::Bool, Value::Bool),
            Some(17) => self.get::<Vec<u8>>(ArrayType::Bytes, Value::Bytes),
            Some(18) => self.get::<i8>(ArrayType::TinyInt, Value::TinyInt),
            Some(20) => self.get::<i64>(ArrayType::BigInt, Value::BigInt),
            Some(21) => self.get::<i16>(ArrayType::SmallInt, Value::SmallInt),
            Some(23) => self.get::<i32>(ArrayType::Int, Value::Int),
            Some(26) => self.get::<Oid>(ArrayType::Unsigned, |oid| Value::Unsigned(oid.map(|oid| oid.0))),
            Some(19 | 25 | 705 | 1042 | 1043) => self.text(),
            Some(114 | 3802) => self.get::<Json>(ArrayType::Json, |json| Value::Json(json.map(Box::new))),
            Some(700) => self.get::<f32>(ArrayType::Float, Value::Float),
            Some(701) => self.get::<f64>(ArrayType::Double, Value::Double),
            Some(1082 | 1083 | 1114 | 1184) => self.time(info, options.timestamps),
            Some(1700) => self.get::<Decimal>(ArrayType::Decimal, Value::Decimal),
            Some(2278) => Ok(Value::String(None)),
            Some(2950) => self.get::<Uuid>(ArrayType::Uuid, Value::Uuid),
            #[cfg(feature = "proxy-ipnetwork")]
            Some(650 | 869) => {
                self.get::<sea_orm::prelude::IpNetwork>(ArrayType::IpNetwork, Value::IpNetwork)
            }
            #[cfg(feature = "proxy-mac-address")]
            Some(829) => {
                use sea_orm::sqlx::types::mac_address::MacAddress;
                self.get::<MacAddress>(ArrayType::MacAddress, Value::MacAddress)
            }
            // The text of an enum is its value. `citext` is the type with another OID that reads as text.
            _ if matches!(info.kind(), PgTypeKind::Enum(_)) => self.text(),
            _ if <String as Type<Postgres>>::compatible(info) => self.text(),
            _ => Err(NotRead::Type),
        }
    }

    fn text(self) -> Result<Value, NotRead> {
        self.get::<String>(ArrayType::String, Value::String)
    }

    fn time(self, info: &PgTypeInfo, timestamps: Timestamps) -> Result<Value, NotRead> {
        self.check_range(info, timestamps)?;
        #[cfg(feature = "proxy-time")]
        if timestamps == Timestamps::Time {
            use sea_orm::sqlx::types::time::{Date, OffsetDateTime, PrimitiveDateTime, Time};
            return match info.oid().map(|oid| oid.0) {
                Some(1082) => self.get::<Date>(ArrayType::TimeDate, Value::TimeDate),
                Some(1083) => self.get::<Time>(ArrayType::TimeTime, Value::TimeTime),
                Some(1114) => self.get::<PrimitiveDateTime>(ArrayType::TimeDateTime, Value::TimeDateTime),
                _ => {
                    let array = ArrayType::TimeDateTimeWithTimeZone;
                    self.get::<OffsetDateTime>(array, Value::TimeDateTimeWithTimeZone)
                }
            };
        }
        match info.oid().map(|oid| oid.0) {
            Some(1082) => self.get::<NaiveDate>(ArrayType::ChronoDate, Value::ChronoDate),
            Some(1083) => self.get::<NaiveTime>(ArrayType::ChronoTime, Value::ChronoTime),
            Some(1114) => self.get::<NaiveDateTime>(ArrayType::ChronoDateTime, Value::ChronoDateTime),
            _ => self.instant(timestamps),
        }
    }

    /// Refuses points in time for which the driver would panic: infinity, and years that the type of Rust does not have.
    ///
    /// PostgreSQL sends a date as days, and the others as microseconds.
    fn check_range(&self, info: &PgTypeInfo, timestamps: Timestamps) -> Result<(), NotRead> {
        let is_date = info.oid().is_some_and(|oid| oid.0 == 1082);
        let is_time = info.oid().is_some_and(|oid| oid.0 == 1083);
        let numbers: Vec<i64> = if is_date {
            self.numbers::<i32>()?.into_iter().map(i64::from).collect()
        } else {
            self.numbers::<i64>()?
        };
        let is_known = |number: i64| {
            if is_time {
                return (0..MICROSECONDS_OF_DAY).contains(&number);
            }
            let microseconds = if is_date { number.checked_mul(MICROSECONDS_OF_DAY) } else { Some(number) };
            let since_1970 = microseconds.and_then(|number| number.checked_add(YEAR_2000));
            let at = since_1970.and_then(DateTime::from_timestamp_micros);
            at.is_some_and(|at| timestamps.has_year(at.year()))
        };
        if numbers.into_iter().all(is_known) {
            return Ok(());
        }
        Err(NotRead::Value("the type of Rust has no such point in time".to_owned()))
    }

    /// The numbers that PostgreSQL sends for points in time.
    fn numbers<T>(&self) -> Result<Vec<T>, NotRead>
    where
        T: for<'r> Decode<'r, Postgres> + Type<Postgres>,
    {
        if self.is_array {
            let numbers = self.row.try_get_unchecked::<Option<Vec<Option<T>>>, _>(self.position)?;
            return Ok(numbers.into_iter().flatten().flatten().collect());
        }
        Ok(self.row.try_get_unchecked::<Option<T>, _>(self.position)?.into_iter().collect())
    }

    fn instant(self, timestamps: Timestamps) -> Result<Value, NotRead> {
        match timestamps {
            Timestamps::ChronoUtc => {
                self.get::<DateTime<Utc>>(ArrayType::ChronoDateTimeUtc, Value::ChronoDateTimeUtc)
            }
            Timestamps::ChronoLocal => {
                self.get::<DateTime<Local>>(ArrayType::ChronoDateTimeLocal, Value::ChronoDateTimeLocal)
            }
            _ => {
                let array = ArrayType::ChronoDateTimeWithTimeZone;
                self.get::<DateTime<FixedOffset>>(array, Value::ChronoDateTimeWithTimeZone)
            }
        }
    }

    /// Reads the value, whose type in PostgreSQL is known to be one of `T`.
    fn get<T>(self, array: ArrayType, value: impl Fn(Option<T>) -> Value) -> Result<Value, NotRead>
    where
        T: for<'r> Decode<'r, Postgres> + Type<Postgres>,
    {
        if !self.is_array {
            return Ok(value(self.row.try_get_unchecked::<Option<T>, _>(self.position)?));
        }
        let elements = self.row.try_get_unchecked::<Option<Vec<Option<T>>>, _>(self.position)?;
        if elements.iter().flatten().any(Option::is_none) {
            return Err(NotRead::Value("an element is NULL, for which SeaORM has no type".to_owned()));
        }
        let elements = elements.map(|elements| Box::new(elements.into_iter().map(value).collect()));
        Ok(Value::Array(array, elements))
    }
}
