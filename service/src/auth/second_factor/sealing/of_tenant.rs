//! Sealing with the settings' keys, for an owner in the tenant.

use uuid::Uuid;

use crate::auth::error::AuthError;
use crate::auth::handle::Auth;
use crate::auth::second_factor::sealing::owner::{Owner, OwnerKind};
use crate::auth::second_factor::sealing::sealed::Sealed;
use crate::auth::second_factor::totp_secret::TotpSecret;
use crate::auth::users::hasher::Lane;
use crate::tenant::TenantExecutor;

/// Sealing with the settings' keys.
impl<C: TenantExecutor> Auth<'_, C> {
    /// Encrypts a secret for its owner, on a blocking thread.
    pub(in crate::auth) async fn seal(
        self,
        kind: OwnerKind,
        id: Uuid,
        secret: TotpSecret,
    ) -> Result<Sealed, AuthError> {
        let (keys, owner) = (self.config.encryption_keys()?, Owner { kind, tenant: self.db.tenant_id(), id });
        self.hashing(Lane::Known).run(move || keys.seal(owner, &secret)).await?
    }

    /// Decrypts a secret of its owner, on a blocking thread.
    pub(in crate::auth) async fn open(
        self,
        kind: OwnerKind,
        id: Uuid,
        sealed: Sealed,
    ) -> Result<TotpSecret, AuthError> {
        let (keys, owner) = (self.config.encryption_keys()?, Owner { kind, tenant: self.db.tenant_id(), id });
        self.hashing(Lane::Known).run(move || keys.open(owner, &sealed)).await?
    }
}
