//! The settings as the operations read them.

use std::any::Any;
use std::sync::LazyLock;
use std::time::Duration;

use crate::auth::addresses::storage::AddressStorage;
use crate::auth::audit::sink::AuditSink;
use crate::auth::error::AuthError;
use crate::auth::login::device_failures::DeviceFailures;
use crate::auth::second_factor::sealing::EncryptionKeys;
use crate::auth::sessions::token::SigningKeys;
use crate::auth::settings::AuthSettings;
use crate::auth::settings::lockout::Lockout;
use crate::auth::users::hasher::{Hasher, HashingMetrics};

/// The checked settings, the hasher, and the failures of known devices, which all tenants share.
#[derive(Debug)]
pub(crate) struct AuthConfig {
    pub(in crate::auth) hasher: Hasher,
    pub(in crate::auth) device_failures: DeviceFailures,
    settings: AuthSettings,
}

/// The settings of a builder that was given none.
static UNCONFIGURED: LazyLock<AuthConfig> = LazyLock::new(AuthConfig::default);

impl AuthConfig {
    /// The settings that the builder stored.
    pub(crate) fn of(stored: &(dyn Any + Send + Sync)) -> &Self {
        stored.downcast_ref().unwrap_or(&UNCONFIGURED)
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
            settings.hashing_queue,
        );
        Self { hasher, device_failures: DeviceFailures::default(), settings }
    }

    pub(crate) fn hashing_metrics(&self) -> HashingMetrics {
        self.hasher.metrics()
    }

    pub(in crate::auth) fn signing_keys(&self) -> Result<&SigningKeys, AuthError> {
        self.settings.signing_keys.as_ref().ok_or(AuthError::NotConfigured { what: "signing_keys" })
    }

    pub(in crate::auth) fn encryption_keys(&self) -> Result<EncryptionKeys, AuthError> {
        self.settings.encryption_keys.clone().ok_or(AuthError::NotConfigured { what: "encryption_keys" })
    }

    pub(in crate::auth) fn issuer(&self) -> &str {
        &self.settings.issuer
    }

    pub(in crate::auth) const fn session_age(&self) -> Duration {
        self.settings.session_age
    }

    pub(in crate::auth) const fn renewal_threshold(&self) -> Duration {
        self.settings.renewal_threshold
    }

    pub(in crate::auth) const fn enrollment_age(&self) -> Duration {
        self.settings.enrollment_age
    }

    pub(in crate::auth) const fn lockout(&self) -> Option<Lockout> {
        self.settings.lockout
    }

    pub(in crate::auth) const fn address_storage(&self) -> &AddressStorage {
        &self.settings.address_storage
    }

    pub(in crate::auth) const fn sessions_per_user(&self) -> Option<u32> {
        self.settings.sessions_per_user
    }

    pub(in crate::auth) const fn audit_sink(&self) -> Option<&AuditSink> {
        self.settings.audit_sink.as_ref()
    }

    pub(in crate::auth) const fn backup_codes(&self) -> usize {
        self.settings.backup_codes
    }
}

impl Default for AuthConfig {
    fn default() -> Self {
        Self::unchecked(AuthSettings::default())
    }
}
