//! The audit trail: what happened, who did it, when. Events are added and never changed.
//!
//! The database holds their time to its own clock: the policy `audit_clock` refuses to the application's role an event
//! of another time than now, or than the last day for one that was buffered.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use chrono::{DateTime, Utc};
use sea_orm::{ColumnTrait, Condition, EntityTrait, QueryFilter, QueryOrder, QuerySelect};
use serde::Serialize;
use uuid::Uuid;
use watertight_entity::auth::audit_events;

use super::Auth;
use super::audit_kinds::{AuditEventType, Severity, Source};
use super::retention;
use crate::auth::AuthError;
use crate::tenant::TenantExecutor;
use crate::tenant::sql::statement;
use crate::vocabulary::text;
use crate::vocabulary::{InvalidInput, MalformedRow};

/// An event to be logged.
///
/// ```
/// use watertight::auth::{AuditEventType, NewAuditEvent, Severity};
///
/// let event = NewAuditEvent {
///     severity: Severity::Critical,
///     details: serde_json::json!({"finding": "open port"}),
///     ..NewAuditEvent::new(AuditEventType::SecurityScan)
/// };
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewAuditEvent {
    /// What happened.
    pub event_type: AuditEventType,
    /// Who did it, as far as it is known.
    pub user_id: Option<Uuid>,
    /// To whom it was done.
    pub target_user_id: Option<Uuid>,
    /// The handle of who did it; at most 64 characters.
    pub handle: Option<String>,
    /// Where it came from; at most 45 characters.
    pub ip_address: Option<String>,
    /// What it came with.
    pub user_agent: Option<String>,
    /// Whatever else is worth keeping: a JSON object. No secrets.
    pub details: serde_json::Value,
    /// How grave it is.
    pub severity: Severity,
    /// Who caused it.
    pub source: Source,
}

impl NewAuditEvent {
    /// An event caused by the system, as it should be, with no details.
    #[must_use]
    pub fn new(event_type: AuditEventType) -> Self {
        Self {
            event_type,
            user_id: None,
            target_user_id: None,
            handle: None,
            ip_address: None,
            user_agent: None,
            details: serde_json::Value::Object(serde_json::Map::new()),
            severity: Severity::default(),
            source: Source::default(),
        }
    }

    /// Refuses what the database would refuse, so that one event does not hold up the others.
    pub(super) fn check(&self) -> Result<(), InvalidInput> {
        text::check_optional("handle", self.handle.as_ref(), 64)?;
        text::check_optional("IP address", self.ip_address.as_ref(), 45)?;
        text::check_optional("user agent", self.user_agent.as_ref(), usize::MAX)?;
        text::check_object("audit details", &self.details)
    }
}

/// An event of the trail.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AuditEvent {
    /// A UUID of version 7.
    pub id: Uuid,
    /// What happened.
    #[serde(rename = "type")]
    pub event_type: AuditEventType,
    /// Who did it.
    pub user_id: Option<Uuid>,
    /// To whom it was done.
    pub target_user_id: Option<Uuid>,
    /// The handle of who did it, as it was then.
    pub handle: Option<String>,
    /// Where it came from.
    pub ip_address: Option<String>,
    /// What it came with.
    pub user_agent: Option<String>,
    /// Whatever else was worth keeping.
    pub details: serde_json::Value,
    /// How grave it is.
    pub severity: Severity,
    /// Who caused it.
    pub source: Source,
    /// When it happened, by the database's clock.
    pub timestamp: DateTime<Utc>,
}

impl TryFrom<audit_events::Model> for AuditEvent {
    type Error = AuthError;

    fn try_from(row: audit_events::Model) -> Result<Self, AuthError> {
        let malformed =
            |column| move |error: InvalidInput| MalformedRow { column, reason: error.to_string() };
        Ok(Self {
            id: row.id,
            event_type: row.r#type.parse().map_err(malformed("auth.audit_events.type"))?,
            user_id: row.user_id,
            target_user_id: row.target_user_id,
            handle: row.handle,
            ip_address: row.ip_address,
            user_agent: row.user_agent,
            details: row.details,
            severity: row.severity.parse().map_err(malformed("auth.audit_events.severity"))?,
            source: row.source.parse().map_err(malformed("auth.audit_events.source"))?,
            timestamp: row.timestamp.to_utc(),
        })
    }
}

/// Which events to read. The default is all of them.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct AuditFilter {
    /// Not before this time.
    pub from: Option<DateTime<Utc>>,
    /// Before this time.
    pub until: Option<DateTime<Utc>>,
    /// Of this type.
    pub event_type: Option<AuditEventType>,
    /// Done by this user.
    pub user_id: Option<Uuid>,
    /// Of this severity.
    pub severity: Option<Severity>,
    /// After this event, in the order of the page: older.
    pub after: Option<AuditCursor>,
    /// At most so many, 1 to 1000; 100 by default.
    pub limit: Option<u64>,
}

impl AuditFilter {
    /// The most events of a page.
    pub const MAX_LIMIT: u64 = 1_000;
    /// The events of a page unless told otherwise.
    pub const DEFAULT_LIMIT: u64 = 100;
}

/// A place in the trail, to read on from. As text it is opaque.
///
/// ```
/// use watertight::auth::AuditCursor;
///
/// assert!("yesterday".parse::<AuditCursor>().is_err());
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AuditCursor {
    timestamp: DateTime<Utc>,
    id: Uuid,
}

impl fmt::Display for AuditCursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}_{}", self.timestamp.timestamp_micros(), self.id.simple())
    }
}

impl FromStr for AuditCursor {
    type Err = AuthError;

    fn from_str(text: &str) -> Result<Self, AuthError> {
        let parse = || {
            let (micros, id) = text.split_once('_')?;
            let timestamp = DateTime::from_timestamp_micros(micros.parse().ok()?)?;
            Some(Self { timestamp, id: id.parse().ok()? })
        };
        parse().ok_or_else(|| {
            InvalidInput {
                what: "audit cursor",
                value: text.to_owned(),
                reason: "is not one; take it from the page before".to_owned(),
            }
            .into()
        })
    }
}

/// A page of the trail, newest first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditPage {
    /// The events.
    pub events: Vec<AuditEvent>,
    /// Where the next page begins; `None` when this is the last.
    pub next: Option<AuditCursor>,
}

/// One text for any number of events: the plan is remembered, and the message has one value. An event that is written
/// again, because no one knew whether it was written, is there once.
const INSERT: &str = r#"INSERT INTO "auth"."audit_events"
    ("id", "type", "user_id", "target_user_id", "handle", "ip_address", "user_agent", "details", "severity",
     "source", "timestamp")
    SELECT "e"."id", "e"."type", "e"."user_id", "e"."target_user_id", "e"."handle", "e"."ip_address",
           "e"."user_agent", "e"."details", "e"."severity", "e"."source",
           clock_timestamp() - "e"."age" * INTERVAL '1 microsecond'
    FROM jsonb_to_recordset($1::text::jsonb) AS "e"("id" uuid, "type" text, "user_id" uuid, "target_user_id" uuid,
         "handle" text, "ip_address" text, "user_agent" text, "details" jsonb, "severity" text, "source" text,
         "age" bigint)
    ON CONFLICT ("id") DO NOTHING"#;

/// The longest time between an event and its row: the database refuses to the application's role what is older.
const OLDEST: Duration = Duration::from_hours(24);

/// An event as [`INSERT`] reads it.
#[derive(Serialize)]
struct Row<'a> {
    id: Uuid,
    r#type: &'a AuditEventType,
    user_id: Option<Uuid>,
    target_user_id: Option<Uuid>,
    handle: Option<&'a String>,
    ip_address: Option<&'a String>,
    user_agent: Option<&'a String>,
    details: &'a serde_json::Value,
    severity: Severity,
    source: Source,
    /// How long ago it happened, in microseconds.
    age: u64,
}

fn micros_of(age: Duration) -> u64 {
    u64::try_from(age.min(OLDEST).as_micros()).unwrap_or_default()
}

/// The audit trail.
impl<C: TenantExecutor> Auth<'_, C> {
    /// Logs an event, and gives its identity. The database's clock says when it happened.
    ///
    /// # Errors
    /// [`AuthError::InvalidInput`].
    pub async fn log_audit_event(self, event: NewAuditEvent) -> Result<Uuid, AuthError> {
        let ids = self.log_audit_events(vec![event]).await?;
        Ok(ids.into_iter().next().unwrap_or_default())
    }

    /// Logs events in one statement, all or none, and gives their identities.
    ///
    /// # Errors
    /// [`AuthError::InvalidInput`].
    pub async fn log_audit_events(self, events: Vec<NewAuditEvent>) -> Result<Vec<Uuid>, AuthError> {
        events.iter().try_for_each(NewAuditEvent::check)?;
        let rows: Vec<_> = events.iter().map(|event| (Uuid::now_v7(), event, Duration::ZERO)).collect();
        self.write_audit_events(&rows).await?;
        Ok(rows.into_iter().map(|(id, ..)| id).collect())
    }

    /// Writes events that have been checked, each with how long ago it happened.
    pub(super) async fn write_audit_events(
        self,
        events: &[(Uuid, &NewAuditEvent, Duration)],
    ) -> Result<(), AuthError> {
        if events.is_empty() {
            return Ok(());
        }
        let rows: Vec<_> = events
            .iter()
            .map(|(id, event, age)| Row {
                id: *id,
                r#type: &event.event_type,
                user_id: event.user_id,
                target_user_id: event.target_user_id,
                handle: event.handle.as_ref(),
                ip_address: event.ip_address.as_ref(),
                user_agent: event.user_agent.as_ref(),
                details: &event.details,
                severity: event.severity,
                source: event.source,
                age: micros_of(*age),
            })
            .collect();
        let rows = serde_json::to_string(&rows).map_err(|error| sea_orm::DbErr::Json(error.to_string()))?;
        self.db.execute_raw(statement(INSERT, [rows.into()])).await?;
        Ok(())
    }

    /// A page of the trail, newest first.
    ///
    /// # Errors
    /// [`AuthError::InvalidInput`] for a limit that is not between 1 and 1000.
    pub async fn get_audit_events(self, filter: &AuditFilter) -> Result<AuditPage, AuthError> {
        use audit_events::Column::{Id, Severity, Timestamp, Type, UserId};
        let limit = filter.limit.unwrap_or(AuditFilter::DEFAULT_LIMIT);
        if !(1..=AuditFilter::MAX_LIMIT).contains(&limit) {
            let reason = format!("is not between 1 and {}; read on with a cursor", AuditFilter::MAX_LIMIT);
            return Err(InvalidInput { what: "limit", value: limit.to_string(), reason }.into());
        }
        let mut condition = Condition::all()
            .add_option(filter.from.map(|from| Timestamp.gte(from)))
            .add_option(filter.until.map(|until| Timestamp.lt(until)))
            .add_option(filter.event_type.as_ref().map(|kind| Type.eq(kind.as_str())))
            .add_option(filter.user_id.map(|user| UserId.eq(user)))
            .add_option(filter.severity.map(|severity| Severity.eq(severity.as_str())));
        if let Some(AuditCursor { timestamp, id }) = filter.after {
            use sea_orm::sea_query::{Expr, ExprTrait};
            let place = Expr::tuple([Timestamp.into_expr(), Id.into_expr()]);
            condition = condition.add(place.lt(Expr::tuple([Expr::val(timestamp), Expr::val(id)])));
        }
        let rows = audit_events::Entity::find()
            .filter(condition)
            .order_by_desc(Timestamp)
            .order_by_desc(Id)
            // One more than asked for tells whether there is a next page.
            .limit(limit + 1)
            .all(self.db)
            .await?;
        let mut events = rows.into_iter().map(AuditEvent::try_from).collect::<Result<Vec<_>, _>>()?;
        let more = events.len() as u64 > limit;
        events.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
        let last = events.last().filter(|_| more);
        let next = last.map(|event| AuditCursor { timestamp: event.timestamp, id: event.id });
        Ok(AuditPage { events, next })
    }

    /// The newest events, at most `limit` (1 to 1000; 100 for `None`).
    ///
    /// # Errors
    /// As [`get_audit_events`](Self::get_audit_events).
    pub async fn get_recent_audit_events(self, limit: Option<u64>) -> Result<Vec<AuditEvent>, AuthError> {
        Ok(self.get_audit_events(&AuditFilter { limit, ..Default::default() }).await?.events)
    }

    /// Deletes the events from before a time, and says how many there were: retention. The application's role may not;
    /// connect as the tables' owner for it. In batches, as
    /// [`cleanup_expired_sessions`](Self::cleanup_expired_sessions) does it.
    ///
    /// # Errors
    /// [`AuthError::Database`] for the application's role; what the database reports.
    pub async fn purge_audit_events(self, before: DateTime<Utc>) -> Result<u64, AuthError> {
        Ok(retention::delete_audit_events(self.db, before).await?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_is_dated_back_a_day_at_most() {
        assert_eq!(micros_of(Duration::from_millis(5)), 5_000);
        for age in [OLDEST, Duration::from_hours(240), Duration::MAX] {
            assert_eq!(micros_of(age), 86_400_000_000);
        }
    }
}
