mod check;

use sea_orm::{EntityTrait, TransactionOptions};

use super::error::TenantDatabaseError;

/// The options of a [`TenantDatabase`](crate::TenantDatabase): its transactions, and the types of Rust in its rows.
///
/// | PostgreSQL | Rust |
/// |---|---|
/// | `bool`, `"char"`, `int2`, `int4`, `int8`, `float4`, `float8` | `bool`, `i8`, `i16`, `i32`, `i64`, `f32`, `f64` |
/// | `text`, `varchar`, `char`, `name`, `citext`, enums | `String`, and every `ActiveEnum` of strings |
/// | `bytea`, `uuid`, `json`, `jsonb`, `oid` | `Vec<u8>`, `Uuid`, `Json`, `u32` |
/// | `numeric` | `Decimal`, with at most 28 digits |
/// | `timestamptz`, `timestamp`, `date`, `time` | [`Timestamps`] |
/// | `inet`, `cidr` | `IpNetwork`, with the feature `proxy-ipnetwork` |
/// | `macaddr` | `MacAddress`, with the feature `proxy-mac-address` |
/// | arrays of these without NULL elements, domains over these | `Vec` of the type, the type |
///
/// ```
/// use watertight::{DatabaseOptions, Timestamps};
///
/// let options = DatabaseOptions::new().timestamps(Timestamps::ChronoUtc);
/// assert_ne!(options, DatabaseOptions::default());
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[must_use]
pub struct DatabaseOptions {
    pub(super) timestamps: Timestamps,
    pub(super) transaction: TransactionOptions,
}

/// The types of Rust for points in time.
///
/// ```
/// use watertight::{DatabaseOptions, Timestamps};
///
/// assert_eq!(DatabaseOptions::new().timestamps(Timestamps::ChronoFixedOffset), DatabaseOptions::new());
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Timestamps {
    /// `timestamptz` is `DateTimeWithTimeZone`, as `sea-orm-cli` generates it; others are of `chrono`.
    #[default]
    ChronoFixedOffset,
    /// `timestamptz` is `DateTimeUtc`; others are of `chrono`.
    ChronoUtc,
    /// `timestamptz` is `DateTimeLocal`; others are of `chrono`.
    ChronoLocal,
    /// All types are of the crate `time`: `timestamptz` is `TimeDateTimeWithTimeZone`.
    #[cfg(feature = "proxy-time")]
    Time,
}

impl Timestamps {
    /// Whether the types have dates of the year, in every time zone.
    pub(super) const fn has_year(self, year: i32) -> bool {
        match self {
            #[cfg(feature = "proxy-time")]
            Self::Time => year.abs() < 9_999,
            _ => year.abs() < 262_000,
        }
    }
}

impl DatabaseOptions {
    /// The default options.
    ///
    /// ```
    /// use watertight::DatabaseOptions;
    ///
    /// assert_eq!(DatabaseOptions::new(), DatabaseOptions::default());
    /// ```
    pub const fn new() -> Self {
        Self {
            timestamps: Timestamps::ChronoFixedOffset,
            transaction: TransactionOptions {
                isolation_level: None,
                access_mode: None,
                sqlite_transaction_mode: None,
            },
        }
    }

    /// Sets the types of points in time.
    ///
    /// ```
    /// use watertight::{DatabaseOptions, Timestamps};
    ///
    /// let options = DatabaseOptions::new().timestamps(Timestamps::ChronoUtc);
    /// # drop(options);
    /// ```
    pub const fn timestamps(mut self, timestamps: Timestamps) -> Self {
        self.timestamps = timestamps;
        self
    }

    /// Sets the isolation level and access mode of every transaction.
    ///
    /// SeaORM drops those of `begin_with_config` before they reach a [`TenantDatabase`](crate::TenantDatabase).
    ///
    /// ```
    /// use sea_orm::{IsolationLevel, TransactionOptions};
    /// use watertight::DatabaseOptions;
    ///
    /// let serializable =
    ///     TransactionOptions { isolation_level: Some(IsolationLevel::Serializable), ..Default::default() };
    /// let options = DatabaseOptions::new().transaction(serializable);
    /// # drop(options);
    /// ```
    pub const fn transaction(mut self, options: TransactionOptions) -> Self {
        self.transaction = options;
        self
    }

    /// Checks that an entity reads its rows from a [`TenantDatabase`](crate::TenantDatabase) with these options.
    ///
    /// Call it in a test. It needs no database.
    ///
    /// ```
    /// use watertight::entity::auth::users;
    /// use watertight::{DatabaseOptions, TenantDatabaseError, Timestamps};
    ///
    /// assert!(DatabaseOptions::new().check::<users::Entity>().is_ok());
    /// let error = DatabaseOptions::new().timestamps(Timestamps::ChronoUtc).check::<users::Entity>();
    /// assert!(matches!(error, Err(TenantDatabaseError::FieldType { .. })), "{error:?}");
    /// ```
    ///
    /// # Errors
    /// - [`TenantDatabaseError::FieldType`] for a field with another type of Rust.
    /// - [`TenantDatabaseError::ColumnType`] for a column whose type cannot be returned.
    /// - [`TenantDatabaseError::NotChecked`] if the entity reads only some values of a type, such as a struct in JSON.
    pub fn check<E: EntityTrait>(self) -> Result<(), TenantDatabaseError> {
        check::entity::<E>(self)
    }
}
