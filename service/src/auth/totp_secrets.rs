//! Second factors at rest, and how a user comes to have one.

use chrono::{DateTime, Utc};
use sea_orm::sea_query::{Expr, OnConflict};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QuerySelect, Set};
use uuid::Uuid;
use watertight_entity::auth::{backup_codes, sessions, totp_secrets, users};

use super::Auth;
use super::attempt::Factor;
use super::audit::NewAuditEvent;
use super::audit_kinds::{AuditEventType, Severity, Source};
use super::backup_code::BackupCodes;
use super::password::Password;
use super::sealing::{OwnerKind, Sealed};
use super::sessions::{SessionMetadata, live};
use super::totp::{TotpEnrolment, TotpSecret};
use crate::auth::AuthError;
use crate::tenant::TenantExecutor;
use crate::tenant::sql::{seconds, statement};
use crate::vocabulary::Handle;

/// A user's second factor as it is kept, opened.
#[derive(Debug, Clone)]
pub struct StoredTotpSecret {
    /// The user's handle.
    pub handle: Handle,
    /// The user's identity.
    pub user_id: Uuid,
    /// The secret.
    pub secret: TotpSecret,
    /// The form that it was sealed in: 1 as the original system did, 2 as watertight does.
    pub version: i32,
    /// Whether backup codes were made with it.
    pub backup_codes_generated: bool,
    /// When a code of it was last used.
    pub last_used_at: Option<DateTime<Utc>>,
    /// When it was enrolled.
    pub created_at: DateTime<Utc>,
}

pub(super) fn sealed(row: &totp_secrets::Model) -> Sealed {
    Sealed {
        encrypted_secret: row.encrypted_secret.clone(),
        iv: row.iv.clone(),
        auth_tag: row.auth_tag.clone(),
        salt: row.salt.clone(),
        version: row.version,
    }
}

/// Second factors.
impl<C: TenantExecutor> Auth<'_, C> {
    /// Keeps a user's TOTP secret, encrypted, in place of the one before. It neither asks for codes from now on nor
    /// stops asking: [`enrol_totp`](Self::enrol_totp) and [`disable_totp`](Self::disable_totp) do all that belongs to
    /// it. To encrypt under a new passphrase, save what [`get_totp_secret`](Self::get_totp_secret) gives.
    ///
    /// A code that was used stays used.
    ///
    /// # Errors
    /// [`AuthError::UserNotFound`], [`AuthError::NotConfigured`].
    pub async fn save_totp_secret(self, handle: &Handle, secret: &TotpSecret) -> Result<(), AuthError> {
        let user = self.id_of(handle).await?;
        let sealed = self.seal(OwnerKind::User, user, secret.clone()).await?;
        self.write_totp_secret(handle, user, sealed, None).await
    }

    async fn id_of(self, handle: &Handle) -> Result<Uuid, AuthError> {
        let select = users::Entity::find().select_only().column(users::Column::Id);
        let id = select.filter(users::Column::Handle.eq(handle.as_str())).into_tuple().one(self.db).await?;
        id.ok_or_else(|| AuthError::UserNotFound { user: handle.to_string() })
    }

    async fn write_totp_secret(
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
        upsert.exec_without_returning(self.db).await?;
        Ok(())
    }

    /// A user's TOTP secret; `None` when there is none.
    ///
    /// # Errors
    /// [`AuthError::Undecryptable`], [`AuthError::NotConfigured`].
    pub async fn get_totp_secret(self, handle: &Handle) -> Result<Option<StoredTotpSecret>, AuthError> {
        let select = totp_secrets::Entity::find().filter(totp_secrets::Column::Handle.eq(handle.as_str()));
        let Some(row) = select.one(self.db).await? else { return Ok(None) };
        let secret = self.open(OwnerKind::User, row.user_id, sealed(&row)).await?;
        Ok(Some(StoredTotpSecret {
            handle: handle.clone(),
            user_id: row.user_id,
            secret,
            version: row.version,
            backup_codes_generated: row.backup_codes_generated,
            last_used_at: row.last_used_at.map(|at| at.to_utc()),
            created_at: row.created_at.to_utc(),
        }))
    }

    /// Deletes a user's TOTP secret. `false` when there was none. A user of whom a second factor is asked then has
    /// none to give, and logs in with a backup code; [`disable_totp`](Self::disable_totp) stops asking.
    ///
    /// # Errors
    /// What the database reports.
    pub async fn delete_totp_secret(self, handle: &Handle) -> Result<bool, AuthError> {
        let delete =
            totp_secrets::Entity::delete_many().filter(totp_secrets::Column::Handle.eq(handle.as_str()));
        Ok(delete.exec(self.db).await?.rows_affected > 0)
    }

    /// Begins to enrol a second factor for the user of a live session. The secret is kept in the session, encrypted,
    /// until [`confirm_totp`](Self::confirm_totp); what it gives is to be shown once.
    ///
    /// It asks for no password, and a user who has a second factor gets a new one in its place. Where a session alone is
    /// not enough for that, let them turn the old one off first: [`disable_totp`](Self::disable_totp) asks for it.
    ///
    /// # Errors
    /// [`AuthError::SessionNotFound`], [`AuthError::NotConfigured`].
    pub async fn enrol_totp(self, session: Uuid) -> Result<TotpEnrolment, AuthError> {
        let handle = self.handle_of_session(session).await?;
        let secret = TotpSecret::generate()?;
        let enrolment = TotpEnrolment::new(secret.clone(), secret.uri(self.config.issuer(), &handle)?);
        let sealed = self.seal(OwnerKind::Session, session, secret).await?;
        let update = statement(
            r#"UPDATE "auth"."sessions" SET "temp_totp_secret" = $2,
                   "temp_totp_expires_at" = CURRENT_TIMESTAMP + $3::float8 * INTERVAL '1 second'
               WHERE "id" = $1 AND "expires_at" > CURRENT_TIMESTAMP"#,
            [session.into(), sealed.to_text().into(), seconds(self.config.enrolment_age())],
        );
        match self.db.execute_raw(update).await?.rows_affected() {
            0 => Err(AuthError::SessionNotFound { id: session }),
            _ => Ok(enrolment),
        }
    }

    async fn handle_of_session(self, session: Uuid) -> Result<Handle, AuthError> {
        let select = sessions::Entity::find()
            .select_only()
            .column(users::Column::Handle)
            .inner_join(users::Entity)
            .filter(live())
            .filter(sessions::Column::Id.eq(session));
        select.into_tuple().one(self.db).await?.ok_or(AuthError::SessionNotFound { id: session })
    }

    /// Ends the enrolment that [`enrol_totp`](Self::enrol_totp) began: with a right code the second factor is asked for
    /// from now on. Returns backup codes, to be shown once. The user's other sessions end.
    ///
    /// # Errors
    /// [`AuthError::WrongTotpCode`], after which another can be tried; [`AuthError::NotEnrolled`] when none was begun, its
    /// time is over or another attempt has confirmed it; [`AuthError::SessionNotFound`].
    pub async fn confirm_totp(self, session: Uuid, code: &str) -> Result<BackupCodes, AuthError> {
        let handle = self.handle_of_session(session).await?;
        let secret = self.get_session_totp_secret(session).await?.ok_or(AuthError::NotEnrolled)?;
        let now = self.unix_seconds().await?;
        let step = secret.matching_step(code, now)?.ok_or(AuthError::WrongTotpCode)?;
        let user = self.id_of(&handle).await?;
        let sealed = self.seal(OwnerKind::User, user, secret).await?;
        let codes = BackupCodes::generate(self.config.backup_codes())?;
        let stored = self.hash_backup_codes(&codes).await?;

        let transaction = self.db.begin().await?;
        let auth = self.on(&transaction);
        // The user's row first, as everywhere: so no two wait for one another.
        let enabled = users::Entity::update_many()
            .col_expr(users::Column::TotpEnabled, Expr::val(true))
            .col_expr(users::Column::TotpSecretId, Expr::val(handle.as_str()))
            .col_expr(users::Column::UpdatedAt, Expr::current_timestamp())
            .filter(users::Column::Id.eq(user))
            .filter(users::Column::Handle.eq(handle.as_str()));
        if enabled.exec(&transaction).await?.rows_affected == 0 {
            return Err(AuthError::UserNotFound { user: handle.to_string() });
        }
        let taken = sessions::Entity::update_many()
            .col_expr(sessions::Column::TempTotpSecret, Expr::val(Option::<String>::None))
            .col_expr(sessions::Column::TempTotpExpiresAt, Expr::val(Option::<DateTime<Utc>>::None))
            .filter(sessions::Column::Id.eq(session))
            .filter(sessions::Column::TempTotpSecret.is_not_null())
            .filter(live());
        if taken.exec(&transaction).await?.rows_affected == 0 {
            return Err(AuthError::NotEnrolled);
        }
        // Sessions that were begun without the second factor, or with the one before.
        auth.end_sessions(user, Some(session)).await?;
        auth.write_totp_secret(&handle, user, sealed, Some(step)).await?;
        auth.write_backup_codes(user, &stored).await?;
        let event = |event_type| NewAuditEvent {
            user_id: Some(user),
            handle: Some(handle.to_string()),
            source: Source::User,
            ..NewAuditEvent::new(event_type)
        };
        auth.log_audit_events(vec![
            event(AuditEventType::TotpEnabled),
            event(AuditEventType::BackupCodesRegenerated),
        ])
        .await?;
        transaction.commit().await?;
        Ok(codes)
    }

    /// Gives up a user's second factor and backup codes, for which it asks the password.
    ///
    /// # Errors
    /// [`AuthError::LoginRefused`] for a wrong password, which counts as a failure to log in; [`AuthError::UserNotFound`].
    pub async fn disable_totp(self, user: Uuid, password: &Password) -> Result<(), AuthError> {
        let attempt = self.compare_user(user, password).await?;
        let transaction = self.db.begin().await?;
        let auth = self.on(&transaction);
        let verified = match auth.judge(&attempt, Factor::NotAsked, &SessionMetadata::default()).await? {
            Ok(verified) => verified,
            Err(refusal) => {
                transaction.commit().await?;
                return Err(refusal.into());
            }
        };
        users::Entity::update_many()
            .col_expr(users::Column::TotpEnabled, Expr::val(false))
            .col_expr(users::Column::TotpSecretId, Expr::val(Option::<String>::None))
            .col_expr(users::Column::UpdatedAt, Expr::current_timestamp())
            .filter(users::Column::Id.eq(user))
            .exec(&transaction)
            .await?;
        totp_secrets::Entity::delete_many()
            .filter(totp_secrets::Column::UserId.eq(user))
            .exec(&transaction)
            .await?;
        backup_codes::Entity::delete_many()
            .filter(backup_codes::Column::UserId.eq(user))
            .exec(&transaction)
            .await?;
        let event = NewAuditEvent {
            user_id: Some(user),
            handle: Some(verified.handle.to_string()),
            source: Source::User,
            severity: Severity::Warning,
            ..NewAuditEvent::new(AuditEventType::TotpDisabled)
        };
        auth.log_audit_events(vec![event]).await?;
        Ok(transaction.commit().await?)
    }

    /// The database's clock, in seconds since 1970: codes are right or wrong by it, whichever server asks.
    pub(super) async fn unix_seconds(self) -> Result<u64, AuthError> {
        let select = statement("SELECT floor(extract(epoch FROM CURRENT_TIMESTAMP))::bigint AS now", []);
        let row = self.db.query_one_raw(select).await?;
        let now: i64 = row.map(|row| row.try_get("", "now")).transpose()?.unwrap_or_default();
        Ok(u64::try_from(now).unwrap_or_default())
    }

    /// The step that a code of a user's second factor is right for, unless it is wrong. It can have been used.
    pub(super) async fn matching_totp_step(self, user: Uuid, code: &str) -> Result<Option<u64>, AuthError> {
        let select = totp_secrets::Entity::find().filter(totp_secrets::Column::UserId.eq(user));
        let Some(row) = select.one(self.db).await? else { return Ok(None) };
        let secret = self.open(OwnerKind::User, user, sealed(&row)).await?;
        secret.matching_step(code, self.unix_seconds().await?)
    }

    /// Uses up a step, and all before it: `false` when that has been done. One statement, so once whoever else tries.
    pub(super) async fn use_totp_step(self, user: Uuid, step: u64) -> Result<bool, AuthError> {
        let update = statement(
            r#"UPDATE "auth"."totp_secrets" SET "last_used_step" = $2, "last_used_at" = CURRENT_TIMESTAMP
               WHERE "user_id" = $1 AND ("last_used_step" IS NULL OR "last_used_step" < $2)"#,
            [user.into(), step.cast_signed().into()],
        );
        Ok(self.db.execute_raw(update).await?.rows_affected() > 0)
    }
}
