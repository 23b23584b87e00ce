//! Backup codes: one-time codes for a user whose second factor is not at hand.

use std::fmt;

use chrono::{DateTime, Utc};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use uuid::Uuid;
use watertight_schema::text as typed;

use crate::auth::error::AuthError;
use crate::vocabulary::code::CodeFormat;
use crate::vocabulary::text;
use crate::vocabulary::{InvalidInput, NoRandomness};

/// `XXXX-XXXX`
const CODE: CodeFormat = CodeFormat::new(2, 4);

/// A set of backup codes in clear, `XXXX-XXXX` each, to be shown once. It does not print.
///
/// ```
/// use watertight::auth::BackupCodes;
///
/// let codes = BackupCodes::generate(10)?;
/// assert_eq!(codes.expose_secrets().count(), 10);
/// assert_eq!(format!("{codes:?}"), "BackupCodes(10)");
/// # Ok::<(), watertight::Error>(())
/// ```
#[derive(Clone)]
pub struct BackupCodes(Vec<SecretString>);

impl BackupCodes {
    /// The most codes of a set: each takes a hash to try.
    pub const MAX: usize = 20;

    /// New codes of 40 bits each, from the operating system.
    ///
    /// ```
    /// use watertight::auth::{AuthError, BackupCodes};
    ///
    /// let codes = BackupCodes::generate(8)?;
    /// let page: String = codes.expose_secrets().map(|code| format!("<li>{code}</li>")).collect();
    /// assert_eq!(page.len(), 8 * "<li>ABCD-2345</li>".len());
    /// assert!(matches!(BackupCodes::generate(0), Err(AuthError::InvalidInput(_))));
    /// # Ok::<(), AuthError>(())
    /// ```
    ///
    /// # Errors
    /// [`AuthError::InvalidInput`] for a count of 0 or more than 20, [`AuthError::NoRandomness`] when the operating
    /// system gives none.
    pub fn generate(count: usize) -> Result<Self, AuthError> {
        check_count(count)?;
        let codes = (0..count).map(|_| CODE.generate().map(Into::into));
        Ok(Self(codes.collect::<Result<_, _>>()?))
    }

    /// Takes codes that were generated elsewhere.
    ///
    /// ```
    /// use watertight::Tenant;
    /// use watertight::auth::{AuthError, BackupCodes};
    ///
    /// /// Keeps the printed codes of a user valid.
    /// async fn import(tenant: &impl Tenant, user: uuid::Uuid, printed: &[&str]) -> Result<(), AuthError> {
    ///     let codes = BackupCodes::new(printed.iter().copied())?;
    ///     tenant.auth().backup_codes().save(user, &codes).await
    /// }
    ///
    /// assert!(BackupCodes::new(["ABCD-2345", "WXYZ-6789"]).is_ok());
    /// assert!(matches!(BackupCodes::new(["2345"]), Err(AuthError::InvalidSecret { .. })));
    /// ```
    ///
    /// # Errors
    /// [`AuthError::InvalidInput`] for no codes or more than 20, [`AuthError::InvalidSecret`] for one of under 8 or over 64
    /// characters.
    pub fn new<C: Into<SecretString>>(codes: impl IntoIterator<Item = C>) -> Result<Self, AuthError> {
        let codes: Vec<SecretString> = codes.into_iter().map(Into::into).collect();
        check_count(codes.len())?;
        for code in &codes {
            let length = normal_form(code.expose_secret()).expose_secret().chars().count();
            if !(8..=64).contains(&length) {
                let reason = "has fewer than 8 or more than 64 characters; write it as XXXX-XXXX";
                return Err(AuthError::InvalidSecret { what: "backup code", reason });
            }
        }
        Ok(Self(codes))
    }

    /// The codes in clear.
    pub fn expose_secrets(&self) -> impl ExactSizeIterator<Item = &str> {
        self.0.iter().map(ExposeSecret::expose_secret)
    }

    /// Hashes the codes. Slow: a hash each.
    pub(in crate::auth) fn hash(&self, cost: u32) -> Result<Vec<StoredCode>, AuthError> {
        let hash = |code: &SecretString| {
            let hash = bcrypt::hash(normal_form(code.expose_secret()).expose_secret(), cost)
                .map_err(|_| AuthError::from(NoRandomness))?;
            Ok(StoredCode { id: Uuid::new_v4().to_string(), hash, used: false, used_at: None })
        };
        self.0.iter().map(hash).collect()
    }
}

fn check_count(count: usize) -> Result<(), InvalidInput> {
    if (1..=BackupCodes::MAX).contains(&count) {
        return Ok(());
    }
    let reason = format!("is not between 1 and {}", BackupCodes::MAX);
    Err(InvalidInput { what: "number of backup codes", value: count.to_string(), reason })
}

impl fmt::Debug for BackupCodes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "BackupCodes({})", self.0.len())
    }
}

/// The hashed form of a code: in upper case, without dashes and white space.
fn normal_form(code: &str) -> SecretString {
    let kept = code.chars().filter(|c| *c != '-' && !c.is_whitespace());
    kept.flat_map(char::to_uppercase).collect::<String>().into()
}

/// The hashed forms that a typed code can have: as it was hashed before, then without what a printer, an email or a
/// keyboard of another alphabet adds.
fn typed_forms(code: &str) -> Vec<SecretString> {
    let (exact, plain) = (normal_form(code), normal_form(&typed::code(code)));
    let latin: SecretString = typed::similar_letters(plain.expose_secret()).into();
    let mut forms: Vec<SecretString> = vec![exact];
    for form in [plain, latin] {
        if forms.iter().all(|known| known.expose_secret() != form.expose_secret()) {
            forms.push(form);
        }
    }
    forms
}

/// One code as stored in the column `codes`, in the form of tinyland-auth-pg 0.2.
#[derive(Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(in crate::auth) struct StoredCode {
    pub(in crate::auth) id: String,
    /// bcrypt, or SHA-256 in hexadecimal as the original system wrote it.
    pub(in crate::auth) hash: String,
    pub(in crate::auth) used: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(in crate::auth) used_at: Option<DateTime<Utc>>,
}

impl StoredCode {
    fn verifies(&self, normal: &SecretString) -> bool {
        let normal = normal.expose_secret();
        match hex::decode(&self.hash) {
            Ok(hash) => Sha256::digest(normal.as_bytes()).ct_eq(hash.as_slice()).into(),
            Err(_) => bcrypt::verify(normal, &self.hash).unwrap_or(false),
        }
    }
}

/// The code of a set that was typed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::auth) struct Found {
    pub(in crate::auth) id: String,
    pub(in crate::auth) used: bool,
}

/// The code of the set that was typed, an unused one first. Slow: all are tried, so the duration reveals neither which
/// one matches nor how many are used.
pub(in crate::auth) fn find(codes: &[StoredCode], typed: &str) -> Option<Found> {
    let mut forms = typed_forms(typed);
    // Nothing that no code looks like is worth the hashes.
    forms.retain(|form| text::check_word("backup code", form.expose_secret(), 64).is_ok());
    let tried = |code: &&StoredCode| forms.iter().fold(false, |right, form| code.verifies(form) | right);
    let mut matching: Vec<_> = codes.iter().filter(tried).collect();
    matching.sort_by_key(|code| code.used);
    matching.first().map(|code| Found { id: code.id.clone(), used: code.used })
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn codes_are_four_and_four_and_differ() {
        let codes = BackupCodes::generate(20).unwrap();
        for code in codes.expose_secrets() {
            let (left, right) = code.split_once('-').unwrap();
            for part in [left, right] {
                assert_eq!(part.len(), 4);
                assert!(!part.contains(['0', 'O', '1', 'I']), "{part}");
            }
        }
        let distinct: std::collections::HashSet<_> = codes.expose_secrets().collect();
        assert_eq!(distinct.len(), 20);
        assert!(BackupCodes::generate(0).is_err());
        assert!(BackupCodes::generate(21).is_err());
        assert!(BackupCodes::new(["SHORT"]).is_err());
    }

    #[test]
    fn a_code_is_found_however_it_is_typed() {
        let codes = BackupCodes::new(["ABCD-2345", "WXYZ-6789"]).unwrap();
        let mut stored = codes.hash(4).unwrap();
        for typed in ["ABCD-2345", "abcd2345", " ab cd-23 45 "] {
            let first = stored.first().map(|code| Found { id: code.id.clone(), used: false });
            assert_eq!(find(&stored, typed), first, "{typed}");
        }
        for typed in [
            "ABCD\u{2013}2345",
            "ABCD\u{200b}2345",
            "\u{ff21}\u{ff22}\u{ff23}\u{ff24}2345",
            "\u{410}\u{412}\u{421}D2345",
        ] {
            assert!(find(&stored, typed).is_some(), "{typed}");
        }
        for typed in ["", "ABCD-2346", "ABCD", "\0", &"A".repeat(1000)] {
            assert_eq!(find(&stored, typed), None, "{typed}");
        }
        stored.first_mut().unwrap().used = true;
        assert!(find(&stored, "ABCD-2345").is_some_and(|found| found.used));
    }

    #[test]
    fn the_originals_hashes_are_read() {
        // SHA-256 of ABCD2345.
        let hash = "a00d76646eba91b057841554d5c8334f498dc592ed744bce404f21fe271cd36e";
        let stored =
            |hash: &str| vec![StoredCode { id: "1".into(), hash: hash.into(), used: false, used_at: None }];
        assert_eq!(find(&stored(hash), "abcd-2345").map(|found| found.id).as_deref(), Some("1"));
        assert!(find(&stored(&hash.to_uppercase()), "abcd-2345").is_some());
        assert_eq!(find(&stored(hash), "abcd-2346"), None);
        assert_eq!(find(&stored("no hash at all"), "abcd-2345"), None);
    }
}
