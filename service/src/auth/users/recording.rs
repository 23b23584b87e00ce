//! Logins that the application verifies itself.

use uuid::Uuid;

use crate::auth::audit::event_type::AuditEventType;
use crate::auth::audit::new_event::NewAuditEvent;
use crate::auth::error::AuthError;
use crate::auth::handle::Users;
use crate::auth::login::device::Origin;
use crate::auth::refusal::LoginRefusal;
use crate::auth::sessions::metadata::SessionMetadata;
use crate::auth::users::columns::WRITTEN_USER_COLUMNS;
use crate::auth::users::password::PasswordHash;
use crate::auth::users::user::User;
use crate::tenant::TenantExecutor;
use crate::tenant::sql::statement;

impl<C: TenantExecutor> Users<'_, C> {
    /// Records a login that the application has verified itself, for example with another service.
    ///
    /// It sets the time, the address and the user agent of the last login, resets the failures and logs the event.
    /// [`Sessions::create`](crate::auth::Sessions::create) then begins a session.
    ///
    /// Call it outside a transaction of your own: a refusal that is rolled back is not logged.
    ///
    /// ```no_run
    /// use watertight::Tenant;
    /// use watertight::auth::{AuthError, SessionMetadata, SessionToken};
    ///
    /// /// Begins the session of a user whose identity another service has confirmed.
    /// async fn enter(
    ///     tenant: &impl Tenant,
    ///     user: uuid::Uuid,
    ///     client: &SessionMetadata,
    /// ) -> Result<SessionToken, AuthError> {
    ///     let auth = tenant.auth();
    ///     auth.users().record_login(user, client).await?;
    ///     let session = auth.sessions().create(user, client).await?;
    ///     auth.sessions().issue_token(session.id).await
    /// }
    /// ```
    ///
    /// # Errors
    /// [`AuthError::LoginRefused`] for a user who is inactive or locked, which is logged; [`AuthError::UserNotFound`],
    /// [`AuthError::InvalidInput`].
    pub async fn record_login(self, id: Uuid, client: &SessionMetadata) -> Result<User, AuthError> {
        client.check()?;
        let transaction = self.auth.db.begin().await?;
        let auth = self.auth.on(&transaction);
        let Some(row) = auth.locked_candidate(id).await? else {
            return Err(AuthError::UserNotFound { user: id.to_string() });
        };
        if let Some(refusal) = row.barred() {
            let refusal = auth.refuse(Some((id, &row.handle)), Origin::Anywhere, refusal, client).await?;
            transaction.commit().await?;
            return Err(refusal.into());
        }
        let user = auth.users().write_login(id, Origin::Anywhere, None, client).await?;
        let event = NewAuditEvent::by_user(AuditEventType::LoginSuccess, id, Some(&row.handle));
        auth.audit().log(event.with_client(client)).await?;
        transaction.commit().await?;
        Ok(user)
    }

    /// Records a failed login of a known user that the application has verified itself.
    ///
    /// The failure counts as a failure of [`Auth::login`](crate::auth::Auth::login): it is logged, and locks the account as
    /// [`Lockout`](crate::auth::Lockout) defines. The returned user shows whether the account is locked.
    ///
    /// Call it outside a transaction of your own: a failure that is rolled back is not counted.
    ///
    /// # Errors
    /// [`AuthError::UserNotFound`], [`AuthError::InvalidInput`].
    pub async fn record_failed_login(self, id: Uuid, client: &SessionMetadata) -> Result<User, AuthError> {
        client.check()?;
        let transaction = self.auth.db.begin().await?;
        let auth = self.auth.on(&transaction);
        let not_found = || AuthError::UserNotFound { user: id.to_string() };
        let row = auth.locked_candidate(id).await?.ok_or_else(not_found)?;
        let refusal = if row.is_locked {
            LoginRefusal::Locked { until: row.locked_until }
        } else {
            LoginRefusal::BadCredentials
        };
        auth.refuse(Some((id, &row.handle)), Origin::Anywhere, refusal, client).await?;
        let user = auth.users().find(id).await?.ok_or_else(not_found)?;
        transaction.commit().await?;
        Ok(user)
    }

    /// Writes the time and the client of a login, with another hash if there is one, and resets the failures.
    pub(in crate::auth) async fn write_login(
        self,
        id: Uuid,
        origin: Origin,
        rehashed: Option<&PasswordHash>,
        client: &SessionMetadata,
    ) -> Result<User, AuthError> {
        // A login from a known device says nothing about the guesses from elsewhere.
        let lifted = match origin {
            Origin::Anywhere => {
                r#""login_attempts" = 0, "is_locked" = FALSE, "locked_until" = NULL, "lock_reason" = NULL,"#
            }
            Origin::KnownDevice => "",
        };
        let update = format!(
            r#"UPDATE "auth"."users" SET {lifted} "last_login_at" = CURRENT_TIMESTAMP,
                   "password_hash" = COALESCE($2, "password_hash"), "ip_address" = $3, "user_agent" = $4
               WHERE "id" = $1
               RETURNING {}"#,
            *WRITTEN_USER_COLUMNS
        );
        let values = [
            id.into(),
            rehashed.map(PasswordHash::expose_secret).into(),
            self.auth.config.stored_address(client.client_ip.as_ref()).into(),
            client.user_agent.clone().into(),
        ];
        let row = self.auth.db.query_one_raw(statement(update, values)).await?;
        let row = row.ok_or_else(|| AuthError::UserNotFound { user: id.to_string() })?;
        Ok(User::of(&row)?)
    }
}
