//! TOTP secrets as stored.

use chrono::{DateTime, Utc};
use sea_orm::sea_query::OnConflict;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QuerySelect, Set};
use uuid::Uuid;
use watertight_entity::auth::{totp_secrets, users};

use crate::auth::error::AuthError;
use crate::auth::handle::Totp;
use crate::auth::second_factor::sealing::owner::OwnerKind;
use crate::auth::second_factor::sealing::sealed::{SealVersion, Sealed};
use crate::auth::second_factor::totp_secret::TotpSecret;
use crate::tenant::TenantExecutor;
use crate::vocabulary::Handle;

/// A user's stored TOTP secret, decrypted.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct StoredTotpSecret {
    /// The user's handle.
    pub handle: Handle,
    /// The user's id.
    pub user_id: Uuid,
    /// The secret.
    pub secret: TotpSecret,
    /// The version of the encryption format.
    pub version: SealVersion,
    /// True if backup codes were generated with the secret.
    pub backup_codes_generated: bool,
    /// The time at which a code of the secret was last used.
    pub last_used_at: Option<DateTime<Utc>>,
    /// The time of enrollment.
    pub created_at: DateTime<Utc>,
}

pub(in crate::auth) fn sealed(row: &totp_secrets::Model) -> Sealed {
    Sealed {
        encrypted_secret: row.encrypted_secret.clone(),
        iv: row.iv.clone(),
        auth_tag: row.auth_tag.clone(),
        salt: row.salt.clone(),
        version: row.version,
    }
}

impl<C: TenantExecutor> Totp<'_, C> {
    /// Stores a user's TOTP secret, encrypted, instead of the previous one.
    ///
    /// The login's requirement of a second factor stays unchanged: [`enroll`](Self::enroll) with
    /// [`confirm`](Self::confirm) and [`disable`](Self::disable) change that too. To encrypt under a new
    /// passphrase, save the secret that [`find`](Self::find) returns. A used code stays used.
    ///
    /// # Errors
    /// [`AuthError::UserNotFound`], [`AuthError::NotConfigured`].
    pub async fn save(self, handle: &Handle, secret: &TotpSecret) -> Result<(), AuthError> {
        let user = self.id_of(handle).await?;
        let sealed = self.auth.seal(OwnerKind::User, user, secret.clone()).await?;
        self.write(handle, user, sealed, None).await
    }

    pub(in crate::auth) async fn id_of(self, handle: &Handle) -> Result<Uuid, AuthError> {
        let select = users::Entity::find().select_only().column(users::Column::Id);
        let id =
            select.filter(users::Column::Handle.eq(handle.as_str())).into_tuple().one(self.auth.db).await?;
        id.ok_or_else(|| AuthError::UserNotFound { user: handle.to_string() })
    }

    pub(in crate::auth) async fn write(
        self,
        handle: &Handle,
        user: Uuid,
        sealed: Sealed,
        used_step: Option<u64>,
    ) -> Result<(), AuthError> {
        use totp_secrets::Column::{
            AuthTag, BackupCodesGenerated, EncryptedSecret, Handle, Iv, LastUsedStep, Salt, UserId, Version,
        };
        let mut row = totp_secrets::ActiveModel {
            handle: Set(handle.to_string()),
            user_id: Set(user),
            encrypted_secret: Set(sealed.encrypted_secret),
            iv: Set(sealed.iv),
            auth_tag: Set(sealed.auth_tag),
            salt: Set(sealed.salt),
            version: Set(sealed.version),
            ..Default::default()
        };
        let mut replaced = vec![UserId, EncryptedSecret, Iv, AuthTag, Salt, Version];
        if let Some(step) = used_step {
            row.last_used_step = Set(Some(step.cast_signed()));
            row.backup_codes_generated = Set(true);
            replaced.extend([LastUsedStep, BackupCodesGenerated]);
        }
        let upsert = totp_secrets::Entity::insert(row)
            .on_conflict(OnConflict::column(Handle).update_columns(replaced).to_owned());
        upsert.exec_without_returning(self.auth.db).await?;
        Ok(())
    }

    /// Finds a user's TOTP secret by the user's handle; `None` when there is none.
    ///
    /// # Errors
    /// [`AuthError::Undecryptable`], [`AuthError::NotConfigured`].
    pub async fn find(self, handle: &Handle) -> Result<Option<StoredTotpSecret>, AuthError> {
        let select = totp_secrets::Entity::find().filter(totp_secrets::Column::Handle.eq(handle.as_str()));
        let Some(row) = select.one(self.auth.db).await? else { return Ok(None) };
        let secret = self.auth.open(OwnerKind::User, row.user_id, sealed(&row)).await?;
        Ok(Some(StoredTotpSecret {
            handle: handle.clone(),
            user_id: row.user_id,
            secret,
            version: SealVersion::of(row.version)?,
            backup_codes_generated: row.backup_codes_generated,
            last_used_at: row.last_used_at.map(|at| at.to_utc()),
            created_at: row.created_at.to_utc(),
        }))
    }

    /// Deletes a user's TOTP secret. Returns `false` when there was none.
    ///
    /// If the second factor stays required, the user can log in with a backup code only; [`disable`](Self::disable) removes the
    /// requirement too.
    ///
    /// # Errors
    /// [`AuthError::Database`].
    pub async fn delete(self, handle: &Handle) -> Result<bool, AuthError> {
        let delete =
            totp_secrets::Entity::delete_many().filter(totp_secrets::Column::Handle.eq(handle.as_str()));
        Ok(delete.exec(self.auth.db).await?.rows_affected > 0)
    }
}
