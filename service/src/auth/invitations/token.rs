//! The token of an invitation.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};

use crate::auth::error::AuthError;
use crate::vocabulary::NoRandomness;

/// The token of an invitation, to be mailed: 256 random bits in base64url.
///
/// It does not print and is zeroed when dropped.
#[derive(Clone)]
pub struct InvitationToken(SecretString);

impl InvitationToken {
    pub(in crate::auth) fn generate() -> Result<Self, AuthError> {
        let mut bytes = zeroize::Zeroizing::new([0; 32]);
        getrandom::fill(&mut *bytes).map_err(|_| AuthError::from(NoRandomness))?;
        Ok(Self(URL_SAFE_NO_PAD.encode(*bytes).into()))
    }

    /// The token in clear.
    #[must_use]
    pub fn expose_secret(&self) -> &str {
        self.0.expose_secret()
    }
}

impl fmt::Debug for InvitationToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("InvitationToken(..)")
    }
}

/// The hash of a token as the database stores it. The token is long and random, so one round of SHA-256 is enough.
pub(in crate::auth) fn token_hash(token: &str) -> String {
    URL_SAFE_NO_PAD.encode(Sha256::digest(token.as_bytes()))
}
