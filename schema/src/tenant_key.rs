use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use zeroize::Zeroizing;

/// A key that signs tenants: an ID and 32 random bytes.
///
/// It does not print the bytes, and zeroes them when dropped. As text it is `ID:SECRET`, with the secret in
/// 64 hexadecimal digits. A list of keys has commas between them, and the first key signs.
/// `watertight keys new` creates a key.
///
/// ```
/// use watertight_schema::TenantKey;
///
/// let key: TenantKey = "1:000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f".parse()?;
/// assert_eq!(key.id(), 1);
/// assert_eq!(format!("{key:?}"), "TenantKey { id: 1, .. }");
/// # Ok::<(), watertight_schema::TenantKeyError>(())
/// ```
#[derive(Clone)]
pub struct TenantKey {
    id: i16,
    secret: Zeroizing<[u8; 32]>,
}

impl TenantKey {
    /// The environment variable with the list of keys.
    pub const VARIABLE: &str = "WATERTIGHT_TENANT_KEY";

    /// Reads a list of keys with commas between them.
    ///
    /// ```
    /// use watertight_schema::TenantKey;
    ///
    /// let (new, old) = (format!("2:{}", "5a".repeat(32)), format!("1:{}", "a5".repeat(32)));
    /// assert_eq!(TenantKey::parse_list(&format!("{new},{old}"))?.len(), 2);
    /// assert!(TenantKey::parse_list(&format!("{new},{new}")).is_err());
    /// # Ok::<(), watertight_schema::TenantKeyError>(())
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
                if ids.insert(key.id) {
                    Ok(key)
                } else {
                    Err(TenantKeyError::DuplicateId { position, id: key.id })
                }
            })
            .collect()
    }

    /// Reads the keys in the environment variable [`VARIABLE`](Self::VARIABLE).
    ///
    /// An empty or unset variable contains no keys.
    ///
    /// ```
    /// let keys = watertight_schema::TenantKey::from_env()?;
    /// println!("{} keys", keys.len());
    /// # Ok::<(), watertight_schema::TenantKeyError>(())
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

    /// The ID, which tokens name.
    #[must_use]
    pub const fn id(&self) -> i16 {
        self.id
    }

    /// The key of HMAC-SHA256. The caller has to zero any copies.
    #[must_use]
    pub fn secret(&self) -> &[u8; 32] {
        &self.secret
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

/// A text is not a tenant key. The message does not show the text.
///
/// ```
/// use watertight_schema::{TenantKey, TenantKeyError};
///
/// let keys = format!("2:{}, 2:{}", "5a".repeat(32), "a5".repeat(32));
/// let answer = match TenantKey::parse_list(&keys) {
///     Ok(keys) => format!("{} keys", keys.len()),
///     Err(TenantKeyError::DuplicateId { position, id }) => format!("key {position} has the ID {id} of another"),
///     Err(error) => error.to_string(),
/// };
/// assert_eq!(answer, "key 2 has the ID 2 of another");
/// ```
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TenantKeyError {
    /// A key does not have the form `ID:SECRET`.
    #[error(
        "tenant key {position} {rule}; set {variable} to ID:SECRET as printed by `watertight keys new`, or to \
         several keys separated by commas",
        variable = TenantKey::VARIABLE
    )]
    Malformed {
        /// The position of the key in the list, counted from 1.
        position: usize,
        /// The rule that it breaks, as the rest of a sentence that begins with the key.
        rule: &'static str,
    },
    /// Two keys have the same ID.
    #[error(
        "{variable} has two keys with the ID {id}; use a different ID for each key",
        variable = TenantKey::VARIABLE
    )]
    DuplicateId {
        /// The position of the second of them in the list, counted from 1.
        position: usize,
        /// The ID.
        id: i16,
    },
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
    fn the_first_key_comes_first_and_white_space_is_ignored() {
        let keys =
            TenantKey::parse_list(&format!(" 7:{} , 2:{} ", "01".repeat(32), "02".repeat(32))).unwrap();
        let parts: Vec<_> = keys.iter().map(|key| (key.id(), *key.secret())).collect();
        assert_eq!(parts, [(7, [1; 32]), (2, [2; 32])]);
    }
}
