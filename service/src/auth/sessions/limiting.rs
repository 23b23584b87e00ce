//! The limit of sessions of a user.

use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect};
use serde_json::json;
use uuid::Uuid;
use watertight_entity::auth::sessions;

use crate::auth::audit::event_type::AuditEventType;
use crate::auth::audit::new_event::NewAuditEvent;
use crate::auth::error::AuthError;
use crate::auth::handle::Sessions;
use crate::auth::login::device::Origin;
use crate::auth::sessions::columns::live_session;
use crate::auth::sessions::metadata::SessionMetadata;
use crate::auth::sessions::session::Session;
use crate::tenant::TenantExecutor;

impl<C: TenantExecutor> Sessions<'_, C> {
    /// Creates a session and ends the oldest ones beyond the limit.
    ///
    /// The user's row is locked first: concurrent logins wait for one another, and each sees the sessions of those before.
    pub(super) async fn create_within(
        self,
        limit: u32,
        user: Uuid,
        origin: Origin,
        metadata: &SessionMetadata,
    ) -> Result<Session, AuthError> {
        use sessions::Column::{CreatedAt, Id, UserId};
        let transaction = self.auth.db.begin().await?;
        let auth = self.auth.on(&transaction);
        auth.locked_candidate(user).await?;
        let session = auth.sessions().insert(user, origin, metadata).await?;
        // The new session is not among them: a login that waited has an earlier time.
        let others = sessions::Entity::find().filter(UserId.eq(user)).filter(Id.ne(session.id));
        let oldest: Vec<Uuid> = others
            .filter(live_session())
            .select_only()
            .column(Id)
            .order_by_desc(CreatedAt)
            .order_by_asc(Id)
            .offset(u64::from(limit.saturating_sub(1)))
            .into_tuple()
            .all(&transaction)
            .await?;
        if !oldest.is_empty() {
            sessions::Entity::delete_many()
                .filter(Id.is_in(oldest.iter().copied()))
                .exec(&transaction)
                .await?;
            let events = oldest.into_iter().map(|id| NewAuditEvent {
                target_user_id: Some(user),
                details: json!({"session": id, "reason": "limit of sessions"}),
                ..NewAuditEvent::new(AuditEventType::SessionDestroyed)
            });
            auth.audit().log_all(events.collect()).await?;
        }
        transaction.commit().await?;
        Ok(session)
    }
}
