//! TOTP secrets at rest: AES-256-GCM under keys that scrypt derives from passphrases.
//!
//! Two forms are read. Version 1 is that of the system that watertight's schema comes from: a key derived for each
//! row from its own salt, a nonce of 16 bytes, no associated data. Version 2, which is written, derives one key from a
//! passphrase for the life of the process, has a nonce of 12 bytes (NIST SP 800-38D, section 5.2.1.1), and binds the
//! ciphertext to its tenant, its owner and its key, so that no row can be put in another's place.

use std::sync::{Arc, OnceLock};

use aes_gcm::AesGcm;
use aes_gcm::aead::array::ArraySize;
use aes_gcm::aead::consts::{U12, U16};
use aes_gcm::aead::{Aead, KeyInit, Nonce, Payload};
use aes_gcm::aes::Aes256;
use base64::{Engine, engine::general_purpose::STANDARD};
use hmac::{Hmac, Mac};
use scrypt::Params;
use secrecy::{ExposeSecret, SecretString};
use sha2::Sha256;
use uuid::Uuid;
use zeroize::Zeroizing;

use super::totp::TotpSecret;
use crate::auth::AuthError;
use crate::tenant::TenantId;
use crate::vocabulary::NoRandomness;

/// The version that the original system wrote, and watertight reads.
const PER_ROW_KEY: i32 = 1;
/// The version that watertight writes.
const SHARED_KEY: i32 = 2;
const TAG_BYTES: usize = 16;

/// The passphrases that TOTP secrets are encrypted under. The first encrypts; any of them decrypts, so that they
/// rotate: put the new one first, save every secret anew, and drop the old one.
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
    /// Takes passphrases, the one that encrypts first. Rows of the original system need the passphrase that it had.
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
            let reason = "is empty; give a long random text, as `openssl rand -base64 32` makes it";
            return Err(AuthError::InvalidSecret { what: "encryption passphrase", reason });
        }
        Ok(Self(keys.into()))
    }

    /// Encrypts a secret for its owner. Slow the first time: it derives the key.
    pub(super) fn seal(&self, owner: Owner, secret: &TotpSecret) -> Result<Sealed, AuthError> {
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
            version: SHARED_KEY,
        })
    }

    /// Decrypts what was sealed for the owner. Slow for version 1, which derives a key each time.
    pub(super) fn open(&self, owner: Owner, sealed: &Sealed) -> Result<TotpSecret, AuthError> {
        let malformed = |_| AuthError::Undecryptable { reason: "is not base64" };
        let nonce = STANDARD.decode(&sealed.iv).map_err(malformed)?;
        let mut ciphertext = STANDARD.decode(&sealed.encrypted_secret).map_err(malformed)?;
        let tag = STANDARD.decode(&sealed.auth_tag).map_err(malformed)?;
        if tag.len() != TAG_BYTES {
            return Err(AuthError::Undecryptable { reason: "has a tag that is not 16 bytes long" });
        }
        ciphertext.extend_from_slice(&tag);
        let plain = match sealed.version {
            PER_ROW_KEY => {
                let salt = STANDARD.decode(&sealed.salt).map_err(malformed)?;
                self.open_per_row_key(&salt, &nonce, &ciphertext)?
            }
            SHARED_KEY => self.open_shared_key(owner, &sealed.salt, &nonce, &ciphertext)?,
            _ => return Err(AuthError::Undecryptable { reason: "is of a version that is not known" }),
        };
        let text = std::str::from_utf8(&plain)
            .map_err(|_| AuthError::Undecryptable { reason: "does not hold a secret in base32" })?;
        TotpSecret::from_base32(text)
    }

    fn open_per_row_key(&self, salt: &[u8], nonce: &[u8], ciphertext: &[u8]) -> Result<Plain, AuthError> {
        for key in &*self.0 {
            let derived = derive(&key.passphrase, salt)?;
            if let Some(plain) = decrypt::<U16>(&derived, nonce, &[], ciphertext) {
                return Ok(plain);
            }
        }
        Err(AuthError::Undecryptable {
            reason: "was encrypted under none of the passphrases, or was tampered with",
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
                return decrypt::<U12>(&shared.key, nonce, &owner.bound_to(key_id), ciphertext).ok_or(
                    AuthError::Undecryptable { reason: "was tampered with, or belongs to another row" },
                );
            }
        }
        Err(AuthError::Undecryptable { reason: "was encrypted under a passphrase that is not given" })
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

/// scrypt (RFC 7914) with N = 16384, r = 8, p = 1, as Node's `scryptSync` has it by default.
fn derive(passphrase: &SecretString, salt: &[u8]) -> Result<Zeroizing<[u8; 32]>, AuthError> {
    let refused = AuthError::InvalidSecret { what: "encryption passphrase", reason: "cannot be used" };
    let Ok(params) = Params::new(14, 8, 1) else { return Err(refused) };
    let mut key = Zeroizing::new([0; 32]);
    match scrypt::scrypt(passphrase.expose_secret().as_bytes(), salt, &params, &mut *key) {
        Ok(()) => Ok(key),
        Err(_) => Err(refused),
    }
}

type Plain = Zeroizing<Vec<u8>>;

fn encrypt<N: ArraySize>(
    key: &[u8; 32],
    nonce: &[u8],
    bound_to: &[u8],
    plain: &[u8],
) -> Result<Vec<u8>, AuthError> {
    let failed = AuthError::InvalidSecret { what: "TOTP secret", reason: "cannot be encrypted" };
    let nonce = Nonce::<AesGcm<Aes256, N>>::try_from(nonce);
    let (Ok(cipher), Ok(nonce)) = (AesGcm::<Aes256, N>::new_from_slice(key), nonce) else {
        return Err(failed);
    };
    cipher.encrypt(&nonce, Payload { msg: plain, aad: bound_to }).map_err(|_| failed)
}

/// The plain text, unless the tag is wrong, which is compared in constant time.
fn decrypt<N: ArraySize>(key: &[u8; 32], nonce: &[u8], bound_to: &[u8], ciphertext: &[u8]) -> Option<Plain> {
    let cipher = AesGcm::<Aes256, N>::new_from_slice(key).ok()?;
    let nonce = Nonce::<AesGcm<Aes256, N>>::try_from(nonce).ok()?;
    cipher.decrypt(&nonce, Payload { msg: ciphertext, aad: bound_to }).ok().map(Zeroizing::new)
}

/// Whose a sealed secret is.
#[derive(Debug, Clone, Copy)]
pub(super) struct Owner {
    pub(super) kind: OwnerKind,
    pub(super) tenant: TenantId,
    pub(super) id: Uuid,
}

/// What a sealed secret belongs to.
#[derive(Debug, Clone, Copy)]
pub(super) enum OwnerKind {
    /// A user's second factor.
    User,
    /// A session in which a second factor is being enrolled.
    Session,
    /// An invitation.
    Invitation,
}

impl Owner {
    /// The associated data of version 2: parts of fixed length, and the key's name.
    fn bound_to(self, key_id: &str) -> Vec<u8> {
        let kind: &[u8] = match self.kind {
            OwnerKind::User => b"user\0",
            OwnerKind::Session => b"sess\0",
            OwnerKind::Invitation => b"invi\0",
        };
        [kind, self.tenant.uuid().as_bytes(), self.id.as_bytes(), key_id.as_bytes()].concat()
    }
}

/// A sealed secret as the table `totp_secrets` holds it. In version 2 `salt` is the key's name.
#[derive(Debug, Clone)]
pub(super) struct Sealed {
    pub(super) encrypted_secret: String,
    pub(super) iv: String,
    pub(super) auth_tag: String,
    pub(super) salt: String,
    pub(super) version: i32,
}

impl Sealed {
    /// In one column: version, key, nonce, ciphertext and tag, with dots between.
    pub(super) fn to_text(&self) -> String {
        let Self { encrypted_secret, iv, auth_tag, salt, version } = self;
        format!("{version}.{salt}.{iv}.{encrypted_secret}.{auth_tag}")
    }

    pub(super) fn from_text(text: &str) -> Result<Self, AuthError> {
        let parts: Vec<_> = text.split('.').collect();
        let malformed = AuthError::Undecryptable { reason: "is not sealed as watertight does it" };
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

#[cfg(test)]
mod tests;
