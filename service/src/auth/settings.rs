//! How authentication behaves.

use std::any::{Any, TypeId};
use std::num::NonZero;
use std::sync::LazyLock;
use std::thread::available_parallelism;
use std::time::Duration;

use super::hasher::Hasher;
use super::sealing::EncryptionKeys;
use super::token::SigningKeys;
use crate::auth::AuthError;
use crate::vocabulary::InvalidInput;
use crate::vocabulary::text;

const DAY: Duration = Duration::from_hours(24);

/// When failures to log in lock an account, and for how long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lockout {
    /// How many failures lock the account; 5 by default.
    pub failures: u32,
    /// The failures have to follow one another within this time; 15 minutes by default.
    pub window: Duration,
    /// How long the account stays locked; 15 minutes by default.
    pub duration: Duration,
}

impl Default for Lockout {
    fn default() -> Self {
        let quarter = Duration::from_mins(15);
        Self { failures: 5, window: quarter, duration: quarter }
    }
}

/// How authentication behaves, for [`Builder::auth`](crate::Builder::auth).
///
/// ```
/// use std::time::Duration;
/// use watertight::auth::{AuthSettings, EncryptionKeys, SigningKeys};
///
/// # let (cookie_key, totp_passphrase) = (vec![7_u8; 32], "long and random".to_owned());
/// let settings = AuthSettings::default()
///     .signing_keys(SigningKeys::new([cookie_key])?)
///     .encryption_keys(EncryptionKeys::new([totp_passphrase])?)
///     .issuer("Harbour Clinic")
///     .session_age(Duration::from_secs(12 * 60 * 60));
/// # Ok::<(), watertight::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct AuthSettings {
    signing_keys: Option<SigningKeys>,
    encryption_keys: Option<EncryptionKeys>,
    issuer: String,
    session_age: Duration,
    renewal_threshold: Duration,
    enrolment_age: Duration,
    lockout: Option<Lockout>,
    bcrypt_cost: u32,
    slowest_bcrypt_cost: Option<u32>,
    concurrent_hashes: usize,
    backup_codes: usize,
}

impl Default for AuthSettings {
    fn default() -> Self {
        Self {
            signing_keys: None,
            encryption_keys: None,
            issuer: "watertight".to_owned(),
            session_age: 7 * DAY,
            renewal_threshold: DAY,
            enrolment_age: Duration::from_mins(10),
            lockout: Some(Lockout::default()),
            bcrypt_cost: bcrypt::DEFAULT_COST,
            slowest_bcrypt_cost: None,
            concurrent_hashes: available_parallelism().map_or(1, NonZero::get),
            backup_codes: 10,
        }
    }
}

impl AuthSettings {
    /// The keys that sign session tokens. Without them no one logs in.
    #[must_use]
    pub fn signing_keys(mut self, keys: SigningKeys) -> Self {
        self.signing_keys = Some(keys);
        self
    }

    /// The passphrases that TOTP secrets are encrypted under. Without them there is no second factor.
    #[must_use]
    pub fn encryption_keys(mut self, keys: EncryptionKeys) -> Self {
        self.encryption_keys = Some(keys);
        self
    }

    /// What authenticator apps show beside the handle: the application's name. Not empty, without `:`.
    #[must_use]
    pub fn issuer(mut self, issuer: impl Into<String>) -> Self {
        self.issuer = issuer.into();
        self
    }

    /// How long a session lives; 7 days by default.
    #[must_use]
    pub const fn session_age(mut self, age: Duration) -> Self {
        self.session_age = age;
        self
    }

    /// A session with less than this to live is renewed; 24 hours by default.
    #[must_use]
    pub const fn renewal_threshold(mut self, threshold: Duration) -> Self {
        self.renewal_threshold = threshold;
        self
    }

    /// How long a second factor may take to be confirmed; 10 minutes by default.
    #[must_use]
    pub const fn enrolment_age(mut self, age: Duration) -> Self {
        self.enrolment_age = age;
        self
    }

    /// When failures lock an account; `None` for never.
    #[must_use]
    pub const fn lockout(mut self, lockout: Option<Lockout>) -> Self {
        self.lockout = lockout;
        self
    }

    /// The cost of bcrypt, 4 to 31; 12 by default. One more takes twice as long. Hashes of less are made anew when
    /// their users log in.
    #[must_use]
    pub const fn bcrypt_cost(mut self, cost: u32) -> Self {
        self.bcrypt_cost = cost;
        self
    }

    /// The highest cost among the stored hashes; [`bcrypt_cost`](Self::bcrypt_cost) by default. Set it when that was
    /// lowered, or when hashes of a higher cost were imported.
    ///
    /// Every login takes as long as a hash of this cost, for an unknown user and for a cheap hash too. A hash of a higher
    /// cost takes longer, which reveals its account.
    ///
    /// ```
    /// use watertight::auth::AuthSettings;
    ///
    /// let settings = AuthSettings::default().bcrypt_cost(12).slowest_bcrypt_cost(13);
    /// ```
    #[must_use]
    pub const fn slowest_bcrypt_cost(mut self, cost: u32) -> Self {
        self.slowest_bcrypt_cost = Some(cost);
        self
    }

    /// How many hashes are computed at a time, on blocking threads; as many as the machine has cores by default.
    #[must_use]
    pub const fn concurrent_hashes(mut self, limit: usize) -> Self {
        self.concurrent_hashes = limit;
        self
    }

    /// How many backup codes a set has, 1 to 20; 10 by default.
    #[must_use]
    pub const fn backup_codes(mut self, count: usize) -> Self {
        self.backup_codes = count;
        self
    }

    fn check(&self) -> Result<(), InvalidInput> {
        let refuse =
            |what, value: String, reason: &str| Err(InvalidInput { what, value, reason: reason.to_owned() });
        text::check("issuer", &self.issuer, 128)?;
        if self.issuer.trim().is_empty() || self.issuer.contains(':') {
            return refuse(
                "issuer",
                self.issuer.clone(),
                "is empty or holds a colon; give the application's name",
            );
        }
        let lockout = self.lockout.unwrap_or_default();
        for (what, span) in [
            ("session_age", self.session_age),
            ("enrolment_age", self.enrolment_age),
            ("lockout.window", lockout.window),
            ("lockout.duration", lockout.duration),
        ] {
            if span < Duration::from_secs(1) || span > 3650 * DAY {
                return refuse(what, format!("{span:?}"), "is not between a second and ten years");
            }
        }
        if self.renewal_threshold > self.session_age {
            let value = format!("{:?}", self.renewal_threshold);
            return refuse("renewal_threshold", value, "is longer than a session lives; give less");
        }
        if lockout.failures == 0 {
            return refuse(
                "lockout.failures",
                "0".into(),
                "locks everyone out; give at least 1, or no lockout",
            );
        }
        if !(4..=31).contains(&self.bcrypt_cost) {
            return refuse("bcrypt_cost", self.bcrypt_cost.to_string(), "is not between 4 and 31");
        }
        if let Some(slowest) = self.slowest_bcrypt_cost
            && !(self.bcrypt_cost..=31).contains(&slowest)
        {
            return refuse(
                "slowest_bcrypt_cost",
                slowest.to_string(),
                "is not between bcrypt_cost and 31; give the highest cost among the stored hashes",
            );
        }
        if !(1..=1024).contains(&self.concurrent_hashes) {
            return refuse(
                "concurrent_hashes",
                self.concurrent_hashes.to_string(),
                "is not between 1 and 1024",
            );
        }
        if !(1..=super::BackupCodes::MAX).contains(&self.backup_codes) {
            return refuse("backup_codes", self.backup_codes.to_string(), "is not between 1 and 20");
        }
        Ok(())
    }
}

/// The settings, checked, and what they make: shared by all tenants.
#[derive(Debug)]
pub(crate) struct AuthConfig {
    pub(super) hasher: Hasher,
    settings: AuthSettings,
}

/// The settings of a builder that was given none.
static UNCONFIGURED: LazyLock<AuthConfig> = LazyLock::new(AuthConfig::default);

impl AuthConfig {
    /// The settings that the builder stored.
    pub(crate) fn of<'a>(extension: impl FnOnce(TypeId) -> Option<&'a (dyn Any + Send + Sync)>) -> &'a Self {
        extension(TypeId::of::<Self>()).and_then(|value| value.downcast_ref()).unwrap_or(&UNCONFIGURED)
    }

    pub(crate) fn new(settings: AuthSettings) -> Result<Self, AuthError> {
        settings.check()?;
        Ok(Self::unchecked(settings))
    }

    fn unchecked(settings: AuthSettings) -> Self {
        let hasher = Hasher::new(
            settings.bcrypt_cost,
            settings.slowest_bcrypt_cost.unwrap_or(settings.bcrypt_cost),
            settings.concurrent_hashes,
        );
        Self { hasher, settings }
    }

    pub(crate) fn hashing_metrics(&self) -> super::HashingMetrics {
        self.hasher.metrics()
    }

    pub(super) fn signing_keys(&self) -> Result<&SigningKeys, AuthError> {
        self.settings.signing_keys.as_ref().ok_or(AuthError::NotConfigured { what: "signing_keys" })
    }

    pub(super) fn encryption_keys(&self) -> Result<EncryptionKeys, AuthError> {
        self.settings.encryption_keys.clone().ok_or(AuthError::NotConfigured { what: "encryption_keys" })
    }

    pub(super) fn issuer(&self) -> &str {
        &self.settings.issuer
    }

    pub(super) const fn session_age(&self) -> Duration {
        self.settings.session_age
    }

    pub(super) const fn renewal_threshold(&self) -> Duration {
        self.settings.renewal_threshold
    }

    pub(super) const fn enrolment_age(&self) -> Duration {
        self.settings.enrolment_age
    }

    pub(super) const fn lockout(&self) -> Option<Lockout> {
        self.settings.lockout
    }

    pub(super) const fn backup_codes(&self) -> usize {
        self.settings.backup_codes
    }
}

impl Default for AuthConfig {
    fn default() -> Self {
        Self::unchecked(AuthSettings::default())
    }
}
