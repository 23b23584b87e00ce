//! Passwords and their bcrypt hashes.

use std::fmt;
use std::str::FromStr;

use bcrypt::HashParts;
use secrecy::{ExposeSecret, SecretString};

use crate::auth::error::AuthError;
use crate::vocabulary::NoRandomness;

/// A password in clear, to be hashed or verified. It does not print and is zeroed when dropped.
///
/// 1 to 72 bytes of UTF-8: bcrypt reads no more than 72, so a longer one is refused and not cut. A NUL is refused
/// too, since other implementations of bcrypt stop at it. The application decides on a minimum length.
///
/// ```
/// use watertight::auth::Password;
///
/// let password = Password::new("correct horse battery staple")?;
/// assert_eq!(format!("{password:?}"), "Password(..)");
/// assert!(Password::new("x".repeat(73)).is_err());
/// # Ok::<(), watertight::Error>(())
/// ```
#[derive(Clone)]
pub struct Password(SecretString);

impl Password {
    /// The longest password, in bytes.
    pub const MAX_BYTES: usize = 72;

    /// Takes a password.
    ///
    /// ```
    /// use watertight::auth::{AuthError, Password};
    ///
    /// /// The minimum length is a rule of the application.
    /// fn chosen_password(typed: String) -> Result<Password, AuthError> {
    ///     if typed.chars().count() < 12 {
    ///         return Err(AuthError::InvalidSecret { what: "password", reason: "has under 12 characters" });
    ///     }
    ///     Password::new(typed)
    /// }
    ///
    /// assert!(chosen_password("correct horse battery staple".to_owned()).is_ok());
    /// let message = chosen_password("x".repeat(73)).err().map(|error| error.to_string()).unwrap_or_default();
    /// assert!(message.starts_with("the password is longer than the 72 bytes"));
    /// ```
    ///
    /// # Errors
    /// [`AuthError::InvalidSecret`] when it is empty, longer than 72 bytes or contains a NUL.
    pub fn new(text: impl Into<SecretString>) -> Result<Self, AuthError> {
        let text = text.into();
        let refuse = |reason: &'static str| Err(AuthError::InvalidSecret { what: "password", reason });
        match text.expose_secret().as_bytes() {
            [] => refuse("is empty; enter at least one character"),
            bytes if bytes.len() > Self::MAX_BYTES => {
                refuse("is longer than the 72 bytes that bcrypt reads; choose a shorter password")
            }
            bytes if bytes.contains(&0) => refuse("contains a NUL character; remove it"),
            _ => Ok(Self(text)),
        }
    }

    pub(in crate::auth) fn as_bytes(&self) -> &[u8] {
        self.0.expose_secret().as_bytes()
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password(..)")
    }
}

/// A bcrypt hash of a password, `$2a$`, `$2b$` or `$2y$`. It does not print and is zeroed when dropped.
///
/// ```
/// use watertight::auth::PasswordHash;
///
/// let hash: PasswordHash = "$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW".parse()?;
/// assert_eq!(hash.cost(), 5);
/// assert!("5f4dcc3b5aa765d61d8327deb882cf99".parse::<PasswordHash>().is_err());
/// # Ok::<(), watertight::Error>(())
/// ```
#[derive(Clone)]
pub struct PasswordHash {
    text: SecretString,
    cost: u32,
}

impl PasswordHash {
    /// The exponent of the number of rounds: 2 to this power.
    #[must_use]
    pub const fn cost(&self) -> u32 {
        self.cost
    }

    /// The hash as the database stores it.
    #[must_use]
    pub fn expose_secret(&self) -> &str {
        self.text.expose_secret()
    }

    /// Hashes a password, which is slow by design.
    pub(in crate::auth) fn of(password: &Password, cost: u32) -> Result<Self, AuthError> {
        let text = bcrypt::hash(password.as_bytes(), cost).map_err(|_| AuthError::from(NoRandomness))?;
        Ok(Self { text: text.into(), cost })
    }

    /// A hash of no known password, which takes as long to verify as others of the cost.
    pub(in crate::auth) fn of_nobody(cost: u32) -> Self {
        Self { text: format!("$2b${cost:02}${}", ".".repeat(53)).into(), cost }
    }

    /// Returns true if the hash matches the password, in constant time except for the cost.
    pub(in crate::auth) fn verify(&self, password: &Password) -> bool {
        bcrypt::verify(password.as_bytes(), self.expose_secret()).unwrap_or(false)
    }
}

impl FromStr for PasswordHash {
    type Err = AuthError;

    fn from_str(text: &str) -> Result<Self, AuthError> {
        let malformed = || AuthError::InvalidSecret {
            what: "password hash",
            reason: "is not a bcrypt hash; pass 60 characters that begin with $2a$, $2b$ or $2y$",
        };
        // `$2x$` marks hashes that a broken implementation made.
        if text.starts_with("$2x$") {
            return Err(malformed());
        }
        let cost = text.parse::<HashParts>().map_err(|_| malformed())?.get_cost();
        if !(4..=31).contains(&cost) {
            return Err(malformed());
        }
        Ok(Self { text: text.into(), cost })
    }
}

impl fmt::Debug for PasswordHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PasswordHash").field("cost", &self.cost).finish_non_exhaustive()
    }
}

/// A new password, or its hash.
#[derive(Debug, Clone)]
pub enum Credential {
    /// A password or PIN, which is hashed.
    Password(Password),
    /// A hash that was computed elsewhere.
    Hash(PasswordHash),
}

impl From<Password> for Credential {
    fn from(password: Password) -> Self {
        Self::Password(password)
    }
}

impl From<PasswordHash> for Credential {
    fn from(hash: PasswordHash) -> Self {
        Self::Hash(hash)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn verifies(password: &str, hash: &str) -> bool {
        hash.parse::<PasswordHash>().unwrap().verify(&Password::new(password).unwrap())
    }

    /// Test vectors of Openwall's `crypt_blowfish`, the reference implementation of bcrypt.
    #[test]
    fn published_vectors_verify() {
        for (password, hash) in [
            ("U*U", "$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW"),
            ("U*U*", "$2a$05$CCCCCCCCCCCCCCCCCCCCC.VGOzA784oUp/Z0DY336zx7pLYAy0lwK"),
            ("U*U*U", "$2a$05$XXXXXXXXXXXXXXXXXXXXXOAcXxm9kjPGEMsLznoKqmqw7tc8WCx4a"),
            (
                "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789",
                "$2a$05$abcdefghijklmnopqrstuu5s2v8.iXieOjg/.AySBTTZIIVFJeBui",
            ),
        ] {
            assert!(verifies(password, hash), "{hash}");
            assert!(verifies(password, &hash.replace("$2a$", "$2b$")), "2b");
            assert!(verifies(password, &hash.replace("$2a$", "$2y$")), "2y");
            let other = format!("{}?", password.get(1..).unwrap());
            assert!(!verifies(&other, hash), "{hash}");
        }
    }

    #[test]
    fn the_limit_is_72_bytes_and_not_characters() {
        assert!(Password::new("x".repeat(72)).is_ok());
        assert!(Password::new("ü".repeat(36)).is_ok());
        assert!(Password::new("ü".repeat(37)).is_err());
        assert!(Password::new("").is_err());
        assert!(Password::new("a\0b").is_err());
    }

    #[test]
    fn nobodys_hash_is_well_formed_and_of_its_cost() {
        let hash = PasswordHash::of_nobody(4);
        assert_eq!(hash.expose_secret().parse::<PasswordHash>().unwrap().cost(), 4);
        assert!(!hash.verify(&Password::new("").unwrap_or_else(|_| Password::new("x").unwrap())));
    }

    #[test]
    fn what_is_no_bcrypt_hash_is_refused() {
        for text in [
            "",
            "x",
            "$2b$99$......................",
            "$2x$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW",
        ] {
            assert!(text.parse::<PasswordHash>().is_err(), "{text}");
        }
    }
}
