//! Authentication by a session token, and logout.

use std::sync::LazyLock;

use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};
use serde_json::json;
use watertight_entity::auth::sessions;

use crate::auth::audit::event_type::AuditEventType;
use crate::auth::audit::new_event::NewAuditEvent;
use crate::auth::columns::Columns;
use crate::auth::error::AuthError;
use crate::auth::handle::Auth;
use crate::auth::sessions::columns::{SESSION_COLUMNS, read_session};
use crate::auth::sessions::session::Session;
use crate::auth::users::columns::USER_COLUMNS;
use crate::auth::users::user::User;
use crate::tenant::TenantExecutor;
use crate::tenant::sql::{seconds, statement};

/// A user and a session, authenticated by a token.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Authenticated {
    /// The user, as now.
    pub user: User,
    /// The session.
    pub session: Session,
    /// True if the session is due for [`Sessions::renew`](crate::auth::Sessions::renew).
    pub renewal_due: bool,
}

static SELECT: LazyLock<String> = LazyLock::new(|| {
    format!(
        r#"SELECT "sessions"."expires_at" < CURRENT_TIMESTAMP + $2::float8 * INTERVAL '1 second' AS "renewal_due", {}, {}
           FROM "auth"."sessions" JOIN "auth"."users"
               ON "users"."tenant_id" = "sessions"."tenant_id" AND "users"."id" = "sessions"."user_id"
           WHERE "sessions"."id" = $1 AND "sessions"."expires_at" > CURRENT_TIMESTAMP AND "users"."is_active"
               AND NOT ("users"."is_locked" AND "users"."locked_until" IS NULL)"#,
        *SESSION_COLUMNS, *USER_COLUMNS
    )
});

impl<C: TenantExecutor> Auth<'_, C> {
    /// Authenticates a user by a session token. Returns the live session and the present user.
    ///
    /// Takes one query. Returns `None` for a token that is malformed, forged or of another tenant, without a query; for a session
    /// that has ended; and for a user who is deleted, inactive or locked by an administrator. A lock of failed logins ends no
    /// session: otherwise anyone who guesses passwords could log the owner out.
    ///
    /// ```no_run
    /// use watertight::Tenant;
    /// use watertight::auth::{AuthError, User};
    ///
    /// /// The user of a request with a session cookie.
    /// async fn user_of(tenant: &impl Tenant, cookie: &str) -> Result<Option<User>, AuthError> {
    ///     let known = tenant.auth().authenticate(cookie).await?;
    ///     Ok(known.map(|known| known.user))
    /// }
    /// ```
    ///
    /// # Errors
    /// [`AuthError::NotConfigured`] without [`signing_keys`](crate::auth::AuthSettings::signing_keys).
    pub async fn authenticate(self, token: &str) -> Result<Option<Authenticated>, AuthError> {
        let Some(session) = self.config.signing_keys()?.verify(self.db.tenant_id(), token)? else {
            return Ok(None);
        };
        let values = [session.into(), seconds(self.config.renewal_threshold())];
        let row = self.db.query_one_raw(statement(SELECT.as_str(), values)).await?;
        row.map(|row| {
            let columns = &mut Columns::of(&row);
            Ok(Authenticated {
                renewal_due: columns.take()?,
                session: read_session(columns)?.try_into()?,
                user: User::read(columns)?,
            })
        })
        .transpose()
    }

    /// Ends the session of a token. Returns `false` when there was none.
    ///
    /// # Errors
    /// [`AuthError::NotConfigured`] without [`signing_keys`](crate::auth::AuthSettings::signing_keys).
    pub async fn logout(self, token: &str) -> Result<bool, AuthError> {
        let Some(id) = self.config.signing_keys()?.verify(self.db.tenant_id(), token)? else {
            return Ok(false);
        };
        let transaction = self.db.begin().await?;
        let delete = sessions::Entity::delete_many().filter(sessions::Column::Id.eq(id));
        let ended = delete.exec_with_returning(&transaction).await?;
        let events = ended.iter().map(|session| NewAuditEvent {
            details: json!({"session": session.id}),
            ..NewAuditEvent::by_user(AuditEventType::Logout, session.user_id, None)
        });
        self.on(&transaction).audit().log_all(events.collect()).await?;
        transaction.commit().await?;
        Ok(!ended.is_empty())
    }
}
