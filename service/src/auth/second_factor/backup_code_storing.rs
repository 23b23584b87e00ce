//! Storing and finding backup codes.

use chrono::{DateTime, Utc};
use sea_orm::sea_query::{Expr, OnConflict};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QuerySelect, Set};
use uuid::Uuid;
use watertight_entity::auth::{backup_codes, users};

use crate::auth::audit::event_type::AuditEventType;
use crate::auth::audit::new_event::NewAuditEvent;
use crate::auth::error::AuthError;
use crate::auth::handle::StoredBackupCodes;
use crate::auth::second_factor::backup_code::{BackupCodes, StoredCode};
use crate::auth::second_factor::backup_code_set::{BackupCode, BackupCodeSet};
use crate::auth::users::hasher::Lane;
use crate::tenant::TenantExecutor;
use crate::tenant::constraint::constraint;
use crate::vocabulary::MalformedRow;

pub(in crate::auth) fn parse(row: &backup_codes::Model) -> Result<Vec<StoredCode>, AuthError> {
    serde_json::from_value(row.codes.clone())
        .map_err(|error| MalformedRow { column: "auth.backup_codes.codes", reason: error.to_string() }.into())
}

pub(in crate::auth) fn to_json(codes: &[StoredCode]) -> Result<serde_json::Value, AuthError> {
    Ok(serde_json::to_value(codes).map_err(|error| sea_orm::DbErr::Json(error.to_string()))?)
}

impl<C: TenantExecutor> StoredBackupCodes<'_, C> {
    /// Stores the hashes of codes instead of the user's previous codes.
    ///
    /// # Errors
    /// [`AuthError::UserNotFound`].
    pub async fn save(self, user: Uuid, codes: &BackupCodes) -> Result<(), AuthError> {
        let stored = self.hash(codes).await?;
        self.write(user, &stored).await
    }

    pub(in crate::auth) async fn hash(self, codes: &BackupCodes) -> Result<Vec<StoredCode>, AuthError> {
        let (codes, cost) = (codes.clone(), self.auth.config.hasher.backup_code_cost());
        self.auth.hashing(Lane::Known).run(move || codes.hash(cost)).await?
    }

    pub(in crate::auth) async fn write(self, user: Uuid, codes: &[StoredCode]) -> Result<(), AuthError> {
        let not_found = || AuthError::UserNotFound { user: user.to_string() };
        // Read first, so that an unknown user does not abort the surrounding transaction.
        let known = users::Entity::find().select_only().column(users::Column::Id);
        let known: Option<Uuid> =
            known.filter(users::Column::Id.eq(user)).into_tuple().one(self.auth.db).await?;
        known.ok_or_else(not_found)?;
        let row = backup_codes::ActiveModel {
            user_id: Set(user),
            codes: Set(to_json(codes)?),
            ..Default::default()
        };
        let replaced = OnConflict::column(backup_codes::Column::UserId)
            .update_columns([backup_codes::Column::Codes, backup_codes::Column::GeneratedAt])
            .value(backup_codes::Column::LastUsedAt, Expr::val(Option::<DateTime<Utc>>::None))
            .to_owned();
        let upsert = backup_codes::Entity::insert(row).on_conflict(replaced);
        match upsert.exec_without_returning(self.auth.db).await {
            Ok(_) => Ok(()),
            Err(error) if constraint(&error) == Some("backup_codes_user_id_fkey") => Err(not_found()),
            Err(error) => Err(error.into()),
        }
    }

    /// Generates backup codes instead of the user's previous codes. Returns them, to be shown once.
    ///
    /// # Errors
    /// [`AuthError::UserNotFound`].
    pub async fn regenerate(self, user: Uuid) -> Result<BackupCodes, AuthError> {
        let codes = BackupCodes::generate(self.auth.config.backup_codes())?;
        let stored = self.hash(&codes).await?;
        let transaction = self.auth.db.begin().await?;
        let auth = self.auth.on(&transaction);
        auth.backup_codes().write(user, &stored).await?;
        auth.audit().log(NewAuditEvent::by_user(AuditEventType::BackupCodesRegenerated, user, None)).await?;
        transaction.commit().await?;
        Ok(codes)
    }

    /// Finds a user's backup codes, without the codes; `None` when there are none.
    ///
    /// # Errors
    /// [`AuthError::MalformedRow`].
    pub async fn find(self, user: Uuid) -> Result<Option<BackupCodeSet>, AuthError> {
        let select = backup_codes::Entity::find().filter(backup_codes::Column::UserId.eq(user));
        let Some(row) = select.one(self.auth.db).await? else { return Ok(None) };
        let known = |code: StoredCode| BackupCode { id: code.id, used: code.used, used_at: code.used_at };
        Ok(Some(BackupCodeSet {
            user_id: row.user_id,
            codes: parse(&row)?.into_iter().map(known).collect(),
            generated_at: row.generated_at.to_utc(),
            last_used_at: row.last_used_at.map(|at| at.to_utc()),
        }))
    }

    /// Deletes a user's backup codes. Returns `false` when there were none.
    ///
    /// # Errors
    /// [`AuthError::Database`].
    pub async fn delete(self, user: Uuid) -> Result<bool, AuthError> {
        let delete = backup_codes::Entity::delete_many().filter(backup_codes::Column::UserId.eq(user));
        Ok(delete.exec(self.auth.db).await?.rows_affected > 0)
    }
}
