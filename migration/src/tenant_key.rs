//! A key that signs tenants.

use std::{collections::BTreeSet, error::Error, fmt, str::FromStr};

use sea_orm_migration::DbErr;
use zeroize::Zeroizing;

/// A key that signs tenants: a number, and 32 random bytes. It does not print, and is zeroed when dropped.
///
/// As text it is `ID:SECRET`, the secret in 64 hexadecimal digits; several keys have commas between. `watertight keys
/// new` makes one.
///
/// ```
/// use watertight_migration::TenantKey;
///
/// let key: TenantKey = "1:000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f".parse()?;
/// assert_eq!(key.id(), 1);
/// assert_eq!(format!("{key:?}"), "TenantKey { id: 1, .. }");
/// # Ok::<(), watertight_migration::TenantKeyError>(())
/// ```
#[derive(Clone)]
pub struct TenantKey {
    id: i16,
    secret: Zeroizing<[u8; 32]>,
}

impl TenantKey {
    /// The environment variable with the keys, the one that signs first.
    pub const VARIABLE: &str = "WATERTIGHT_TENANT_KEY";

    /// Reads keys with commas between.
    ///
    /// ```
    /// use watertight_migration::TenantKey;
    ///
    /// let (new, old) = (format!("2:{}", "5a".repeat(32)), format!("1:{}", "a5".repeat(32)));
    /// assert_eq!(TenantKey::parse_list(&format!("{new},{old}"))?.len(), 2);
    /// assert!(TenantKey::parse_list(&format!("{new},{new}")).is_err());
    /// # Ok::<(), watertight_migration::TenantKeyError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`TenantKeyError`], which names the position and never the key.
    pub fn parse_list(text: &str) -> Result<Vec<Self>, TenantKeyError> {
        let mut ids = BTreeSet::new();
        text.split(',')
            .enumerate()
            .map(|(index, part)| {
                let position = index + 1;
                let key = parse(part.trim()).map_err(|rule| TenantKeyError::Malformed { position, rule })?;
                if ids.insert(key.id) { Ok(key) } else { Err(TenantKeyError::DuplicateId { id: key.id }) }
            })
            .collect()
    }

    /// Reads the keys in the environment variable [`VARIABLE`](Self::VARIABLE): none where it is empty or not set.
    ///
    /// ```
    /// let keys = watertight_migration::TenantKey::from_env()?;
    /// println!("{} keys", keys.len());
    /// # Ok::<(), watertight_migration::TenantKeyError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As [`parse_list`](Self::parse_list).
    pub fn from_env() -> Result<Vec<Self>, TenantKeyError> {
        match std::env::var(Self::VARIABLE).map(Zeroizing::new) {
            Ok(text) if !text.trim().is_empty() => Self::parse_list(&text),
            Ok(_) | Err(std::env::VarError::NotPresent) => Ok(Vec::new()),
            Err(std::env::VarError::NotUnicode(_)) => {
                Err(TenantKeyError::Malformed { position: 1, rule: "is not text" })
            }
        }
    }

    /// The key's number, which tokens carry.
    #[must_use]
    pub const fn id(&self) -> i16 {
        self.id
    }

    /// The blocks that HMAC-SHA256 (RFC 2104) begins its inner and its outer hash with.
    pub(crate) fn pads(&self) -> [Zeroizing<Vec<u8>>; 2] {
        [0x36, 0x5c].map(|pad| {
            let key = self.secret.iter().copied().chain(std::iter::repeat(0)).take(64);
            Zeroizing::new(key.map(|byte| byte ^ pad).collect())
        })
    }
}

impl FromStr for TenantKey {
    type Err = TenantKeyError;

    fn from_str(text: &str) -> Result<Self, TenantKeyError> {
        parse(text.trim()).map_err(|rule| TenantKeyError::Malformed { position: 1, rule })
    }
}

impl fmt::Debug for TenantKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TenantKey").field("id", &self.id).finish_non_exhaustive()
    }
}

fn parse(text: &str) -> Result<TenantKey, &'static str> {
    let (id, digits) = text.split_once(':').ok_or("has no colon between ID and SECRET")?;
    let id = id
        .parse()
        .ok()
        .filter(|parsed: &i16| *parsed > 0 && parsed.to_string() == id)
        .ok_or("has an ID that is not a number from 1 to 32767")?;
    let mut secret = Zeroizing::new([0; 32]);
    hex::decode_to_slice(digits, &mut *secret)
        .map_err(|_| "has a SECRET that is not 64 hexadecimal digits")?;
    Ok(TenantKey { id, secret })
}

/// Why a text is not a tenant key. The text itself is not shown.
///
/// It turns into a [`DbErr::Migration`] with `?`, as a migration returns it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TenantKeyError {
    /// A key does not have the form `ID:SECRET`.
    Malformed {
        /// Which one, counted from 1.
        position: usize,
        /// What is wrong with it.
        rule: &'static str,
    },
    /// Two keys have one number.
    DuplicateId {
        /// The number.
        id: i16,
    },
}

impl fmt::Display for TenantKeyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let variable = TenantKey::VARIABLE;
        match self {
            Self::Malformed { position, rule } => write!(
                f,
                "tenant key {position} {rule}; set {variable} to ID:SECRET as `watertight keys new` prints it, several \
                 with commas between"
            ),
            Self::DuplicateId { id } => {
                write!(f, "{variable} has two keys with the ID {id}; give each its own")
            }
        }
    }
}

impl Error for TenantKeyError {}

impl From<TenantKeyError> for DbErr {
    fn from(error: TenantKeyError) -> Self {
        Self::Migration(error.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_message_shows_a_secret() {
        let secret = "5a".repeat(32);
        for text in [
            secret.clone(),
            format!("0:{secret}"),
            format!("01:{secret}"),
            format!("32768:{secret}"),
            format!("1:{secret}5"),
            format!("1:{}zz", &secret[2..]),
            format!("1:{secret}:"),
            format!("1:{secret},1:{secret}"),
            format!("1:{secret},"),
        ] {
            let error = TenantKey::parse_list(&text).unwrap_err();
            assert!(!format!("{error} {error:?}").contains("5a5a"), "{error}");
        }
    }

    #[test]
    fn the_pads_are_those_of_rfc_2104() {
        let key: TenantKey = format!("1:{}", "01".repeat(32)).parse().unwrap();
        let [inner, outer] = key.pads();
        assert_eq!(*inner, [[0x37; 32], [0x36; 32]].concat());
        assert_eq!(*outer, [[0x5d; 32], [0x5c; 32]].concat());
    }
}
