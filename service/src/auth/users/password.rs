//! Passwords and their bcrypt hashes.

use std::fmt;
use std::str::FromStr;

use bcrypt::HashParts;
use secrecy::{ExposeSecret, SecretString};
use watertight_schema::text;
use zeroize::Zeroizing;

use crate::auth::error::AuthError;
use crate::vocabulary::NoRandomness;

/// A password in clear, to be hashed or verified. It does not print and is zeroed when dropped.
///
/// [`new`](Self::new) takes a password to set: 1 to 72 bytes of UTF-8. bcrypt reads no more than 72, so a longer one is
/// refused and not cut. A NUL is refused too, since other implementations of bcrypt stop at it. The application decides
/// on a minimum length. [`to_verify`](Self::to_verify) takes a password to compare with a stored hash, which can be of
/// another system without these limits.
///
/// A password is hashed with composed letters and plain spaces (RFC 8265, `OpaqueString`), because keyboards differ. A
/// hash of the password as it was typed, or with decomposed letters, is verified too.
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
pub struct Password {
    /// The form that is hashed.
    normal: SecretString,
    /// Other forms that an older hash can have.
    others: Vec<SecretString>,
}

impl Password {
    /// The longest password that can be set, in bytes.
    pub const MAX_BYTES: usize = 72;
    /// The longest password that can be compared with a hash, in bytes.
    pub const MAX_BYTES_TO_VERIFY: usize = 4096;

    /// Takes a password to set.
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
        let password = Self::of(text.into());
        password.check_new()?;
        Ok(password)
    }

    /// Takes a password to compare with a stored hash: at login, or before a change.
    ///
    /// Other systems accept passwords over 72 bytes, of which bcrypt reads the first 72. Such a password still
    /// matches its hash. It cannot be set.
    ///
    /// ```
    /// use watertight::auth::{AuthError, LoginRequest, Password};
    ///
    /// let typed = "correct horse battery staple ".repeat(3);
    /// assert!(Password::new(typed.clone()).is_err());
    /// let request = LoginRequest::new("jess".parse()?, Password::to_verify(typed)?);
    /// # Ok::<(), AuthError>(())
    /// ```
    ///
    /// # Errors
    /// [`AuthError::InvalidSecret`] when it is empty or longer than 4,096 bytes.
    pub fn to_verify(text: impl Into<SecretString>) -> Result<Self, AuthError> {
        let text = text.into();
        match text.expose_secret().len() {
            0 => Err(refused("is empty; enter at least one character")),
            1..=Self::MAX_BYTES_TO_VERIFY => Ok(Self::of(text)),
            _ => Err(refused("is longer than 4096 bytes; enter a shorter password")),
        }
    }

    /// Refuses a password that cannot be set.
    pub(in crate::auth) fn check_new(&self) -> Result<(), AuthError> {
        match self.as_bytes() {
            [] => Err(refused("is empty; enter at least one character")),
            bytes if bytes.len() > Self::MAX_BYTES => {
                Err(refused("is longer than the 72 bytes that bcrypt reads; choose a shorter password"))
            }
            bytes if bytes.contains(&0) => Err(refused("contains a NUL character; remove it")),
            _ => Ok(()),
        }
    }

    fn of(typed: SecretString) -> Self {
        let composed = Zeroizing::new(text::composed(typed.expose_secret()));
        let spaced = composed.chars().map(|c| if is_space(c) { ' ' } else { c });
        let normal: SecretString = spaced.collect::<String>().into();
        let decomposed: SecretString = text::decomposed(typed.expose_secret()).into();
        let mut others: Vec<SecretString> = Vec::new();
        for form in [typed, decomposed] {
            let known =
                others.iter().chain([&normal]).any(|known| known.expose_secret() == form.expose_secret());
            if !known {
                others.push(form);
            }
        }
        Self { normal, others }
    }

    /// The form that is hashed.
    pub(in crate::auth) fn as_str(&self) -> &str {
        self.normal.expose_secret()
    }

    pub(in crate::auth) fn as_bytes(&self) -> &[u8] {
        self.normal.expose_secret().as_bytes()
    }

    /// The number of forms that are compared with a hash.
    pub(in crate::auth) fn forms(&self) -> usize {
        1 + self.others.len()
    }
}

fn refused(reason: &'static str) -> AuthError {
    AuthError::InvalidSecret { what: "password", reason }
}

/// The spaces of Unicode (Zs) beyond ASCII.
fn is_space(c: char) -> bool {
    matches!(c, '\u{a0}' | '\u{1680}' | '\u{2000}'..='\u{200a}' | '\u{202f}' | '\u{205f}' | '\u{3000}')
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

    /// Returns true if the hash matches the password, in constant time except for the cost and the number of the
    /// password's forms.
    ///
    /// As in other implementations, bytes after the first 72 do not count.
    pub(in crate::auth) fn verify(&self, password: &Password) -> bool {
        let matches = |form: &[u8]| bcrypt::verify(form, self.expose_secret()).unwrap_or(false);
        let others = password.others.iter().map(|form| form.expose_secret().as_bytes());
        // Every form is compared, so that the duration depends on what was typed alone.
        others.chain([password.as_bytes()]).fold(false, |right, form| matches(form) | right)
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
    fn a_long_password_matches_its_hash_and_cannot_be_set() {
        // bcryptjs and libxcrypt compute this hash for 72 times `x` and for any longer password that begins so.
        let long = "x".repeat(100);
        let hash: PasswordHash = bcrypt::hash(&long, 4).unwrap().parse().unwrap();
        let typed = Password::to_verify(long.clone()).unwrap();
        assert!(hash.verify(&typed));
        assert!(!hash.verify(&Password::to_verify(format!("y{long}")).unwrap()));
        assert!(typed.check_new().is_err());
        assert!(Password::to_verify("x".repeat(4096)).is_ok());
        assert!(Password::to_verify("x".repeat(4097)).is_err());
        assert!(Password::to_verify("").is_err());
        // Hashed by a stack that reads a NUL as any other byte.
        let nul: PasswordHash = bcrypt::hash("a\0b", 4).unwrap().parse().unwrap();
        assert!(nul.verify(&Password::to_verify("a\0b").unwrap()));
        assert!(!nul.verify(&Password::to_verify("a").unwrap()));
    }

    #[test]
    fn a_password_is_the_same_on_every_keyboard() {
        let (composed, decomposed) = ("123\u{a0}\u{e9}", "123 e\u{301}");
        for hashed in [composed, decomposed, "123 \u{e9}"] {
            let hash = PasswordHash::of(&Password::new(hashed).unwrap(), 4).unwrap();
            assert!(hash.verify(&Password::new(composed).unwrap()), "{hashed:?}");
            assert!(hash.verify(&Password::new(decomposed).unwrap()), "{hashed:?}");
            assert!(!hash.verify(&Password::new("123 e").unwrap()), "{hashed:?}");
        }
        // Hashes from before, of the bytes as they were typed.
        for (hashed, typed) in [
            (composed, composed),
            (decomposed, decomposed),
            ("123 e\u{301}", "123 \u{e9}"),
            ("123 \u{e9}", "123 e\u{301}"),
        ] {
            let hash: PasswordHash = bcrypt::hash(hashed, 4).unwrap().parse().unwrap();
            assert!(hash.verify(&Password::new(typed).unwrap()), "{hashed:?} {typed:?}");
        }
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
