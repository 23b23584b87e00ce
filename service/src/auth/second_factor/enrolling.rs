//! Enrolling, confirming and disabling a second factor.

use chrono::{DateTime, Utc};
use sea_orm::sea_query::{Expr, ExprTrait};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QuerySelect};
use uuid::Uuid;
use watertight_entity::auth::{sessions, users};

use crate::auth::audit::event_type::AuditEventType;
use crate::auth::audit::new_event::NewAuditEvent;
use crate::auth::error::AuthError;
use crate::auth::handle::Totp;
use crate::auth::second_factor::backup_code::BackupCodes;
use crate::auth::second_factor::enrollment::TotpEnrollment;
use crate::auth::second_factor::sealing::owner::OwnerKind;
use crate::auth::second_factor::sealing::sealed::Sealed;
use crate::auth::second_factor::totp_secret::TotpSecret;
use crate::auth::sessions::columns::live_session;
use crate::tenant::sql::{seconds, statement};
use crate::tenant::{TenantExecutor, clock};
use crate::vocabulary::Handle;

impl<C: TenantExecutor> Totp<'_, C> {
    /// Begins to enroll a second factor. Returns the secret, to be shown once.
    ///
    /// The secret is stored in the live session, encrypted, until [`confirm`](Self::confirm). A user with a second factor gets
    /// a new one in its place, and no password is required. If a session alone must not be enough for that, call
    /// [`disable`](Self::disable) first, which requires the password.
    ///
    /// # Errors
    /// [`AuthError::SessionNotFound`], [`AuthError::NotConfigured`].
    pub async fn enroll(self, session: Uuid) -> Result<TotpEnrollment, AuthError> {
        let handle = self.handle_of_session(session).await?;
        let secret = TotpSecret::generate()?;
        let enrollment = TotpEnrollment::new(secret.clone(), secret.uri(self.auth.config.issuer(), &handle)?);
        let sealed = self.auth.seal(OwnerKind::Session, session, secret).await?;
        let update = statement(
            r#"UPDATE "auth"."sessions" SET "temp_totp_secret" = $2,
                   "temp_totp_expires_at" = CURRENT_TIMESTAMP + $3::float8 * INTERVAL '1 second'
               WHERE "id" = $1 AND "expires_at" > CURRENT_TIMESTAMP"#,
            [session.into(), sealed.to_text().into(), seconds(self.auth.config.enrollment_age())],
        );
        match self.auth.db.execute_raw(update).await?.rows_affected() {
            0 => Err(AuthError::SessionNotFound { id: session }),
            _ => Ok(enrollment),
        }
    }

    async fn handle_of_session(self, session: Uuid) -> Result<Handle, AuthError> {
        let select = sessions::Entity::find()
            .select_only()
            .column(users::Column::Handle)
            .inner_join(users::Entity)
            .filter(live_session())
            .filter(sessions::Column::Id.eq(session));
        select.into_tuple().one(self.auth.db).await?.ok_or(AuthError::SessionNotFound { id: session })
    }

    /// Finds the secret of a pending enrollment in a live session.
    ///
    /// Returns `None` when there is none or its time is over.
    ///
    /// # Errors
    /// [`AuthError::Undecryptable`], [`AuthError::NotConfigured`].
    pub async fn find_pending(self, id: Uuid) -> Result<Option<TotpSecret>, AuthError> {
        let pending = sessions::Column::TempTotpExpiresAt.into_expr().gt(Expr::current_timestamp());
        let select = sessions::Entity::find()
            .filter(live_session())
            .filter(pending)
            .filter(sessions::Column::Id.eq(id));
        match select.one(self.auth.db).await?.and_then(|session| session.temp_totp_secret) {
            Some(text) => self.auth.open(OwnerKind::Session, id, Sealed::from_text(&text)?).await.map(Some),
            None => Ok(None),
        }
    }

    /// Completes an enrollment. Returns backup codes, to be shown once.
    ///
    /// After a right code the second factor is required from now on, and the user's other sessions end.
    ///
    /// ```no_run
    /// use watertight::Tenant;
    /// use watertight::auth::AuthError;
    ///
    /// # async fn example(tenant: &impl Tenant, session: uuid::Uuid, code: &str) -> Result<(), AuthError> {
    /// match tenant.auth().totp().confirm(session, code).await {
    ///     Ok(codes) => codes.expose_secrets().for_each(|code| println!("{code}")),
    ///     Err(AuthError::WrongTotpCode) => println!("The code is wrong. Enter the next one."),
    ///     Err(AuthError::NotEnrolled) => println!("The time is over. Scan a new code."),
    ///     Err(other) => return Err(other),
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`AuthError::WrongTotpCode`], after which another code can be tried; [`AuthError::NotEnrolled`] when no enrollment is
    /// pending, its time is over or another attempt has confirmed it; [`AuthError::SessionNotFound`].
    pub async fn confirm(self, session: Uuid, code: &str) -> Result<BackupCodes, AuthError> {
        let codes = BackupCodes::generate(self.auth.config.backup_codes())?;
        self.confirm_with(session, code, &codes).await?;
        Ok(codes)
    }

    /// Completes an enrollment with backup codes that the application has generated.
    ///
    /// It does the same as [`confirm`](Self::confirm), and is safe to repeat: after a lost answer, the same call with the same codes
    /// succeeds, and the application still has the codes to show.
    ///
    /// ```no_run
    /// use watertight::auth::{AuthError, BackupCodes};
    /// use watertight::{Tenant, is_outcome_unknown};
    ///
    /// # async fn example(tenant: &impl Tenant, session: uuid::Uuid, code: &str) -> Result<(), AuthError> {
    /// let codes = BackupCodes::generate(10)?;
    /// let confirmed = match tenant.auth().totp().confirm_with(session, code, &codes).await {
    ///     Err(AuthError::Database(error)) if is_outcome_unknown(&error) => {
    ///         tenant.auth().totp().confirm_with(session, code, &codes).await
    ///     }
    ///     known => known,
    /// };
    /// confirmed?;
    /// codes.expose_secrets().for_each(|code| println!("{code}"));
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As [`confirm`](Self::confirm).
    pub async fn confirm_with(self, session: Uuid, code: &str, codes: &BackupCodes) -> Result<(), AuthError> {
        let handle = self.handle_of_session(session).await?;
        let Some(secret) = self.find_pending(session).await? else {
            return self.confirmed_before(&handle, codes).await;
        };
        let now = clock::unix_seconds(self.auth.db).await?;
        let step = secret.matching_step(code, now).ok_or(AuthError::WrongTotpCode)?;
        let user = self.id_of(&handle).await?;
        let sealed = self.auth.seal(OwnerKind::User, user, secret).await?;
        let stored = self.auth.backup_codes().hash(codes).await?;

        let transaction = self.auth.db.begin().await?;
        let auth = self.auth.on(&transaction);
        // The user's row is locked first, as everywhere, so that parallel operations do not deadlock.
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
            .filter(live_session());
        if taken.exec(&transaction).await?.rows_affected == 0 {
            return Err(AuthError::NotEnrolled);
        }
        // Sessions that were begun without the second factor, or with the one before.
        auth.sessions().end_all_except(user, Some(session)).await?;
        auth.totp().write(&handle, user, sealed, Some(step)).await?;
        auth.backup_codes().write(user, &stored).await?;
        let event = |event_type| NewAuditEvent::by_user(event_type, user, Some(&handle));
        auth.audit()
            .log_all(vec![event(AuditEventType::TotpEnabled), event(AuditEventType::BackupCodesRegenerated)])
            .await?;
        Ok(transaction.commit().await?)
    }

    /// Succeeds if an earlier call with the same backup codes has completed the enrollment.
    async fn confirmed_before(self, handle: &Handle, codes: &BackupCodes) -> Result<(), AuthError> {
        let user = self.auth.users().find_by_handle(handle).await?.filter(|user| user.totp_enabled);
        let user = user.ok_or(AuthError::NotEnrolled)?.id;
        let first = codes.expose_secrets().next().unwrap_or_default();
        let stored = self.auth.backup_codes().find(user).await?;
        let is_same_size = stored.is_some_and(|stored| stored.codes.len() == codes.expose_secrets().len());
        match self.auth.backup_codes().find_match(user, first).await? {
            Some(_) if is_same_size => Ok(()),
            _ => Err(AuthError::NotEnrolled),
        }
    }
}
