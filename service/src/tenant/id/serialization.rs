//! Tenant IDs in JSON and other formats: a number, or a text. A text in the usual form of a UUID is read as a UUID.

use std::fmt;

use serde::de::{Error, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use uuid::Uuid;

use super::{Key, TenantId};

impl Serialize for TenantId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            Key::BigInt(id) if serializer.is_human_readable() => serializer.serialize_i64(id.get()),
            Key::Integer(id) if serializer.is_human_readable() => serializer.serialize_i32(id.get()),
            _ => self.with_text(|text| serializer.serialize_str(text)),
        }
    }
}

impl<'de> Deserialize<'de> for TenantId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        if deserializer.is_human_readable() {
            deserializer.deserialize_any(KeyVisitor)
        } else {
            deserializer.deserialize_str(KeyVisitor)
        }
    }
}

struct KeyVisitor;

impl Visitor<'_> for KeyVisitor {
    type Value = TenantId;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a tenant ID: a UUID, a number other than zero, or a text of 1 to 63 bytes")
    }

    fn visit_i64<E: Error>(self, id: i64) -> Result<TenantId, E> {
        TenantId::try_from(id).map_err(E::custom)
    }

    fn visit_u64<E: Error>(self, id: u64) -> Result<TenantId, E> {
        i64::try_from(id).map_err(E::custom).and_then(|id| self.visit_i64(id))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<TenantId, E> {
        // Another spelling can be the key of another tenant in a database of type text.
        let id = match Uuid::try_parse(text) {
            Ok(id) if id.hyphenated().to_string() == text => TenantId::try_from(id),
            _ => TenantId::try_from(text),
        };
        id.map_err(E::custom)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn ids_survive_json() {
        for (id, expected) in [
            (TenantId::new(42_i64).unwrap(), json!(42)),
            (TenantId::new("harbor-street").unwrap(), json!("harbor-street")),
            (
                "7b0e8d3c-5a53-4f6e-9b0e-0f8a1f0f2a11".parse().unwrap(),
                json!("7b0e8d3c-5a53-4f6e-9b0e-0f8a1f0f2a11"),
            ),
        ] {
            let written = serde_json::to_value(id).unwrap();
            assert_eq!(written, expected);
            assert_eq!(serde_json::from_value::<TenantId>(written).unwrap(), id);
        }
        for refused in
            [json!(0), json!(""), json!("00000000-0000-0000-0000-000000000000"), json!(1.5), json!(null)]
        {
            assert!(serde_json::from_value::<TenantId>(refused.clone()).is_err(), "{refused}");
        }
    }
}
