//! The key of the tenant to which the existing rows belong.

use sea_orm_migration::sea_orm::prelude::Uuid;
use watertight_schema::{TenantType, sql};

use super::ConversionError;

/// The key as a literal in SQL, and as the text that PostgreSQL prints.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Key {
    pub(super) literal: String,
    pub(super) text: String,
}

impl Key {
    /// Reads a key of a type. The reserved value of the type is no key.
    pub(super) fn read(tenant: TenantType, given: &str) -> Result<Self, ConversionError> {
        let malformed =
            |rule: &'static str| ConversionError::TenantKey { given: given.to_owned(), tenant, rule };
        let text = given.trim();
        match tenant {
            TenantType::Uuid => {
                let uuid = Uuid::parse_str(text).map_err(|_| malformed("a UUID"))?;
                if uuid.is_nil() {
                    return Err(malformed("a UUID that is not nil"));
                }
                Ok(Self { literal: format!("'{uuid}'::uuid"), text: uuid.to_string() })
            }
            TenantType::BigInt => number(text.parse::<i64>().ok(), "bigint")
                .ok_or_else(|| malformed("a number that is not zero")),
            TenantType::Integer => {
                let fits = text.parse::<i32>().ok().map(i64::from);
                number(fits, "integer").ok_or_else(|| malformed("a number of 32 bits that is not zero"))
            }
            TenantType::Text => {
                if TenantType::broken_text_rule(given).is_some() {
                    return Err(malformed(
                        "a text of 1 to 63 bytes without white space at its ends or control characters",
                    ));
                }
                Ok(Self { literal: format!("{}::text", sql::literal(text)), text: text.to_owned() })
            }
            _ => Err(malformed("a key of a known type")),
        }
    }
}

fn number(number: Option<i64>, name: &str) -> Option<Key> {
    let number = number.filter(|number| *number != 0)?;
    Some(Key { literal: format!("'{number}'::{name}"), text: number.to_string() })
}

/// The SQL condition that a value of the tenant column is not a key.
pub(super) fn unusable(tenant: TenantType, column: &str) -> String {
    let reserved = format!("{column} = {}", tenant.reserved());
    match tenant {
        TenantType::Text => format!(
            "({reserved} OR octet_length({column}) > {} OR {column} <> btrim({column}, E' \\t\\n\\r') OR {column} ~ '[[:cntrl:]]')",
            TenantType::MAX_TEXT
        ),
        _ => reserved,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_read_by_their_type() {
        let literal = |tenant, text| Key::read(tenant, text).map(|key| key.literal).ok();
        let uuid = "7B0E8D3C-5A53-4F6E-9B0E-0F8A1F0F2A11";
        assert_eq!(literal(TenantType::Uuid, uuid), Some(format!("'{}'::uuid", uuid.to_lowercase())));
        assert_eq!(literal(TenantType::BigInt, "-5"), Some("'-5'::bigint".to_owned()));
        assert_eq!(literal(TenantType::Integer, " 7 "), Some("'7'::integer".to_owned()));
        assert_eq!(literal(TenantType::Text, "it's"), Some("'it''s'::text".to_owned()));
        for (tenant, bad) in [
            (TenantType::Uuid, "00000000-0000-0000-0000-000000000000"),
            (TenantType::Uuid, "7"),
            (TenantType::BigInt, "0"),
            (TenantType::BigInt, "9223372036854775808"),
            (TenantType::Integer, "2147483648"),
            (TenantType::Text, ""),
            (TenantType::Text, " x"),
            (TenantType::Text, "a\nb"),
        ] {
            assert_eq!(literal(tenant, bad), None, "{bad:?}");
        }
        assert!(Key::read(TenantType::Text, &"x".repeat(63)).is_ok());
        let error = Key::read(TenantType::Text, &"x".repeat(64)).unwrap_err().to_string();
        assert!(error.contains("1 to 63 bytes"), "{error}");
    }
}
