//! Codes that only the tenant keys can compute, for values that leave the database: jobs and channels.

use hmac::{Hmac, KeyInit, Mac};
use sea_orm::DbErr;
use sha2::{Digest, Sha256};
use watertight_schema::TenantKey;

use super::signing::TenantSigner;

/// What a code is computed for. The codes of one purpose mean nothing for another, nor for the token of a tenant.
#[derive(Clone, Copy)]
pub(super) enum Purpose {
    Job,
    Channel,
}

impl Purpose {
    const fn prefix(self) -> &'static [u8] {
        match self {
            Self::Job => b"watertight job:",
            Self::Channel => b"watertight channel:",
        }
    }
}

/// The bytes of several parts, each after its length, so that no other parts have the same bytes.
pub(super) fn joined(parts: &[&str]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for part in parts {
        bytes.extend_from_slice(&(part.len() as u64).to_be_bytes());
        bytes.extend_from_slice(part.as_bytes());
    }
    bytes
}

impl TenantSigner {
    /// The code of parts under the key that signs, with the ID of the key. `None` without keys.
    pub(super) fn seal(&self, purpose: Purpose, parts: &[&str]) -> Result<Option<(i16, [u8; 32])>, DbErr> {
        let Some(key) = self.keys().first() else { return Ok(None) };
        Ok(Some((key.id(), mac(key, purpose, parts)?.finalize().into_bytes().into())))
    }

    /// Compares a code with that of the parts under a key, in constant time. `None` without the key.
    pub(super) fn is_sealed(
        &self,
        key: i16,
        purpose: Purpose,
        parts: &[&str],
        code: &[u8],
    ) -> Result<Option<bool>, DbErr> {
        let Some(key) = self.keys().iter().find(|known| known.id() == key) else { return Ok(None) };
        Ok(Some(mac(key, purpose, parts)?.verify_slice(code).is_ok()))
    }

    /// The codes of parts under every key, that of the signing key first. Without keys it is one hash without a key.
    pub(super) fn codes(&self, purpose: Purpose, parts: &[&str]) -> Result<Vec<[u8; 32]>, DbErr> {
        if self.keys().is_empty() {
            let hash = Sha256::new().chain_update(purpose.prefix()).chain_update(joined(parts));
            return Ok(vec![hash.finalize().into()]);
        }
        self.keys().iter().map(|key| Ok(mac(key, purpose, parts)?.finalize().into_bytes().into())).collect()
    }
}

fn mac(key: &TenantKey, purpose: Purpose, parts: &[&str]) -> Result<Hmac<Sha256>, DbErr> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key.secret())
        .map_err(|_| DbErr::Custom("the tenant key cannot be used for HMAC-SHA256".to_owned()))?;
    mac.update(purpose.prefix());
    mac.update(&joined(parts));
    Ok(mac)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn signer(text: &str) -> TenantSigner {
        TenantSigner::Signed(text.parse().unwrap())
    }

    #[test]
    fn parts_are_told_apart_by_their_lengths() {
        assert_ne!(joined(&["ab", "c"]), joined(&["a", "bc"]));
        assert_ne!(joined(&["a"]), joined(&["a", ""]));
    }

    #[test]
    fn a_code_depends_on_key_purpose_and_every_part() {
        let (one, two) = (format!("1:{}", "5a".repeat(32)), format!("2:{}", "a5".repeat(32)));
        let (both, old) = (signer(&format!("{two},{one}")), signer(&one));
        let (id, code) = both.seal(Purpose::Job, &["a", "b"]).unwrap().unwrap();
        assert_eq!(id, 2);
        assert_eq!(both.is_sealed(2, Purpose::Job, &["a", "b"], &code).unwrap(), Some(true));
        for (key, purpose, parts, code) in [
            (1, Purpose::Job, ["a", "b"], &code[..]),
            (2, Purpose::Channel, ["a", "b"], &code[..]),
            (2, Purpose::Job, ["a", "c"], &code[..]),
            (2, Purpose::Job, ["a", "b"], &code[..31]),
            (2, Purpose::Job, ["a", "b"], &[][..]),
        ] {
            assert_eq!(both.is_sealed(key, purpose, &parts, code).unwrap(), Some(false));
        }
        assert_eq!(old.is_sealed(2, Purpose::Job, &["a", "b"], &code).unwrap(), None);
        assert!(TenantSigner::Unsigned.seal(Purpose::Job, &[]).unwrap().is_none());
        // Who has both keys hears who signs with the old one.
        let heard = both.codes(Purpose::Channel, &["a"]).unwrap();
        assert!(heard.contains(&old.codes(Purpose::Channel, &["a"]).unwrap()[0]));
    }
}
