//! Hashing and verifying passwords.

use crate::auth::error::AuthError;
use crate::auth::handle::Auth;
use crate::auth::users::hasher::Lane;
use crate::auth::users::password::{Password, PasswordHash};
use crate::tenant::TenantExecutor;

impl<C: TenantExecutor> Auth<'_, C> {
    /// Hashes a password on a blocking thread.
    ///
    /// # Errors
    /// [`AuthError::NoRandomness`]; [`AuthError::HashingQueueFull`]; [`AuthError::RuntimeStopped`].
    pub async fn hash_password(self, password: Password) -> Result<PasswordHash, AuthError> {
        self.hashing(Lane::Anyone).hash(password).await
    }

    /// Returns true if a hash matches a password. The comparison runs on a blocking thread.
    ///
    /// # Errors
    /// [`AuthError::HashingQueueFull`]; [`AuthError::RuntimeStopped`].
    pub async fn verify_password(self, password: Password, hash: PasswordHash) -> Result<bool, AuthError> {
        self.hashing(Lane::Anyone).verify(password, hash).await
    }

    /// Returns true if a hash has a lower cost than the settings require.
    #[must_use]
    pub fn needs_rehash(self, hash: &PasswordHash) -> bool {
        self.config.hasher.needs_rehash(hash)
    }
}
