//! Being known again, and logging out.

use std::sync::LazyLock;

use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};
use serde_json::json;
use uuid::Uuid;
use watertight_entity::auth::sessions;

use super::Auth;
use super::audit::NewAuditEvent;
use super::audit_kinds::{AuditEventType, Source};
use super::sessions::Session;
use super::sql::{Columns, SESSION_COLUMNS, USER_COLUMNS, read_session};
use super::token::SessionToken;
use super::user::User;
use crate::auth::AuthError;
use crate::tenant::TenantExecutor;
use crate::tenant::sql::{seconds, statement};

/// Someone is known again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Authenticated {
    /// Who, as they are now.
    pub user: User,
    /// Their session.
    pub session: Session,
    /// Whether the session is about to end: then [`renew_session`](Auth::renew_session).
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

/// Being known again.
impl<C: TenantExecutor> Auth<'_, C> {
    /// Who holds a token: their session, live by the database's clock, and the user as they are now, in one query.
    /// `None` when the token is malformed, forged or another tenant's, for which the database is not asked, and when
    /// the session has ended or the user may not be here: deleted, inactive, or locked by someone. A lock of failures
    /// ends no session: whoever guesses at a password would log its owner out.
    ///
    /// # Errors
    /// [`AuthError::NotConfigured`] without [`signing_keys`](super::AuthSettings::signing_keys).
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

    /// The token of a session, for an application that has begun one itself.
    ///
    /// # Errors
    /// [`AuthError::SessionNotFound`]; [`AuthError::NotConfigured`] without
    /// [`signing_keys`](super::AuthSettings::signing_keys).
    pub async fn issue_token(self, session: Uuid) -> Result<SessionToken, AuthError> {
        let keys = self.config.signing_keys()?;
        let live = self.get_session(session).await?.ok_or(AuthError::SessionNotFound { id: session })?;
        keys.sign(self.db.tenant_id(), live.id)
    }

    /// Ends the session of a token. `false` when there was none.
    ///
    /// # Errors
    /// [`AuthError::NotConfigured`] without [`signing_keys`](super::AuthSettings::signing_keys).
    pub async fn logout(self, token: &str) -> Result<bool, AuthError> {
        let Some(id) = self.config.signing_keys()?.verify(self.db.tenant_id(), token)? else {
            return Ok(false);
        };
        let transaction = self.db.begin().await?;
        let delete = sessions::Entity::delete_many().filter(sessions::Column::Id.eq(id));
        let ended = delete.exec_with_returning(&transaction).await?;
        let events = ended.iter().map(|session| NewAuditEvent {
            user_id: Some(session.user_id),
            source: Source::User,
            details: json!({"session": session.id}),
            ..NewAuditEvent::new(AuditEventType::Logout)
        });
        self.on(&transaction).log_audit_events(events.collect()).await?;
        transaction.commit().await?;
        Ok(!ended.is_empty())
    }
}
