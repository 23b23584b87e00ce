//! Locks of administrators.

use sea_orm::Statement;
use uuid::Uuid;

use crate::auth::audit::event_type::AuditEventType;
use crate::auth::audit::new_event::NewAuditEvent;
use crate::auth::error::AuthError;
use crate::auth::handle::Users;
use crate::auth::users::columns::WRITTEN_USER_COLUMNS;
use crate::auth::users::user::User;
use crate::tenant::TenantExecutor;
use crate::tenant::sql::statement;
use crate::vocabulary::{limits, text};

impl<C: TenantExecutor> Users<'_, C> {
    /// Locks an account until it is unlocked, and ends all its sessions.
    ///
    /// # Errors
    /// [`AuthError::UserNotFound`], [`AuthError::InvalidInput`].
    pub async fn lock(self, id: Uuid, reason: &str) -> Result<User, AuthError> {
        text::check("lock reason", reason, limits::TEXT_CHARS)?;
        let lock = format!(
            r#"UPDATE "auth"."users" SET "is_locked" = TRUE, "lock_reason" = $2, "locked_at" = CURRENT_TIMESTAMP,
               "locked_until" = NULL, "updated_at" = CURRENT_TIMESTAMP WHERE "id" = $1 RETURNING {}"#,
            *WRITTEN_USER_COLUMNS
        );
        let transaction = self.auth.db.begin().await?;
        let auth = self.auth.on(&transaction);
        let user = auth
            .users()
            .set_lock(id, statement(lock, [id.into(), reason.into()]), AuditEventType::UserLocked)
            .await?;
        auth.sessions().end_all_except(id, None).await?;
        transaction.commit().await?;
        Ok(user)
    }

    /// Lifts the lock of an account, whether an administrator or failed logins caused it.
    ///
    /// Sessions that another program began during an administrator's lock end.
    ///
    /// # Errors
    /// [`AuthError::UserNotFound`].
    pub async fn unlock(self, id: Uuid) -> Result<User, AuthError> {
        let unlock = format!(
            r#"UPDATE "auth"."users" SET "is_locked" = FALSE, "lock_reason" = NULL, "locked_at" = NULL,
               "locked_until" = NULL, "login_attempts" = 0, "updated_at" = CURRENT_TIMESTAMP
               WHERE "id" = $1 RETURNING {}"#,
            *WRITTEN_USER_COLUMNS
        );
        let transaction = self.auth.db.begin().await?;
        let auth = self.auth.on(&transaction);
        let before = auth.locked_candidate(id).await?;
        if before.is_some_and(|before| before.is_locked && before.locked_until.is_none()) {
            auth.sessions().end_all_except(id, None).await?;
        }
        let user =
            auth.users().set_lock(id, statement(unlock, [id.into()]), AuditEventType::UserUnlocked).await?;
        transaction.commit().await?;
        self.auth.config.device_failures.clear(self.auth.db.tenant_id(), id);
        Ok(user)
    }

    async fn set_lock(self, id: Uuid, update: Statement, event: AuditEventType) -> Result<User, AuthError> {
        let row = self
            .auth
            .db
            .query_one_raw(update)
            .await?
            .ok_or(AuthError::UserNotFound { user: id.to_string() })?;
        let user = User::of(&row)?;
        let event =
            NewAuditEvent { handle: Some(user.handle.to_string()), ..NewAuditEvent::by_admin(event, id) };
        self.auth.audit().log(event).await?;
        Ok(user)
    }
}
