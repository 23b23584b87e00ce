//! Logins that are repeated because the answer of the first was lost.

use chrono::TimeDelta;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};
use uuid::Uuid;
use watertight_entity::auth::audit_events;

use crate::auth::audit::event_type::AuditEventType;
use crate::auth::error::AuthError;
use crate::auth::handle::Auth;
use crate::auth::sessions::session::Session;
use crate::tenant::{TenantExecutor, clock};

/// The time within which an operation that proves a secret can be repeated.
pub(in crate::auth) const REPEATABLE: TimeDelta = TimeDelta::minutes(10);

impl<C: TenantExecutor> Auth<'_, C> {
    /// The id of the audit event that records the session of a login. Only a holder of the signing key and the id of the
    /// attempt can compute it, so the trail reveals no attempt.
    pub(in crate::auth) fn event_of_attempt(
        self,
        user: Uuid,
        attempt: Option<Uuid>,
    ) -> Result<Option<Uuid>, AuthError> {
        let keys = self.config.signing_keys()?;
        attempt.map(|attempt| keys.event_of_attempt(self.db.tenant_id(), user, attempt)).transpose()
    }

    /// The session that an earlier login with the same attempt has created.
    ///
    /// # Errors
    /// [`AuthError::SessionNotFound`] if the session has ended, or the attempt is too old to be repeated.
    pub(in crate::auth) async fn session_of_attempt(
        self,
        user: Uuid,
        event: Option<Uuid>,
    ) -> Result<Option<Session>, AuthError> {
        let Some(event) = event else { return Ok(None) };
        let select = audit_events::Entity::find()
            .filter(audit_events::Column::Id.eq(event))
            .filter(audit_events::Column::UserId.eq(user))
            .filter(audit_events::Column::Type.eq(AuditEventType::SessionCreated.as_str()));
        let Some(row) = select.one(self.db).await? else { return Ok(None) };
        let id = row.details.get("session").and_then(|id| id.as_str()?.parse().ok()).unwrap_or_default();
        let is_young = clock::now(self.db).await? - row.timestamp.to_utc() < REPEATABLE;
        let session = if is_young { self.sessions().find(id).await? } else { None };
        let session = session.filter(|session| session.user_id == user);
        session.map(Some).ok_or(AuthError::SessionNotFound { id })
    }
}
