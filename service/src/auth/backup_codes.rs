//! Backup codes at rest.

use chrono::{DateTime, Utc};
use sea_orm::{ColumnTrait, EntityTrait, IntoActiveModel, QueryFilter, QuerySelect, Set};
use serde::Serialize;
use serde_json::json;
use uuid::Uuid;
use watertight_entity::auth::{backup_codes, users};

use super::Auth;
use super::audit::NewAuditEvent;
use super::audit_kinds::{AuditEventType, Severity, Source};
use super::backup_code::{self, BackupCodes, Found, StoredCode};
use super::login::LoginRefusal;
use super::sessions::SessionMetadata;
use crate::auth::AuthError;
use crate::tenant::TenantExecutor;
use crate::tenant::constraint::constraint;
use crate::tenant::sql::statement;
use crate::vocabulary::MalformedRow;

/// What is known of a user's backup codes: not what they are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct BackupCodeSet {
    /// Whose they are.
    pub user_id: Uuid,
    /// The codes.
    pub codes: Vec<BackupCode>,
    /// When they were made.
    pub generated_at: DateTime<Utc>,
    /// When one was last used.
    pub last_used_at: Option<DateTime<Utc>>,
}

impl BackupCodeSet {
    /// How many can still be used.
    #[must_use]
    pub fn remaining(&self) -> usize {
        self.codes.iter().filter(|code| !code.used).count()
    }
}

/// What is known of one backup code.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct BackupCode {
    /// The code's identity.
    pub id: String,
    /// Whether it has been used.
    pub used: bool,
    /// When it was.
    pub used_at: Option<DateTime<Utc>>,
}

fn parse(row: &backup_codes::Model) -> Result<Vec<StoredCode>, AuthError> {
    serde_json::from_value(row.codes.clone())
        .map_err(|error| MalformedRow { column: "auth.backup_codes.codes", reason: error.to_string() }.into())
}

fn to_json(codes: &[StoredCode]) -> Result<serde_json::Value, AuthError> {
    Ok(serde_json::to_value(codes).map_err(|error| sea_orm::DbErr::Json(error.to_string()))?)
}

/// Backup codes.
impl<C: TenantExecutor> Auth<'_, C> {
    /// Keeps the hashes of codes in place of the user's codes before.
    ///
    /// # Errors
    /// [`AuthError::UserNotFound`].
    pub async fn save_backup_codes(self, user: Uuid, codes: &BackupCodes) -> Result<(), AuthError> {
        let stored = self.hash_backup_codes(codes).await?;
        self.write_backup_codes(user, &stored).await
    }

    pub(super) async fn hash_backup_codes(self, codes: &BackupCodes) -> Result<Vec<StoredCode>, AuthError> {
        let (codes, cost) = (codes.clone(), self.config.hasher.backup_code_cost());
        self.config.hasher.run(move || codes.hash(cost)).await?
    }

    pub(super) async fn write_backup_codes(self, user: Uuid, codes: &[StoredCode]) -> Result<(), AuthError> {
        let not_found = || AuthError::UserNotFound { user: user.to_string() };
        // Asked before, so that a user who is not there ends no transaction.
        let known = users::Entity::find().select_only().column(users::Column::Id);
        let known: Option<Uuid> = known.filter(users::Column::Id.eq(user)).into_tuple().one(self.db).await?;
        known.ok_or_else(not_found)?;
        let upsert = statement(
            r#"INSERT INTO "auth"."backup_codes" ("user_id", "codes") VALUES ($1, $2)
               ON CONFLICT ("user_id") DO UPDATE
               SET "codes" = EXCLUDED."codes", "generated_at" = EXCLUDED."generated_at", "last_used_at" = NULL"#,
            [user.into(), to_json(codes)?.into()],
        );
        match self.db.execute_raw(upsert).await {
            Ok(_) => Ok(()),
            Err(error) if constraint(&error) == Some("backup_codes_user_id_fkey") => Err(not_found()),
            Err(error) => Err(error.into()),
        }
    }

    /// New backup codes in place of the user's codes before, to be shown once.
    ///
    /// # Errors
    /// [`AuthError::UserNotFound`].
    pub async fn regenerate_backup_codes(self, user: Uuid) -> Result<BackupCodes, AuthError> {
        let codes = BackupCodes::generate(self.config.backup_codes())?;
        let stored = self.hash_backup_codes(&codes).await?;
        let transaction = self.db.begin().await?;
        let auth = self.on(&transaction);
        auth.write_backup_codes(user, &stored).await?;
        let event = NewAuditEvent {
            user_id: Some(user),
            source: Source::User,
            ..NewAuditEvent::new(AuditEventType::BackupCodesRegenerated)
        };
        auth.log_audit_events(vec![event]).await?;
        transaction.commit().await?;
        Ok(codes)
    }

    /// What is known of a user's backup codes; `None` when there are none.
    ///
    /// # Errors
    /// [`AuthError::MalformedRow`].
    pub async fn get_backup_codes(self, user: Uuid) -> Result<Option<BackupCodeSet>, AuthError> {
        let select = backup_codes::Entity::find().filter(backup_codes::Column::UserId.eq(user));
        let Some(row) = select.one(self.db).await? else { return Ok(None) };
        let known = |code: StoredCode| BackupCode { id: code.id, used: code.used, used_at: code.used_at };
        Ok(Some(BackupCodeSet {
            user_id: row.user_id,
            codes: parse(&row)?.into_iter().map(known).collect(),
            generated_at: row.generated_at.to_utc(),
            last_used_at: row.last_used_at.map(|at| at.to_utc()),
        }))
    }

    /// Deletes a user's backup codes. `false` when there were none.
    ///
    /// # Errors
    /// What the database reports.
    pub async fn delete_backup_codes(self, user: Uuid) -> Result<bool, AuthError> {
        let delete = backup_codes::Entity::delete_many().filter(backup_codes::Column::UserId.eq(user));
        Ok(delete.exec(self.db).await?.rows_affected > 0)
    }

    /// Uses up a backup code, and returns how many remain. `None` when the code is wrong or has been used. However many
    /// try one code at once, one succeeds.
    ///
    /// A code that is none of the user's counts as a failure to log in; a code that has been used does not.
    ///
    /// # Errors
    /// [`AuthError::LoginRefused`] while the account is locked, whether the code is right or not; [`AuthError::MalformedRow`].
    pub async fn consume_backup_code(self, user: Uuid, code: &str) -> Result<Option<usize>, AuthError> {
        let metadata = SessionMetadata::default();
        let found = self.matching_backup_code(user, code).await?;
        let transaction = self.db.begin().await?;
        let auth = self.on(&transaction);
        let Some(account) = auth.locked_candidate(user).await? else { return Ok(None) };
        let who = Some((user, &account.handle));
        let outcome = match found {
            _ if account.is_locked => {
                let locked = LoginRefusal::Locked { until: account.locked_until };
                Err(auth.refuse(who, locked, &metadata).await?.into())
            }
            Some(Found { id, used: false }) => auth.use_backup_code(user, &id).await,
            Some(Found { used: true, .. }) => Ok(None),
            None => {
                auth.refuse(who, LoginRefusal::SecondFactorWrong, &metadata).await?;
                Ok(None)
            }
        };
        transaction.commit().await?;
        outcome
    }

    /// The code that was typed. Another attempt can use it up in the meantime.
    pub(super) async fn matching_backup_code(
        self,
        user: Uuid,
        code: &str,
    ) -> Result<Option<Found>, AuthError> {
        let select = backup_codes::Entity::find().filter(backup_codes::Column::UserId.eq(user));
        let Some(row) = select.one(self.db).await? else { return Ok(None) };
        let (codes, typed) = (parse(&row)?, secrecy::SecretString::from(code));
        let find = move || backup_code::find(&codes, secrecy::ExposeSecret::expose_secret(&typed));
        self.config.hasher.run(find).await
    }

    /// Uses up a code by its identity, within a transaction: the row is locked until that ends.
    pub(super) async fn use_backup_code(self, user: Uuid, id: &str) -> Result<Option<usize>, AuthError> {
        let select = backup_codes::Entity::find().filter(backup_codes::Column::UserId.eq(user));
        let Some(row) = select.lock_exclusive().one(self.db).await? else { return Ok(None) };
        let mut codes = parse(&row)?;
        let Some(code) = codes.iter_mut().find(|code| code.id == id && !code.used) else { return Ok(None) };
        let now = self.now().await?;
        (code.used, code.used_at) = (true, Some(now));
        let remaining = codes.iter().filter(|code| !code.used).count();
        let mut row = row.into_active_model();
        (row.codes, row.last_used_at) = (Set(to_json(&codes)?), Set(Some(now.into())));
        backup_codes::Entity::update(row).exec(self.db).await?;
        let event = NewAuditEvent {
            user_id: Some(user),
            source: Source::User,
            severity: Severity::Warning,
            details: json!({"remaining": remaining}),
            ..NewAuditEvent::new(AuditEventType::BackupCodeUsed)
        };
        self.log_audit_events(vec![event]).await?;
        Ok(Some(remaining))
    }

    async fn now(self) -> Result<DateTime<Utc>, AuthError> {
        let row = self.db.query_one_raw(statement("SELECT CURRENT_TIMESTAMP AS now", [])).await?;
        Ok(row.map(|row| row.try_get("", "now")).transpose()?.unwrap_or_default())
    }
}
