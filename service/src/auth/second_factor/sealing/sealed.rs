//! A sealed secret as columns and as text.

use crate::auth::error::AuthError;

/// A sealed secret as stored in the table `totp_secrets`. In version 2 `salt` is the key's name.
#[derive(Debug, Clone)]
pub(in crate::auth) struct Sealed {
    pub(in crate::auth) encrypted_secret: String,
    pub(in crate::auth) iv: String,
    pub(in crate::auth) auth_tag: String,
    pub(in crate::auth) salt: String,
    pub(in crate::auth) version: i32,
}

/// The version of the encryption format of a stored TOTP secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum SealVersion {
    /// Version 1: a key derived for each row, as tinyland-auth-pg 0.2 stored secrets.
    PerRowKey,
    /// Version 2: one key for each passphrase, bound to tenant and owner.
    SharedKey,
}

impl SealVersion {
    /// The number that the database stores.
    #[must_use]
    pub const fn number(self) -> i32 {
        match self {
            Self::PerRowKey => 1,
            Self::SharedKey => 2,
        }
    }

    pub(in crate::auth) const fn of(number: i32) -> Result<Self, AuthError> {
        match number {
            1 => Ok(Self::PerRowKey),
            2 => Ok(Self::SharedKey),
            _ => Err(AuthError::Undecryptable { reason: "has an unknown version" }),
        }
    }
}

impl Sealed {
    /// In one column: version, key, nonce, ciphertext and tag, with dots between.
    pub(in crate::auth) fn to_text(&self) -> String {
        let Self { encrypted_secret, iv, auth_tag, salt, version } = self;
        format!("{version}.{salt}.{iv}.{encrypted_secret}.{auth_tag}")
    }

    pub(in crate::auth) fn from_text(text: &str) -> Result<Self, AuthError> {
        let parts: Vec<_> = text.split('.').collect();
        let malformed = AuthError::Undecryptable { reason: "is not in the format of watertight" };
        let [version, salt, iv, encrypted_secret, auth_tag] = parts[..] else { return Err(malformed) };
        let Ok(version) = version.parse() else { return Err(malformed) };
        Ok(Self {
            encrypted_secret: encrypted_secret.to_owned(),
            iv: iv.to_owned(),
            auth_tag: auth_tag.to_owned(),
            salt: salt.to_owned(),
            version,
        })
    }
}
