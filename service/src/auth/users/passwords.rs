//! Passwords of users.

use serde_json::json;
use uuid::Uuid;

use crate::auth::audit::event_type::AuditEventType;
use crate::auth::audit::new_event::NewAuditEvent;
use crate::auth::error::AuthError;
use crate::auth::handle::Users;
use crate::auth::login::attempt::Factor;
use crate::auth::login::repeating::REPEATABLE;
use crate::auth::sessions::metadata::SessionMetadata;
use crate::auth::users::password::{Credential, Password, PasswordHash};
use crate::tenant::sql::statement;
use crate::tenant::{TenantExecutor, clock};

impl<C: TenantExecutor> Users<'_, C> {
    /// Sets a user's password and ends all sessions of the user: for administrators.
    ///
    /// Users change their own password with [`change_password`](Self::change_password).
    ///
    /// # Errors
    /// [`AuthError::UserNotFound`].
    pub async fn set_password(self, id: Uuid, credential: impl Into<Credential>) -> Result<(), AuthError> {
        let hash = self.auth.config.hasher.hash_of(credential.into()).await?;
        let transaction = self.auth.db.begin().await?;
        let auth = self.auth.on(&transaction);
        auth.users().write_password(id, &hash).await?;
        auth.audit().log(NewAuditEvent::by_admin(AuditEventType::PasswordChanged, id)).await?;
        Ok(transaction.commit().await?)
    }

    /// Writes a hash, lifts a lock of failures, and ends all sessions of the user.
    pub(in crate::auth) async fn write_password(
        self,
        id: Uuid,
        hash: &PasswordHash,
    ) -> Result<(), AuthError> {
        let update = statement(
            r#"UPDATE "auth"."users" SET "password_hash" = $2, "password_changed_at" = CURRENT_TIMESTAMP,
               "updated_at" = CURRENT_TIMESTAMP, "login_attempts" = 0,
               "is_locked" = "is_locked" AND "locked_until" IS NULL WHERE "id" = $1"#,
            [id.into(), hash.expose_secret().into()],
        );
        if self.auth.db.execute_raw(update).await?.rows_affected() == 0 {
            return Err(AuthError::UserNotFound { user: id.to_string() });
        }
        self.auth.sessions().end_all_except(id, None).await?;
        Ok(())
    }

    /// Changes a user's password after verifying the current one.
    ///
    /// The sessions of the user end, except `keep`. A call that is repeated within ten minutes, although the password is the new
    /// one already, succeeds and changes nothing.
    ///
    /// ```no_run
    /// use watertight::Tenant;
    /// use watertight::auth::{AuthError, Password, Session};
    ///
    /// /// Changes the password and keeps the user logged in on this device.
    /// async fn change(
    ///     tenant: &impl Tenant,
    ///     session: &Session,
    ///     old: &Password,
    ///     new: Password,
    /// ) -> Result<bool, AuthError> {
    ///     let users = tenant.auth().users();
    ///     match users.change_password(session.user_id, old, new, Some(session.id)).await {
    ///         Ok(()) => Ok(true),
    ///         Err(AuthError::LoginRefused(_)) => Ok(false),
    ///         Err(other) => Err(other),
    ///     }
    /// }
    /// ```
    ///
    /// # Errors
    /// [`AuthError::LoginRefused`] for a wrong password, which counts as a failed login, and for a password that was changed
    /// meanwhile; [`AuthError::UserNotFound`].
    pub async fn change_password(
        self,
        user: Uuid,
        current: &Password,
        new: Password,
        keep: Option<Uuid>,
    ) -> Result<(), AuthError> {
        let (attempt, metadata) = (self.auth.compare_user(user, current).await?, SessionMetadata::default());
        if attempt.matched.is_none() && self.changed_before(user, &new).await? {
            return Ok(());
        }
        self.auth.judge_alone(&attempt, Factor::NotAsked, &metadata).await?;
        let hash = self.auth.config.hasher.hash(new).await?;
        let transaction = self.auth.db.begin().await?;
        let auth = self.auth.on(&transaction);
        // Judged again: the account can have been locked or given another password meanwhile.
        let verified = match auth.judge(&attempt, Factor::NotAsked, &metadata).await? {
            Ok(verified) => verified,
            Err(refusal) => {
                transaction.commit().await?;
                return Err(refusal.into());
            }
        };
        let update = statement(
            r#"UPDATE "auth"."users" SET "password_hash" = $2, "password_changed_at" = CURRENT_TIMESTAMP,
                   "updated_at" = CURRENT_TIMESTAMP, "login_attempts" = 0
               WHERE "id" = $1"#,
            [user.into(), hash.expose_secret().into()],
        );
        auth.db.execute_raw(update).await?;
        let ended = auth.sessions().end_all_except(user, keep).await?;
        let event = NewAuditEvent {
            details: json!({"sessionsEnded": ended}),
            ..NewAuditEvent::by_user(AuditEventType::PasswordChanged, user, Some(&verified.handle))
        };
        auth.audit().log(event).await?;
        Ok(transaction.commit().await?)
    }

    /// Returns true if the new password was set within the last minutes, on an account that is active and not locked.
    async fn changed_before(self, user: Uuid, new: &Password) -> Result<bool, AuthError> {
        let changed = self.find(user).await?.and_then(|user| user.password_changed_at);
        let Some(changed) = changed else { return Ok(false) };
        if clock::now(self.auth.db).await? - changed >= REPEATABLE {
            return Ok(false);
        }
        let attempt = self.auth.compare_user(user, new).await?;
        let row = self.auth.candidate(r#""id" = $1"#, vec![user.into()]).await?;
        Ok(attempt.verdict(row, Factor::NotAsked).is_ok())
    }
}
