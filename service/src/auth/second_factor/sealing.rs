//! TOTP secrets at rest: AES-256-GCM under keys that scrypt derives from passphrases.
//!
//! Two forms are read. Version 1 is what tinyland-auth-pg 0.2 stored: a key derived for each
//! row from its own salt, a nonce of 16 bytes, no associated data. Version 2, which is written, derives one key from a
//! passphrase for the life of the process, has a nonce of 12 bytes (NIST SP 800-38D, section 5.2.1.1), and binds the
//! ciphertext to its tenant, its owner and its key, so that no row can be put in another's place.

mod cipher;
mod of_tenant;
pub(in crate::auth) mod owner;
pub(in crate::auth) mod sealed;

use std::sync::{Arc, OnceLock};

use aes_gcm::aead::consts::{U12, U16};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use secrecy::{ExposeSecret, SecretString};
use sha2::Sha256;
use zeroize::Zeroizing;

use crate::auth::error::AuthError;
use crate::auth::second_factor::sealing::cipher::{Plain, decrypt, derive, encrypt};
use crate::auth::second_factor::sealing::owner::Owner;
use crate::auth::second_factor::sealing::sealed::{SealVersion, Sealed};
use crate::auth::second_factor::totp_secret::TotpSecret;
use crate::vocabulary::NoRandomness;

const TAG_BYTES: usize = 16;

/// The passphrases that TOTP secrets are encrypted under. The first encrypts; any of them decrypts, so that they
/// rotate: put the new one first, save every secret again, and drop the old one.
#[derive(Debug, Clone)]
pub struct EncryptionKeys(Arc<[Key]>);

#[derive(Debug)]
struct Key {
    passphrase: SecretString,
    shared: OnceLock<SharedKey>,
}

/// The key of version 2, derived when it is first wanted.
struct SharedKey {
    key: Zeroizing<[u8; 32]>,
    /// Tells keys apart, and nothing about them.
    id: String,
}

impl std::fmt::Debug for SharedKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SharedKey").field("id", &self.id).finish_non_exhaustive()
    }
}

impl EncryptionKeys {
    /// Takes passphrases, the one that encrypts first. Rows of tinyland-auth-pg 0.2 need its passphrase.
    ///
    /// ```
    /// use watertight::auth::EncryptionKeys;
    ///
    /// let keys = EncryptionKeys::new(["the new one, long and random", "the old one"])?;
    /// assert!(EncryptionKeys::new([""]).is_err());
    /// # Ok::<(), watertight::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`AuthError::InvalidSecret`] when there is none or one is empty.
    pub fn new<P: Into<SecretString>>(passphrases: impl IntoIterator<Item = P>) -> Result<Self, AuthError> {
        let keys: Vec<_> = passphrases
            .into_iter()
            .map(|passphrase| Key { passphrase: passphrase.into(), shared: OnceLock::new() })
            .collect();
        if keys.is_empty() || keys.iter().any(|key| key.passphrase.expose_secret().is_empty()) {
            let reason = "is missing or empty; use a long random text, such as the output of `openssl rand \
                          -base64 32`";
            return Err(AuthError::InvalidSecret { what: "encryption passphrase", reason });
        }
        Ok(Self(keys.into()))
    }

    /// Encrypts a secret for its owner. Slow the first time: it derives the key.
    pub(in crate::auth) fn seal(&self, owner: Owner, secret: &TotpSecret) -> Result<Sealed, AuthError> {
        let key = self.0.first().ok_or(AuthError::NotConfigured { what: "encryption_keys" })?.shared()?;
        let mut nonce = [0; 12];
        getrandom::fill(&mut nonce).map_err(|_| AuthError::from(NoRandomness))?;
        let plain = secret.expose_base32();
        let mut ciphertext =
            encrypt::<U12>(&key.key, &nonce, &owner.bound_to(&key.id), plain.expose_secret().as_bytes())?;
        let tag = ciphertext.split_off(ciphertext.len().saturating_sub(TAG_BYTES));
        Ok(Sealed {
            encrypted_secret: STANDARD.encode(ciphertext),
            iv: STANDARD.encode(nonce),
            auth_tag: STANDARD.encode(tag),
            salt: key.id.clone(),
            version: SealVersion::SharedKey.number(),
        })
    }

    /// Decrypts a secret that was sealed for the owner. Slow for version 1, which derives a key each time.
    pub(in crate::auth) fn open(&self, owner: Owner, sealed: &Sealed) -> Result<TotpSecret, AuthError> {
        let malformed = |_| AuthError::Undecryptable { reason: "is not base64" };
        let nonce = STANDARD.decode(&sealed.iv).map_err(malformed)?;
        let mut ciphertext = STANDARD.decode(&sealed.encrypted_secret).map_err(malformed)?;
        let tag = STANDARD.decode(&sealed.auth_tag).map_err(malformed)?;
        if tag.len() != TAG_BYTES {
            return Err(AuthError::Undecryptable {
                reason: "has an authentication tag that is not 16 bytes long",
            });
        }
        ciphertext.extend_from_slice(&tag);
        let plain = match SealVersion::of(sealed.version)? {
            SealVersion::PerRowKey => {
                let salt = STANDARD.decode(&sealed.salt).map_err(malformed)?;
                self.open_per_row_key(&salt, &nonce, &ciphertext)?
            }
            SealVersion::SharedKey => self.open_shared_key(owner, &sealed.salt, &nonce, &ciphertext)?,
        };
        let text = std::str::from_utf8(&plain)
            .map_err(|_| AuthError::Undecryptable { reason: "does not contain a base32 secret" })?;
        TotpSecret::from_stored(text)
    }

    fn open_per_row_key(&self, salt: &[u8], nonce: &[u8], ciphertext: &[u8]) -> Result<Plain, AuthError> {
        for key in &*self.0 {
            let derived = derive(&key.passphrase, salt)?;
            if let Some(plain) = decrypt::<U16>(&derived, nonce, &[], ciphertext) {
                return Ok(plain);
            }
        }
        Err(AuthError::Undecryptable {
            reason: "was encrypted with none of the configured passphrases, or was modified",
        })
    }

    fn open_shared_key(
        &self,
        owner: Owner,
        key_id: &str,
        nonce: &[u8],
        ciphertext: &[u8],
    ) -> Result<Plain, AuthError> {
        for key in &*self.0 {
            let shared = key.shared()?;
            if shared.id == key_id {
                return decrypt::<U12>(&shared.key, nonce, &owner.bound_to(key_id), ciphertext)
                    .ok_or(AuthError::Undecryptable { reason: "was modified, or belongs to another row" });
            }
        }
        Err(AuthError::Undecryptable { reason: "was encrypted with a passphrase that is not configured" })
    }
}

impl Key {
    fn shared(&self) -> Result<&SharedKey, AuthError> {
        if let Some(shared) = self.shared.get() {
            return Ok(shared);
        }
        let key = derive(&self.passphrase, b"watertight: shared key, version 2")?;
        let mut mac = Hmac::<Sha256>::new_from_slice(&*key)
            .map_err(|_| AuthError::NotConfigured { what: "encryption_keys" })?;
        mac.update(b"key id");
        let id = STANDARD.encode(mac.finalize().into_bytes().get(..9).unwrap_or_default());
        Ok(self.shared.get_or_init(|| SharedKey { key, id }))
    }
}

#[cfg(test)]
mod tests;
