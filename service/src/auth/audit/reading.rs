//! Reading the audit trail.

use sea_orm::sea_query::{Expr, ExprTrait};
use sea_orm::{ColumnTrait, Condition, EntityTrait, QueryFilter, QueryOrder, QuerySelect};
use watertight_entity::auth::audit_events;

use crate::auth::audit::cursor::AuditCursor;
use crate::auth::audit::event::AuditEvent;
use crate::auth::audit::filter::AuditFilter;
use crate::auth::audit::page::AuditPage;
use crate::auth::error::AuthError;
use crate::auth::handle::AuditTrail;
use crate::tenant::TenantExecutor;
use crate::vocabulary::InvalidInput;

impl<C: TenantExecutor> AuditTrail<'_, C> {
    /// Returns a page of the audit trail, newest first.
    ///
    /// # Errors
    /// [`AuthError::InvalidInput`] for a limit that is not between 1 and 1000.
    pub async fn page(self, filter: &AuditFilter) -> Result<AuditPage, AuthError> {
        use audit_events::Column::{Id, Severity, Timestamp, Type, UserId};
        let limit = filter.limit.unwrap_or(AuditFilter::DEFAULT_LIMIT);
        if !(1..=AuditFilter::MAX_LIMIT).contains(&limit) {
            let reason =
                format!("is not between 1 and {}; read further pages with a cursor", AuditFilter::MAX_LIMIT);
            return Err(InvalidInput { what: "limit", value: limit.to_string(), reason }.into());
        }
        let mut condition = Condition::all()
            .add_option(filter.from.map(|from| Timestamp.gte(from)))
            .add_option(filter.until.map(|until| Timestamp.lt(until)))
            .add_option(filter.event_type.as_ref().map(|kind| Type.eq(kind.as_str())))
            .add_option(filter.user_id.map(|user| UserId.eq(user)))
            .add_option(filter.severity.map(|severity| Severity.eq(severity.as_str())));
        if let Some(AuditCursor { timestamp, id }) = filter.after {
            let place = Expr::tuple([Timestamp.into_expr(), Id.into_expr()]);
            condition = condition.add(place.lt(Expr::tuple([Expr::val(timestamp), Expr::val(id)])));
        }
        let rows = audit_events::Entity::find()
            .filter(condition)
            .order_by_desc(Timestamp)
            .order_by_desc(Id)
            // One more than asked for tells whether there is a next page.
            .limit(limit + 1)
            .all(self.auth.db)
            .await?;
        let mut events = rows.into_iter().map(AuditEvent::try_from).collect::<Result<Vec<_>, _>>()?;
        let more = events.len() as u64 > limit;
        events.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
        let last = events.last().filter(|_| more);
        let next = last.map(|event| AuditCursor { timestamp: event.timestamp, id: event.id });
        Ok(AuditPage { events, next })
    }

    /// Returns the newest events, at most `limit` (1 to 1000; 100 for `None`).
    ///
    /// # Errors
    /// As [`page`](Self::page).
    pub async fn recent(self, limit: Option<u64>) -> Result<Vec<AuditEvent>, AuthError> {
        Ok(self.page(&AuditFilter { limit, ..Default::default() }).await?.events)
    }
}
