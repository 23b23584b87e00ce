use std::fmt;
use std::str::FromStr;

use crate::TableSets;

/// The type of the tenant's key: the type of the tenant column in every tenant table of a database.
///
/// A database has one type, which its first migration chooses. Watertight's own tables need [`Uuid`](Self::Uuid).
/// Each type has a [reserved](Self::reserved) value, which is never the key of a tenant.
///
/// ```
/// use watertight_schema::TenantType;
///
/// assert_eq!("bigint".parse(), Ok(TenantType::BigInt));
/// assert_eq!(TenantType::default().to_string(), "uuid");
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum TenantType {
    /// `uuid`. The nil UUID is reserved.
    #[default]
    Uuid,
    /// `bigint`. Zero is reserved.
    BigInt,
    /// `integer`. Zero is reserved.
    Integer,
    /// `text` or `varchar` of at most [`MAX_TEXT`](Self::MAX_TEXT) bytes. The empty text is reserved.
    Text,
}

impl TenantType {
    /// Every type.
    pub const ALL: [Self; 4] = [Self::Uuid, Self::BigInt, Self::Integer, Self::Text];

    /// The environment variable that names the type for the migrations and the command.
    pub const VARIABLE: &str = "WATERTIGHT_TENANT_TYPE";

    /// The longest key of type `text`, in bytes.
    pub const MAX_TEXT: usize = 63;

    /// The name of the type in PostgreSQL.
    ///
    /// ```
    /// assert_eq!(watertight_schema::TenantType::BigInt.name(), "bigint");
    /// ```
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Uuid => "uuid",
            Self::BigInt => "bigint",
            Self::Integer => "integer",
            Self::Text => "text",
        }
    }

    /// The type for the name of a column's type, as `format_type` prints it without a length.
    ///
    /// ```
    /// use watertight_schema::TenantType;
    ///
    /// assert_eq!(TenantType::of_column("character varying"), Some(TenantType::Text));
    /// assert_eq!(TenantType::of_column("smallint"), None);
    /// ```
    #[must_use]
    pub fn of_column(type_name: &str) -> Option<Self> {
        match type_name {
            "uuid" => Some(Self::Uuid),
            "bigint" => Some(Self::BigInt),
            "integer" => Some(Self::Integer),
            "text" | "character varying" => Some(Self::Text),
            _ => None,
        }
    }

    /// The rule that a text breaks as a key of type `text`.
    ///
    /// It is the rest of a sentence that begins with the key.
    ///
    /// ```
    /// use watertight_schema::TenantType;
    ///
    /// assert_eq!(TenantType::broken_text_rule("harbor-street"), None);
    /// assert_eq!(TenantType::broken_text_rule(""), Some("is empty"));
    /// ```
    #[must_use]
    pub fn broken_text_rule(text: &str) -> Option<&'static str> {
        if text.is_empty() {
            Some("is empty")
        } else if text.chars().any(char::is_control) {
            Some("has a control character")
        } else if text.trim() != text {
            Some("begins or ends with white space")
        } else if text.len() > Self::MAX_TEXT {
            Some("has more than 63 bytes")
        } else {
            None
        }
    }

    /// Whether a database with these table sets can have tenants of this type.
    ///
    /// Watertight's own tables need `uuid`.
    ///
    /// ```
    /// use watertight_schema::{TableSets, TenantType};
    ///
    /// assert!(TenantType::BigInt.fits(&TableSets::none()) && !TenantType::BigInt.fits(&TableSets::all()));
    /// ```
    #[must_use]
    pub fn fits(self, table_sets: &TableSets) -> bool {
        self == Self::Uuid || table_sets.is_empty()
    }

    /// The reserved value as a literal in SQL. In a table with rows for everyone, it marks these rows.
    ///
    /// ```
    /// use watertight_schema::TenantType;
    ///
    /// assert_eq!(TenantType::Integer.reserved(), "0");
    /// assert_eq!(TenantType::Text.reserved(), "''");
    /// ```
    #[must_use]
    pub const fn reserved(self) -> &'static str {
        match self {
            Self::Uuid => "'00000000-0000-0000-0000-000000000000'",
            Self::BigInt | Self::Integer => "0",
            Self::Text => "''",
        }
    }
}

impl fmt::Display for TenantType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for TenantType {
    type Err = TenantTypeError;

    fn from_str(text: &str) -> Result<Self, TenantTypeError> {
        let known = Self::ALL.into_iter().find(|known| known.name() == text.trim());
        known.ok_or_else(|| TenantTypeError { text: text.to_owned() })
    }
}

/// A text is not the name of a type that a tenant's key can have.
///
/// ```
/// use watertight_schema::{TenantType, TenantTypeError};
///
/// let refused: TenantTypeError = "smallint".parse::<TenantType>().unwrap_err();
/// assert_eq!(refused.text, "smallint");
/// ```
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is not a type of a tenant's key; use uuid, bigint, integer or text")]
#[non_exhaustive]
pub struct TenantTypeError {
    /// The text given.
    pub text: String,
}
