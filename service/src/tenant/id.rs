mod column;
mod serialization;
mod text;

use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::num::{NonZeroI32, NonZeroI64};
use std::str::FromStr;

use sea_orm::Value;
use uuid::Uuid;
use watertight_schema::TenantType;

use self::text::TextKey;
use super::error::TenantIdError;

/// The ID of a tenant: the tenant's key in the database, a UUID, a number or a text.
///
/// The reserved values of the types are rejected: the nil UUID, zero and the empty text. They are typical of uninitialized
/// variables and default values.
///
/// IDs are equal if their texts are equal, so the number 42 and the text `42` are one ID. [`Watertight::tenant`] converts an ID
/// to the [type of the database](crate::Builder::tenant_type). An ID that cannot be converted is refused with
/// [`Reason::TenantType`](crate::Reason::TenantType) before a statement is sent. [`FromStr`] reads a UUID, and
/// [`parse_as`](Self::parse_as) any type.
///
/// ```
/// use watertight::TenantId;
///
/// let tenant: TenantId = "7b0e8d3c-5a53-4f6e-9b0e-0f8a1f0f2a11".parse()?;
/// assert_eq!(tenant.to_string(), "7b0e8d3c-5a53-4f6e-9b0e-0f8a1f0f2a11");
/// assert!("00000000-0000-0000-0000-000000000000".parse::<TenantId>().is_err());
///
/// let organization = TenantId::new(42)?;
/// assert_eq!(organization, TenantId::new("42")?);
/// # Ok::<(), watertight::Error>(())
/// ```
///
/// [`Watertight::tenant`]: crate::Watertight::tenant
#[derive(Clone, Copy)]
pub struct TenantId(Key);

/// A key, in the type that it was created from or converted to.
#[derive(Clone, Copy)]
enum Key {
    Uuid(Uuid),
    BigInt(NonZeroI64),
    Integer(NonZeroI32),
    Text(TextKey),
}

impl TenantId {
    /// Creates a tenant ID from a UUID, an `i64`, an `i32` or a text.
    ///
    /// A text has at most [`TenantType::MAX_TEXT`] bytes, no control character, and no white space at its ends.
    ///
    /// ```
    /// use uuid::{Uuid, uuid};
    /// use watertight::{TenantId, TenantIdError};
    ///
    /// let clinic = TenantId::new(uuid!("7b0e8d3c-5a53-4f6e-9b0e-0f8a1f0f2a11"))?;
    /// assert_eq!(clinic.to_string(), "7b0e8d3c-5a53-4f6e-9b0e-0f8a1f0f2a11");
    /// assert_eq!(TenantId::new("harbor-street")?.to_string(), "harbor-street");
    /// assert_eq!(TenantId::new(Uuid::nil()), Err(TenantIdError::Nil));
    /// assert_eq!(TenantId::new(0_i64), Err(TenantIdError::Zero));
    /// # Ok::<(), TenantIdError>(())
    /// ```
    ///
    /// # Errors
    /// [`TenantIdError::Nil`], [`TenantIdError::Zero`] and [`TenantIdError::Text`].
    pub fn new<K>(key: K) -> Result<Self, TenantIdError>
    where
        Self: TryFrom<K, Error = TenantIdError>,
    {
        Self::try_from(key)
    }

    /// Reads a tenant ID of the given type. White space around it is ignored.
    ///
    /// ```
    /// use watertight::{TenantId, TenantIdError, TenantType};
    ///
    /// assert_eq!(TenantId::parse_as(TenantType::BigInt, "42")?, TenantId::new(42)?);
    /// let refused = TenantId::parse_as(TenantType::Integer, "4294967296");
    /// assert!(matches!(refused, Err(TenantIdError::Number { .. })));
    /// # Ok::<(), TenantIdError>(())
    /// ```
    ///
    /// # Errors
    /// [`TenantIdError`].
    pub fn parse_as(tenant_type: TenantType, text: &str) -> Result<Self, TenantIdError> {
        let text = text.trim();
        let number = || TenantIdError::Number { text: text.to_owned(), tenant_type };
        // PostgreSQL prints a number in one way only, so every other spelling is a mistake.
        let canonical = |printed: String| if printed == text { Ok(()) } else { Err(number()) };
        match tenant_type {
            TenantType::BigInt => {
                let id: i64 = text.parse().map_err(|_| number())?;
                canonical(id.to_string()).and_then(|()| Self::try_from(id))
            }
            TenantType::Integer => {
                let id: i32 = text.parse().map_err(|_| number())?;
                canonical(id.to_string()).and_then(|()| Self::try_from(id))
            }
            TenantType::Text => Self::try_from(text),
            _ => {
                let id = Uuid::parse_str(text)
                    .map_err(|source| TenantIdError::Malformed { text: text.to_owned(), source })?;
                Self::try_from(id)
            }
        }
    }

    /// The type of the key.
    ///
    /// ```
    /// # use watertight::{TenantId, TenantIdError, TenantType};
    /// assert_eq!(TenantId::new("harbor-street")?.tenant_type(), TenantType::Text);
    /// # Ok::<(), TenantIdError>(())
    /// ```
    #[must_use]
    pub const fn tenant_type(self) -> TenantType {
        match self.0 {
            Key::Uuid(_) => TenantType::Uuid,
            Key::BigInt(_) => TenantType::BigInt,
            Key::Integer(_) => TenantType::Integer,
            Key::Text(_) => TenantType::Text,
        }
    }

    /// The UUID, or `None` for a key of another type.
    ///
    /// ```
    /// # use watertight::{TenantId, TenantIdError};
    /// use uuid::uuid;
    ///
    /// let clinic = uuid!("7b0e8d3c-5a53-4f6e-9b0e-0f8a1f0f2a11");
    /// assert_eq!(TenantId::new(clinic)?.uuid(), Some(clinic));
    /// assert_eq!(TenantId::new(42)?.uuid(), None);
    /// # Ok::<(), TenantIdError>(())
    /// ```
    #[must_use]
    pub const fn uuid(self) -> Option<Uuid> {
        match self.0 {
            Key::Uuid(id) => Some(id),
            _ => None,
        }
    }

    /// The number, or `None` for a key of another type.
    ///
    /// ```
    /// # use watertight::{TenantId, TenantIdError};
    /// assert_eq!(TenantId::new(42)?.number(), Some(42));
    /// # Ok::<(), TenantIdError>(())
    /// ```
    #[must_use]
    pub const fn number(self) -> Option<i64> {
        match self.0 {
            Key::BigInt(id) => Some(id.get()),
            Key::Integer(id) => Some(id.get() as i64),
            _ => None,
        }
    }

    /// The key in watertight's own tables. It is nil for a key of another type, for which every statement is refused.
    #[cfg_attr(
        not(feature = "auth"),
        expect(dead_code, reason = "authentication seals secrets to the tenant")
    )]
    pub(crate) fn own_uuid(self) -> Uuid {
        self.uuid().unwrap_or_default()
    }

    /// The ID with a key of this type, if the texts of both are equal.
    pub(crate) fn converted(self, tenant_type: TenantType) -> Option<Self> {
        if self.tenant_type() == tenant_type {
            return Some(self);
        }
        self.with_text(|text| Self::parse_as(tenant_type, text)).ok().filter(|converted| {
            // A UUID has several spellings as text.
            *converted == self || tenant_type == TenantType::Uuid
        })
    }

    /// Calls a function with the text of the key.
    pub(super) fn with_text<R>(&self, of: impl FnOnce(&str) -> R) -> R {
        match &self.0 {
            Key::Uuid(id) => of(id.hyphenated().encode_lower(&mut Uuid::encode_buffer())),
            Key::BigInt(id) => of(&id.to_string()),
            Key::Integer(id) => of(&id.to_string()),
            Key::Text(text) => of(text.as_str()),
        }
    }
}

impl PartialEq for TenantId {
    fn eq(&self, other: &Self) -> bool {
        match (&self.0, &other.0) {
            (Key::Uuid(own), Key::Uuid(other)) => own == other,
            _ => self.with_text(|own| other.with_text(|other| own == other)),
        }
    }
}

impl Eq for TenantId {}

impl PartialOrd for TenantId {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for TenantId {
    fn cmp(&self, other: &Self) -> Ordering {
        self.with_text(|own| other.with_text(|other| own.cmp(other)))
    }
}

impl Hash for TenantId {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.with_text(|text| text.hash(state));
    }
}

impl fmt::Display for TenantId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.with_text(|text| f.pad(text))
    }
}

impl fmt::Debug for TenantId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TenantId({self})")
    }
}

impl TryFrom<Uuid> for TenantId {
    type Error = TenantIdError;

    fn try_from(id: Uuid) -> Result<Self, TenantIdError> {
        if id.is_nil() { Err(TenantIdError::Nil) } else { Ok(Self(Key::Uuid(id))) }
    }
}

impl TryFrom<i64> for TenantId {
    type Error = TenantIdError;

    fn try_from(id: i64) -> Result<Self, TenantIdError> {
        NonZeroI64::new(id).map(|id| Self(Key::BigInt(id))).ok_or(TenantIdError::Zero)
    }
}

impl TryFrom<i32> for TenantId {
    type Error = TenantIdError;

    fn try_from(id: i32) -> Result<Self, TenantIdError> {
        NonZeroI32::new(id).map(|id| Self(Key::Integer(id))).ok_or(TenantIdError::Zero)
    }
}

impl TryFrom<&str> for TenantId {
    type Error = TenantIdError;

    fn try_from(text: &str) -> Result<Self, TenantIdError> {
        TextKey::new(text).map(|text| Self(Key::Text(text)))
    }
}

impl TryFrom<String> for TenantId {
    type Error = TenantIdError;

    fn try_from(text: String) -> Result<Self, TenantIdError> {
        Self::try_from(text.as_str())
    }
}

impl FromStr for TenantId {
    type Err = TenantIdError;

    fn from_str(text: &str) -> Result<Self, TenantIdError> {
        Self::parse_as(TenantType::Uuid, text)
    }
}

impl From<TenantId> for Value {
    fn from(tenant: TenantId) -> Self {
        match tenant.0 {
            Key::Uuid(id) => id.into(),
            Key::BigInt(id) => id.get().into(),
            Key::Integer(id) => id.get().into(),
            Key::Text(text) => text.as_str().into(),
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn no_value_that_means_no_tenant_is_an_id() {
        assert_eq!(TenantId::new(Uuid::nil()), Err(TenantIdError::Nil));
        assert_eq!(
            (TenantId::new(0_i64), TenantId::new(0_i32)),
            (Err(TenantIdError::Zero), Err(TenantIdError::Zero))
        );
        for text in ["", " ", "a ", "\ta", "a\0b", "a\nb", &"x".repeat(64)] {
            assert!(matches!(TenantId::new(text), Err(TenantIdError::Text { .. })), "{text:?}");
        }
        for (tenant_type, text) in [
            (TenantType::Uuid, "00000000-0000-0000-0000-000000000000"),
            (TenantType::BigInt, "0"),
            (TenantType::BigInt, "+5"),
            (TenantType::BigInt, "05"),
            (TenantType::BigInt, "9223372036854775808"),
            (TenantType::Integer, "2147483648"),
            (TenantType::Integer, "-0"),
            (TenantType::Text, ""),
        ] {
            assert!(TenantId::parse_as(tenant_type, text).is_err(), "{tenant_type} {text}");
        }
    }

    #[test]
    fn an_id_becomes_the_type_of_the_database_or_is_refused() {
        let convert =
            |id: TenantId, to: TenantType| id.converted(to).map(|id| (id.tenant_type(), id.to_string()));
        let number = TenantId::new(42_i64).unwrap();
        assert_eq!(convert(number, TenantType::Integer), Some((TenantType::Integer, "42".to_owned())));
        assert_eq!(convert(number, TenantType::Text), Some((TenantType::Text, "42".to_owned())));
        assert_eq!(convert(number, TenantType::Uuid), None);
        assert_eq!(convert(TenantId::new(1_i64 << 40).unwrap(), TenantType::Integer), None);
        assert_eq!(convert(TenantId::new("042").unwrap(), TenantType::BigInt), None);
        let upper = "7B0E8D3C-5A53-4F6E-9B0E-0F8A1F0F2A11";
        assert_eq!(
            convert(TenantId::new(upper).unwrap(), TenantType::Uuid),
            Some((TenantType::Uuid, upper.to_lowercase()))
        );
        let id: TenantId = upper.parse().unwrap();
        assert_eq!(convert(id, TenantType::Text), Some((TenantType::Text, upper.to_lowercase())));
    }

    #[test]
    fn ids_of_one_text_are_one_key_of_a_map() {
        let ids = [TenantId::new(42_i64), TenantId::new(42_i32), TenantId::new("42")].map(Result::unwrap);
        let set: std::collections::HashSet<TenantId> = ids.into_iter().collect();
        assert_eq!((set.len(), ids[0].cmp(&ids[2])), (1, Ordering::Equal));
        assert_ne!(TenantId::new("a").unwrap(), TenantId::new("A").unwrap());
    }
}
