//! Settings of authentication.

mod check;
pub(in crate::auth) mod config;
pub(in crate::auth) mod lockout;

use std::num::NonZero;
use std::thread::available_parallelism;
use std::time::Duration;

use crate::auth::addresses::storage::AddressStorage;
use crate::auth::audit::sink::AuditSink;
use crate::auth::second_factor::sealing::EncryptionKeys;
use crate::auth::sessions::token::SigningKeys;
use crate::auth::settings::lockout::Lockout;

const DAY: Duration = Duration::from_hours(24);

/// Settings of authentication, for [`Builder::auth`](crate::Builder::auth).
///
/// ```
/// use std::time::Duration;
/// use watertight::auth::{AuthSettings, EncryptionKeys, SigningKeys};
///
/// # let (cookie_key, totp_passphrase) = (vec![7_u8; 32], "long and random".to_owned());
/// let settings = AuthSettings::default()
///     .signing_keys(SigningKeys::new([cookie_key])?)
///     .encryption_keys(EncryptionKeys::new([totp_passphrase])?)
///     .issuer("Harbor Street Clinic")
///     .session_age(Duration::from_hours(12));
/// # Ok::<(), watertight::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct AuthSettings {
    pub(in crate::auth) signing_keys: Option<SigningKeys>,
    pub(in crate::auth) encryption_keys: Option<EncryptionKeys>,
    pub(in crate::auth) issuer: String,
    pub(in crate::auth) session_age: Duration,
    pub(in crate::auth) renewal_threshold: Duration,
    pub(in crate::auth) enrollment_age: Duration,
    pub(in crate::auth) lockout: Option<Lockout>,
    pub(in crate::auth) bcrypt_cost: u32,
    pub(in crate::auth) slowest_bcrypt_cost: Option<u32>,
    pub(in crate::auth) concurrent_hashes: usize,
    pub(in crate::auth) hashing_queue: usize,
    pub(in crate::auth) backup_codes: usize,
    pub(in crate::auth) address_storage: AddressStorage,
    pub(in crate::auth) sessions_per_user: Option<u32>,
    pub(in crate::auth) audit_sink: Option<AuditSink>,
}

impl Default for AuthSettings {
    fn default() -> Self {
        Self {
            signing_keys: None,
            encryption_keys: None,
            issuer: "watertight".to_owned(),
            session_age: 7 * DAY,
            renewal_threshold: DAY,
            enrollment_age: Duration::from_mins(10),
            lockout: Some(Lockout::default()),
            bcrypt_cost: bcrypt::DEFAULT_COST,
            slowest_bcrypt_cost: None,
            concurrent_hashes: available_parallelism().map_or(1, NonZero::get),
            hashing_queue: 64,
            backup_codes: 10,
            address_storage: AddressStorage::Full,
            sessions_per_user: None,
            audit_sink: None,
        }
    }
}

impl AuthSettings {
    /// The keys that sign session tokens. Logins need them.
    ///
    /// ```
    /// use watertight::auth::{AuthSettings, SigningKeys};
    ///
    /// # let (new_key, old_key) = (vec![7_u8; 32], vec![8_u8; 32]);
    /// // New sessions use the new key. Sessions of the old key remain valid.
    /// let settings = AuthSettings::default().signing_keys(SigningKeys::new([new_key, old_key])?);
    /// # Ok::<(), watertight::Error>(())
    /// ```
    #[must_use]
    pub fn signing_keys(mut self, keys: SigningKeys) -> Self {
        self.signing_keys = Some(keys);
        self
    }

    /// The passphrases that TOTP secrets are encrypted under. A second factor needs them.
    ///
    /// ```
    /// use watertight::auth::{AuthSettings, EncryptionKeys};
    ///
    /// # let (new_passphrase, old_passphrase) = ("the new one, long and random", "the old one");
    /// // New secrets are encrypted with the first passphrase. Older secrets can still be read.
    /// let keys = EncryptionKeys::new([new_passphrase, old_passphrase])?;
    /// let settings = AuthSettings::default().encryption_keys(keys);
    /// # Ok::<(), watertight::Error>(())
    /// ```
    #[must_use]
    pub fn encryption_keys(mut self, keys: EncryptionKeys) -> Self {
        self.encryption_keys = Some(keys);
        self
    }

    /// The application's name, which authenticator apps show beside the handle. Not empty, without `:`.
    ///
    /// ```
    /// use watertight::auth::AuthSettings;
    ///
    /// // The app lists the account as "Harbor Street Clinic", with the handle.
    /// let settings = AuthSettings::default().issuer("Harbor Street Clinic");
    /// ```
    #[must_use]
    pub fn issuer(mut self, issuer: impl Into<String>) -> Self {
        self.issuer = issuer.into();
        self
    }

    /// The lifetime of a session; 7 days by default.
    ///
    /// ```
    /// use std::time::Duration;
    /// use watertight::auth::AuthSettings;
    ///
    /// // A working day. A threshold longer than the lifetime is refused.
    /// let settings = AuthSettings::default()
    ///     .session_age(Duration::from_hours(10))
    ///     .renewal_threshold(Duration::from_hours(1));
    /// ```
    #[must_use]
    pub const fn session_age(mut self, age: Duration) -> Self {
        self.session_age = age;
        self
    }

    /// A session with less than this to live is renewed; 24 hours by default.
    ///
    /// ```
    /// use std::time::Duration;
    /// use watertight::auth::AuthSettings;
    ///
    /// // A session of 7 days is renewed from its fourth day on.
    /// let settings = AuthSettings::default().renewal_threshold(Duration::from_hours(4 * 24));
    /// // No session is renewed.
    /// let settings = AuthSettings::default().renewal_threshold(Duration::ZERO);
    /// ```
    #[must_use]
    pub const fn renewal_threshold(mut self, threshold: Duration) -> Self {
        self.renewal_threshold = threshold;
        self
    }

    /// The time limit for the confirmation of a second factor; 10 minutes by default.
    ///
    /// ```
    /// use std::time::Duration;
    /// use watertight::auth::AuthSettings;
    ///
    /// // Time to install an authenticator app first.
    /// let settings = AuthSettings::default().enrollment_age(Duration::from_mins(30));
    /// ```
    #[must_use]
    pub const fn enrollment_age(mut self, age: Duration) -> Self {
        self.enrollment_age = age;
        self
    }

    /// The failures that lock an account; `None` to lock none.
    ///
    /// ```
    /// use std::time::Duration;
    /// use watertight::auth::{AuthSettings, Lockout};
    ///
    /// // Ten failures, each within 15 minutes of the one before, lock the account for an hour.
    /// let lockout = Lockout { failures: 10, duration: Duration::from_hours(1), ..Lockout::default() };
    /// let settings = AuthSettings::default().lockout(Some(lockout));
    /// // A proxy limits the attempts, so no account is locked.
    /// let settings = AuthSettings::default().lockout(None);
    /// ```
    #[must_use]
    pub const fn lockout(mut self, lockout: Option<Lockout>) -> Self {
        self.lockout = lockout;
        self
    }

    /// The cost of bcrypt, 4 to 31; 12 by default. One more takes twice as long. Hashes of a lower cost are replaced
    /// when their users log in.
    ///
    /// ```
    /// use watertight::auth::AuthSettings;
    ///
    /// // Tests hash with the lowest cost, which takes about a millisecond.
    /// let cost = if cfg!(test) { 4 } else { 13 };
    /// let settings = AuthSettings::default().bcrypt_cost(cost);
    /// ```
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

    /// The number of hashes computed concurrently on blocking threads; by default the number of cores.
    ///
    /// ```
    /// use std::thread::available_parallelism;
    /// use watertight::auth::AuthSettings;
    ///
    /// // Half of the cores remain free for requests without a login.
    /// let cores = available_parallelism()?.get();
    /// let settings = AuthSettings::default().concurrent_hashes((cores / 2).max(1));
    /// # Ok::<(), std::io::Error>(())
    /// ```
    #[must_use]
    pub const fn concurrent_hashes(mut self, limit: usize) -> Self {
        self.concurrent_hashes = limit;
        self
    }

    /// The number of one tenant's hashes that may wait, from 1 to 10,000; 64 by default.
    ///
    /// Tenants take turns, so a tenant with one hash waits for one hash of each other tenant. A hash beyond the limit is
    /// refused at once with [`AuthError::HashingQueueFull`](crate::auth::AuthError::HashingQueueFull). Hashes after a right
    /// password, and logins from a [known device](crate::auth::DeviceToken), wait in a queue of their own with the same
    /// limit. All tenants together have at most 16 times the limit waiting; beyond it, the hash with the latest turn is
    /// refused.
    ///
    /// ```
    /// use watertight::auth::AuthSettings;
    ///
    /// // Four cores at a quarter of a second for each hash: the last of 32 waits for two seconds.
    /// let settings = AuthSettings::default().concurrent_hashes(4).hashing_queue(32);
    /// ```
    #[must_use]
    pub const fn hashing_queue(mut self, limit: usize) -> Self {
        self.hashing_queue = limit;
        self
    }

    /// The number of backup codes in a set, from 1 to 20; 10 by default.
    ///
    /// ```
    /// use watertight::auth::{AuthSettings, BackupCodes};
    ///
    /// // The most codes that a set can have.
    /// let settings = AuthSettings::default().backup_codes(BackupCodes::MAX);
    /// ```
    #[must_use]
    pub const fn backup_codes(mut self, count: usize) -> Self {
        self.backup_codes = count;
        self
    }

    /// The form in which the addresses of clients are stored; in full by default.
    ///
    /// ```
    /// use watertight::auth::{AddressStorage, AuthSettings};
    ///
    /// // 192.0.2.17 is stored as 192.0.2.0/24.
    /// let settings = AuthSettings::default().address_storage(AddressStorage::Masked);
    /// ```
    #[must_use]
    pub fn address_storage(mut self, storage: AddressStorage) -> Self {
        self.address_storage = storage;
        self
    }

    /// The most live sessions of a user; `None`, the default, for no limit. A session beyond it ends the oldest one.
    ///
    /// ```
    /// use watertight::auth::AuthSettings;
    ///
    /// // A login on a fourth device ends the session of the first.
    /// let settings = AuthSettings::default().sessions_per_user(Some(3));
    /// ```
    #[must_use]
    pub const fn sessions_per_user(mut self, limit: Option<u32>) -> Self {
        self.sessions_per_user = limit;
        self
    }

    /// The queue that each written audit event is put into; none by default.
    ///
    /// ```
    /// use watertight::auth::{AuditSink, AuthSettings};
    ///
    /// let (sink, events) = AuditSink::new(1_000);
    /// let settings = AuthSettings::default().audit_sink(sink);
    /// ```
    #[must_use]
    pub fn audit_sink(mut self, sink: AuditSink) -> Self {
        self.audit_sink = Some(sink);
        self
    }
}
