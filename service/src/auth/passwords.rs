//! Hashing, comparing and changing passwords.

use serde_json::json;
use uuid::Uuid;

use super::Auth;
use super::attempt::Factor;
use super::audit::NewAuditEvent;
use super::audit_kinds::{AuditEventType, Source};
use super::password::{Password, PasswordHash};
use super::sessions::SessionMetadata;
use crate::auth::AuthError;
use crate::tenant::TenantExecutor;
use crate::tenant::sql::statement;

/// Passwords.
impl<C: TenantExecutor> Auth<'_, C> {
    /// Gives a user another password, for which it asks the one they have, and ends their other sessions: all but
    /// `keep`.
    ///
    /// # Errors
    /// [`AuthError::LoginRefused`] for a wrong password, which counts as a failure to log in, and for one that was changed
    /// meanwhile; [`AuthError::UserNotFound`].
    pub async fn change_password(
        self,
        user: Uuid,
        current: &Password,
        new: Password,
        keep: Option<Uuid>,
    ) -> Result<(), AuthError> {
        let (attempt, metadata) = (self.compare_user(user, current).await?, SessionMetadata::default());
        self.judge_alone(&attempt, Factor::NotAsked, &metadata).await?;
        let hash = self.config.hasher.hash(new).await?;
        let transaction = self.db.begin().await?;
        let auth = self.on(&transaction);
        // Asked again: the account can have been locked or given another password meanwhile.
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
        let ended = auth.end_sessions(user, keep).await?;
        let event = NewAuditEvent {
            user_id: Some(user),
            handle: Some(verified.handle.to_string()),
            source: Source::User,
            details: json!({"sessionsEnded": ended}),
            ..NewAuditEvent::new(AuditEventType::PasswordChanged)
        };
        auth.log_audit_events(vec![event]).await?;
        Ok(transaction.commit().await?)
    }

    /// Hashes a password, on a blocking thread.
    ///
    /// # Errors
    /// [`AuthError::NoRandomness`].
    pub async fn hash_password(self, password: Password) -> Result<PasswordHash, AuthError> {
        self.config.hasher.hash(password).await
    }

    /// Whether a password is the one that was hashed, on a blocking thread.
    ///
    /// # Errors
    /// None but that the runtime is shutting down.
    pub async fn verify_password(self, password: Password, hash: PasswordHash) -> Result<bool, AuthError> {
        self.config.hasher.verify(password, hash).await
    }

    /// Whether a hash is of a lower cost than the settings'.
    #[must_use]
    pub fn needs_rehash(self, hash: &PasswordHash) -> bool {
        self.config.hasher.needs_rehash(hash)
    }
}
