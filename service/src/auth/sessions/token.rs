//! The value of a session's cookie: the session's id, signed for its tenant.

use std::fmt;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use hmac::{Hmac, KeyInit, Mac};
use secrecy::{ExposeSecret, SecretSlice, SecretString};
use sha2::Sha256;
use subtle::{Choice, ConstantTimeEq};
use uuid::Uuid;

use crate::auth::error::AuthError;
use crate::tenant::TenantId;

/// The keys that sign session tokens.
///
/// The first key signs, and a token of any key is accepted. To rotate keys, put the new key first, and remove
/// the old key when the last session that it signed has ended.
#[derive(Debug, Clone)]
pub struct SigningKeys(Vec<SecretSlice<u8>>);

impl SigningKeys {
    /// The shortest key, in bytes: the length of a SHA-256 digest (RFC 2104, section 3).
    pub const MIN_BYTES: usize = 32;

    /// Takes keys, the one that signs first.
    ///
    /// ```
    /// use watertight::auth::SigningKeys;
    ///
    /// let keys = SigningKeys::new([vec![7; 32]])?;
    /// assert!(SigningKeys::new([b"too short".to_vec()]).is_err());
    /// # Ok::<(), watertight::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`AuthError::InvalidSecret`] when there is none, or one is shorter than 32 bytes.
    pub fn new<K: Into<SecretSlice<u8>>>(keys: impl IntoIterator<Item = K>) -> Result<Self, AuthError> {
        let keys: Vec<_> = keys.into_iter().map(Into::into).collect();
        let refuse = |reason| Err(AuthError::InvalidSecret { what: "signing key", reason });
        if keys.is_empty() {
            return refuse("is missing; pass at least one key");
        }
        if keys.iter().any(|key| key.expose_secret().len() < Self::MIN_BYTES) {
            return refuse("is shorter than 32 bytes; generate a key with `openssl rand 32`");
        }
        Ok(Self(keys))
    }

    pub(in crate::auth) fn sign(&self, tenant: TenantId, session: Uuid) -> Result<SessionToken, AuthError> {
        let mac = URL_SAFE_NO_PAD.encode(self.signature_of(message(tenant, session).as_bytes())?);
        Ok(SessionToken(format!("{session}.{mac}").into()))
    }

    /// The id of the audit event of a login attempt: an HMAC in the form of a UUID of version 8.
    pub(in crate::auth) fn event_of_attempt(
        &self,
        tenant: TenantId,
        user: Uuid,
        attempt: Uuid,
    ) -> Result<Uuid, AuthError> {
        let digest = self.signature_of(format!("login attempt:{tenant}:{user}:{attempt}").as_bytes())?;
        let bytes = digest.first_chunk::<16>().copied().unwrap_or_default();
        Ok(uuid::Builder::from_custom_bytes(bytes).into_uuid())
    }

    /// The session that a token names, if one of the keys signed it for the tenant.
    pub(in crate::auth) fn verify(&self, tenant: TenantId, token: &str) -> Result<Option<Uuid>, AuthError> {
        let Some((id, mac)) = token.split_once('.') else { return Ok(None) };
        let (Ok(session), Ok(mac)) = (id.parse::<Uuid>(), URL_SAFE_NO_PAD.decode(mac)) else {
            return Ok(None);
        };
        let right = self.signed(message(tenant, session).as_bytes(), &mac)?;
        // One session has one token: other spellings of its UUID are not signed.
        Ok((right && session.to_string() == id).then_some(session))
    }

    /// The signature of a message by the first key.
    pub(in crate::auth) fn signature_of(&self, message: &[u8]) -> Result<[u8; 32], AuthError> {
        let key = self.0.first().ok_or(AuthError::NotConfigured { what: "signing_keys" })?;
        signature(key, message)
    }

    /// Returns true if one of the keys signed a message. All keys are tried, and compared in constant time.
    pub(in crate::auth) fn signed(&self, message: &[u8], mac: &[u8]) -> Result<bool, AuthError> {
        let mut right = Choice::from(0);
        for key in &self.0 {
            right |= signature(key, message)?.ct_eq(mac);
        }
        Ok(right.into())
    }
}

/// `<tenant>:<session>`, both UUIDs in lower case with hyphens.
fn message(tenant: TenantId, session: Uuid) -> String {
    format!("{tenant}:{session}")
}

/// HMAC-SHA256 (RFC 2104).
fn signature(key: &SecretSlice<u8>, message: &[u8]) -> Result<[u8; 32], AuthError> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key.expose_secret())
        .map_err(|_| AuthError::InvalidSecret { what: "signing key", reason: "cannot be used" })?;
    mac.update(message);
    Ok(mac.finalize().into_bytes().into())
}

/// The token of a session: `<session uuid>.<signature, base64url>`.
///
/// Store it in a cookie that is `HttpOnly` and `Secure`. It does not print and is zeroed when dropped.
#[derive(Clone)]
pub struct SessionToken(SecretString);

impl SessionToken {
    /// The token in clear.
    #[must_use]
    pub fn expose_secret(&self) -> &str {
        self.0.expose_secret()
    }
}

impl fmt::Debug for SessionToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SessionToken(..)")
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]
mod tests {
    use super::*;

    fn tenant(n: u128) -> TenantId {
        TenantId::new(Uuid::from_u128(n)).unwrap()
    }

    fn keys(bytes: &[u8]) -> SigningKeys {
        SigningKeys::new(bytes.iter().map(|byte| vec![*byte; 32])).unwrap()
    }

    /// RFC 4231, test cases 1, 2, 6 and 7: what signs is HMAC-SHA256.
    #[test]
    fn rfc_4231() {
        let cases: [(&[u8], &[u8], &str); 4] = [
            (&[0x0b; 20], b"Hi There", "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"),
            (
                b"Jefe",
                b"what do ya want for nothing?",
                "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
            ),
            (
                &[0xaa; 131],
                b"Test Using Larger Than Block-Size Key - Hash Key First",
                "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54",
            ),
            (
                &[0xaa; 131],
                b"This is a test using a larger than block-size key and a larger than block-size data. The key \
                  needs to be hashed before being used by the HMAC algorithm.",
                "9b09ffa71b942fcb27635fbcd5b0e944bfdc63644f0713938a7f51535c3a35e2",
            ),
        ];
        for (key, data, expected) in cases {
            let mut mac = Hmac::<Sha256>::new_from_slice(key).unwrap();
            mac.update(data);
            assert_eq!(hex::encode(mac.finalize().into_bytes()), expected);
        }
    }

    #[test]
    fn a_token_is_good_for_its_tenant_alone() {
        let (keys, session) = (keys(&[1]), Uuid::from_u128(9));
        let token = keys.sign(tenant(1), session).unwrap();
        assert_eq!(keys.verify(tenant(1), token.expose_secret()).unwrap(), Some(session));
        assert_eq!(keys.verify(tenant(2), token.expose_secret()).unwrap(), None);
        assert_eq!(format!("{token:?}"), "SessionToken(..)");
    }

    #[test]
    fn keys_rotate() {
        let session = Uuid::from_u128(9);
        let (old, both, new) = (keys(&[1]), keys(&[2, 1]), keys(&[2]));
        let before = old.sign(tenant(1), session).unwrap();
        let after = both.sign(tenant(1), session).unwrap();
        assert_eq!(both.verify(tenant(1), before.expose_secret()).unwrap(), Some(session));
        assert_eq!(both.verify(tenant(1), after.expose_secret()).unwrap(), Some(session));
        assert_eq!(new.verify(tenant(1), after.expose_secret()).unwrap(), Some(session));
        assert_eq!(new.verify(tenant(1), before.expose_secret()).unwrap(), None);
    }

    #[test]
    fn every_change_of_one_character_is_refused() {
        let keys = keys(&[1]);
        let token = keys.sign(tenant(1), Uuid::from_u128(0xabcd)).unwrap();
        let token = token.expose_secret();
        for at in 0..token.len() {
            for with in ["A", "0", "-", ".", "=", "z", ""] {
                let forged = format!("{}{with}{}", &token[..at], &token[at + 1..]);
                if forged != token {
                    assert_eq!(keys.verify(tenant(1), &forged).unwrap(), None, "{forged}");
                }
            }
        }
        let (id, mac) = token.split_once('.').unwrap();
        for forged in [
            id.to_owned(),
            mac.to_owned(),
            String::new(),
            ".".to_owned(),
            format!("{}.{mac}", id.to_uppercase()),
            format!("{}.{mac}", id.replace('-', "")),
            format!("{{{id}}}.{mac}"),
            format!("{token}.{mac}"),
            format!(" {token}"),
            format!("{token}="),
        ] {
            assert_eq!(keys.verify(tenant(1), &forged).unwrap(), None, "{forged}");
        }
    }
}
