//! Time-based one-time passwords (RFC 6238): SHA-1, 6 digits, steps of 30 s, one step of tolerance on either side.

use std::fmt;

use secrecy::{ExposeSecret, SecretSlice, SecretString};
use totp_rs::{Builder, Totp};
use watertight_schema::text::is_invisible;

use crate::auth::error::AuthError;
use crate::vocabulary::{Handle, NoRandomness};

/// The seconds for which a code is shown.
pub(in crate::auth) const STEP_SECONDS: u64 = 30;

/// The secret that an authenticator app and the server share.
///
/// It does not print and is zeroed when dropped.
///
/// ```
/// use watertight::auth::TotpSecret;
///
/// // RFC 6238, appendix B, in six digits.
/// let secret = TotpSecret::from_base32("GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ")?;
/// assert_eq!(secret.code_at(59)?, "287082");
/// assert_eq!(format!("{secret:?}"), "TotpSecret(..)");
/// # Ok::<(), watertight::Error>(())
/// ```
#[derive(Clone)]
pub struct TotpSecret(SecretSlice<u8>);

impl TotpSecret {
    /// The shortest secret, in bytes: 128 bits (RFC 4226, section 4, requirement 6).
    pub const MIN_BYTES: usize = 16;
    /// The longest secret, in bytes: one block of SHA-1.
    pub const MAX_BYTES: usize = 64;

    /// A new secret of 160 bits, as RFC 4226 recommends, from the operating system.
    ///
    /// ```
    /// use watertight::auth::TotpSecret;
    /// use watertight::secrecy::ExposeSecret;
    ///
    /// let secret = TotpSecret::generate()?;
    /// assert_eq!(secret.expose_base32().expose_secret().len(), 32);
    /// assert_eq!(secret.code_at(0)?.len(), 6);
    /// # Ok::<(), watertight::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`AuthError::NoRandomness`] when the operating system returns none.
    pub fn generate() -> Result<Self, AuthError> {
        let mut bytes = vec![0; 20];
        getrandom::fill(&mut bytes).map_err(|_| AuthError::from(NoRandomness))?;
        Ok(Self(bytes.into()))
    }

    /// Takes a secret.
    ///
    /// ```
    /// use watertight::auth::{AuthError, TotpSecret};
    ///
    /// // The secret of RFC 6238, appendix B.
    /// let secret = TotpSecret::from_bytes(b"12345678901234567890".to_vec())?;
    /// assert_eq!(secret.code_at(1_111_111_109)?, "081804");
    /// assert!(matches!(TotpSecret::from_bytes(vec![7; 10]), Err(AuthError::InvalidSecret { .. })));
    /// # Ok::<(), AuthError>(())
    /// ```
    ///
    /// # Errors
    /// [`AuthError::InvalidSecret`] when it has under 16 bytes or over 64.
    pub fn from_bytes(bytes: impl Into<SecretSlice<u8>>) -> Result<Self, AuthError> {
        let bytes = bytes.into();
        let refuse = |reason| Err(AuthError::InvalidSecret { what: "TOTP secret", reason });
        match bytes.expose_secret().len() {
            0..Self::MIN_BYTES => refuse("is shorter than 16 bytes; enroll again with a longer secret"),
            Self::MIN_BYTES..=Self::MAX_BYTES => Ok(Self(bytes)),
            _ => refuse("is longer than 64 bytes; enroll again with a shorter secret"),
        }
    }

    /// Reads a secret that was stored before, of any length: the limits are for new secrets.
    pub(in crate::auth) fn from_stored(text: &str) -> Result<Self, AuthError> {
        let bytes = decode(text)?;
        if bytes.expose_secret().is_empty() {
            return Err(AuthError::Undecryptable { reason: "does not contain a base32 secret" });
        }
        Ok(Self(bytes))
    }

    /// Reads a secret in base32 (RFC 4648), in either case, with or without padding, spaces and dashes.
    ///
    /// ```
    /// use watertight::auth::TotpSecret;
    /// use watertight::secrecy::ExposeSecret;
    ///
    /// // As apps show a secret for typing.
    /// let secret = TotpSecret::from_base32("gezd gnbv gy3t qojq gezd gnbv gy3t qojq")?;
    /// assert_eq!(secret.expose_base32().expose_secret(), "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ");
    /// assert!(TotpSecret::from_base32("0189").is_err());
    /// # Ok::<(), watertight::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`AuthError::InvalidSecret`] when it is not base32, or too short or too long.
    pub fn from_base32(text: &str) -> Result<Self, AuthError> {
        Self::from_bytes(decode(text)?)
    }

    /// The secret in clear, in base32 without padding.
    #[must_use]
    pub fn expose_base32(&self) -> SecretString {
        totp_rs::Secret::from(self.0.expose_secret()).to_base32().into()
    }

    /// The code at a time, in seconds since 1970.
    ///
    /// # Errors
    /// None that can happen.
    pub fn code_at(&self, unix_seconds: u64) -> Result<String, AuthError> {
        Ok(self.reader().generate(unix_seconds).to_string())
    }

    /// The step that a code is right for, at a time in seconds since 1970: the current one, the one before or the one
    /// after. Compared in constant time. White space, dashes and invisible characters in the code are left out.
    pub(in crate::auth) fn matching_step(&self, code: &str, unix_seconds: u64) -> Option<u64> {
        let code: SecretString = code.chars().filter(|c| !is_separator(*c)).collect::<String>().into();
        self.reader().check(code.expose_secret(), unix_seconds)
    }

    /// The `otpauth` URI that apps read, in Google Authenticator's key URI format.
    pub(in crate::auth) fn uri(&self, issuer: &str, account: &Handle) -> Result<SecretString, AuthError> {
        let builder = self.builder().with_issuer(Some(issuer)).with_account_name(account.as_str());
        self.totp(builder)?.to_url().map(Into::into).map_err(|_| unusable())
    }

    fn builder(&self) -> Builder {
        Builder::new().with_skew(1).with_step_duration(STEP_SECONDS).with_secret(self.0.expose_secret())
    }

    /// Computes codes without the checks of new secrets: a stored secret can be shorter.
    fn reader(&self) -> Totp {
        self.builder().build_noncompliant()
    }

    #[allow(clippy::unused_self, reason = "a method reads better than a function")]
    fn totp(&self, builder: Builder) -> Result<Totp, AuthError> {
        builder.build().map_err(|_| unusable())
    }
}

/// The bytes of a typed or stored secret.
fn decode(text: &str) -> Result<SecretSlice<u8>, AuthError> {
    let kept = text.chars().filter(|c| !is_separator(*c) && *c != '=');
    let plain: SecretString = kept.map(|c| c.to_ascii_uppercase()).collect::<String>().into();
    let secret = totp_rs::Secret::try_from_base32(plain.expose_secret())
        .map_err(|_| AuthError::InvalidSecret { what: "TOTP secret", reason: "is not base32" })?;
    Ok(secret.as_ref().to_vec().into())
}

/// Returns true for characters that group a typed code or come with a pasted one.
fn is_separator(c: char) -> bool {
    c.is_whitespace() || is_invisible(c) || c == '-'
}

fn unusable() -> AuthError {
    AuthError::InvalidSecret { what: "TOTP secret", reason: "cannot be used with this issuer and account" }
}

impl fmt::Debug for TotpSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TotpSecret(..)")
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn rfc() -> TotpSecret {
        TotpSecret::from_bytes(b"12345678901234567890".to_vec()).unwrap()
    }

    /// RFC 6238, appendix B: the last six of the eight digits of the rows for SHA-1.
    #[test]
    fn rfc_6238() {
        for (time, code) in [
            (59, "287082"),
            (1_111_111_109, "081804"),
            (1_111_111_111, "050471"),
            (1_234_567_890, "005924"),
            (2_000_000_000, "279037"),
            (20_000_000_000, "353130"),
        ] {
            assert_eq!(rfc().code_at(time).unwrap(), code);
            assert_eq!(rfc().matching_step(code, time), Some(time / STEP_SECONDS));
        }
    }

    #[test]
    fn a_code_is_right_one_step_either_side_and_no_further() {
        let secret = rfc();
        for now in [0, 29, 30, 45, 1_111_111_111] {
            let step = now / STEP_SECONDS;
            for other in step.saturating_sub(4)..step + 5 {
                let code = secret.code_at(other * STEP_SECONDS).unwrap();
                let right = other.abs_diff(step) <= 1;
                assert_eq!(secret.matching_step(&code, now), right.then_some(other), "{now} {other}");
            }
        }
        assert_eq!(secret.matching_step("287 082", 59), Some(1));
        for code in ["", "28708", "2870822", "+87082", "28708a", "２８７０８２"] {
            assert_eq!(secret.matching_step(code, 59), None, "{code}");
        }
    }

    /// 80 bits are the default of otplib, and oathtool computes the same code.
    #[test]
    fn stored_secrets_have_any_length() {
        let secret = TotpSecret::from_stored("GEZDGNBVGY3TQOJQ").unwrap();
        let code = secret.code_at(59).unwrap();
        assert_eq!(secret.matching_step(&code, 59), Some(1));
        assert_eq!(secret.expose_base32().expose_secret(), "GEZDGNBVGY3TQOJQ");
        assert!(TotpSecret::from_stored(&"GEZDGNBV".repeat(40)).unwrap().code_at(59).is_ok());
        for text in ["", "====", "not base32!"] {
            assert!(TotpSecret::from_stored(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_code_is_right_however_it_was_pasted() {
        for code in ["287-082", "\u{feff}287\u{200b}082\u{a0}", "287\u{2009}082"] {
            assert_eq!(rfc().matching_step(code, 59), Some(1), "{code}");
        }
    }

    #[test]
    fn secrets_are_between_128_and_512_bits() {
        assert!(TotpSecret::from_bytes(vec![1; 15]).is_err());
        assert!(TotpSecret::from_bytes(vec![1; 16]).is_ok());
        assert!(TotpSecret::from_bytes(vec![1; 65]).is_err());
        assert!(TotpSecret::from_base32("not base32!").is_err());
        assert!(TotpSecret::from_base32("GEZD-GNBV-GY3T-QOJQ-GEZD-GNBV-GY3T-QOJQ").is_ok());
        let secret = TotpSecret::generate().unwrap();
        let again = TotpSecret::from_base32(&secret.expose_base32().expose_secret().to_lowercase()).unwrap();
        assert_eq!(secret.code_at(59).unwrap(), again.code_at(59).unwrap());
    }
}
