//! Writing audit events. Events are added and never changed.
//!
//! The policy `audit_clock` limits their time: the application's role can insert an event of the present, or of the last day
//! for a buffered one.

use std::time::Duration;

use chrono::{DateTime, Utc};
use sea_orm::{ColumnTrait, DbErr, EntityTrait, QueryFilter, QueryResult};
use serde::Serialize;
use uuid::Uuid;
use watertight_entity::auth::audit_events;

use crate::auth::audit::event::AuditEvent;
use crate::auth::audit::event_type::AuditEventType;
use crate::auth::audit::kinds::{Severity, Source};
use crate::auth::audit::new_event::NewAuditEvent;
use crate::auth::error::AuthError;
use crate::auth::handle::AuditTrail;
use crate::tenant::TenantExecutor;
use crate::tenant::driver::is_rejected_by_policy;
use crate::tenant::sql::statement;
use crate::vocabulary::{InvalidInput, limits, text};

/// The statement for any number of events: the plan is cached, and the message contains one value. An event that is written
/// twice, because the outcome of the first attempt is unknown, is stored once.
const INSERT: &str = r#"INSERT INTO "auth"."audit_events"
    ("id", "type", "user_id", "target_user_id", "handle", "ip_address", "user_agent", "details", "severity",
     "source", "timestamp")
    SELECT "e"."id", "e"."type", "e"."user_id", "e"."target_user_id", "e"."handle", "e"."ip_address",
           "e"."user_agent", "e"."details", "e"."severity", "e"."source",
           LEAST("e"."occurred_at", clock_timestamp() - "e"."age" * INTERVAL '1 microsecond')
    FROM jsonb_to_recordset($1::text::jsonb) AS "e"("id" uuid, "type" text, "user_id" uuid, "target_user_id" uuid,
         "handle" text, "ip_address" text, "user_agent" text, "details" jsonb, "severity" text, "source" text,
         "age" bigint, "occurred_at" timestamptz)
    ON CONFLICT ("id") DO NOTHING"#;

/// The longest time between an event and its row: the database refuses older events to the application's role.
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
    /// The age of the event in microseconds, if it has no time.
    age: u64,
    occurred_at: Option<DateTime<Utc>>,
}

fn micros_of(age: Duration) -> u64 {
    u64::try_from(age.min(OLDEST).as_micros()).unwrap_or_default()
}

impl<C: TenantExecutor> AuditTrail<'_, C> {
    /// Writes an event and returns it. Without [`occurred_at`](NewAuditEvent::occurred_at) the database's clock sets its time.
    ///
    /// An event whose id the trail has already is not written again: the stored event is returned.
    ///
    /// # Errors
    /// [`AuthError::InvalidInput`], also for a time that the database rejects.
    pub async fn log(self, event: NewAuditEvent) -> Result<AuditEvent, AuthError> {
        event.check()?;
        let id = event.id.unwrap_or_else(Uuid::now_v7);
        let written = self.insert(&[(id, &event, Duration::ZERO)], r#" RETURNING "timestamp""#).await;
        let written = written.map_err(|error| refused_time(error, event.occurred_at))?;
        if let Some(row) = written.first() {
            let timestamp = row.try_get("", "timestamp")?;
            return Ok(AuditEvent::new(id, event, timestamp));
        }
        let stored =
            audit_events::Entity::find().filter(audit_events::Column::Id.eq(id)).one(self.auth.db).await?;
        stored.ok_or(DbErr::RecordNotInserted)?.try_into()
    }

    /// Writes events in one statement, all or none, and returns their ids.
    ///
    /// Events whose ids the trail has already are not written again.
    ///
    /// # Errors
    /// As [`log`](Self::log).
    pub async fn log_all(self, events: Vec<NewAuditEvent>) -> Result<Vec<Uuid>, AuthError> {
        text::check_items("audit events", events.len(), limits::ROWS)?;
        events.iter().try_for_each(NewAuditEvent::check)?;
        let id = |event: &NewAuditEvent| event.id.unwrap_or_else(Uuid::now_v7);
        let rows: Vec<_> = events.iter().map(|event| (id(event), event, Duration::ZERO)).collect();
        let earliest = events.iter().filter_map(|event| event.occurred_at).min();
        self.write(&rows).await.map_err(|error| refused_time(error, earliest))?;
        Ok(rows.into_iter().map(|(id, ..)| id).collect())
    }

    /// Writes checked events, each with its age.
    pub(in crate::auth) async fn write(
        self,
        events: &[(Uuid, &NewAuditEvent, Duration)],
    ) -> Result<(), AuthError> {
        self.insert(events, "").await.map(drop)
    }

    async fn insert(
        self,
        events: &[(Uuid, &NewAuditEvent, Duration)],
        returning: &str,
    ) -> Result<Vec<QueryResult>, AuthError> {
        if events.is_empty() {
            return Ok(Vec::new());
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
                age: if event.occurred_at.is_some() { 0 } else { micros_of(*age) },
                occurred_at: event.occurred_at,
            })
            .collect();
        let rows = serde_json::to_string(&rows).map_err(|error| sea_orm::DbErr::Json(error.to_string()))?;
        let insert = statement(format!("{INSERT}{returning}"), [rows.into()]);
        Ok(self.auth.db.query_all_raw(insert).await?)
    }
}

/// The policy `audit_clock` rejects the time of an event.
fn refused_time(error: AuthError, time: Option<DateTime<Utc>>) -> AuthError {
    match (error, time) {
        (AuthError::Database(error), Some(time)) if is_rejected_by_policy(&error) => {
            let reason =
                "is more than a day ago; leave it out, or write the event as the owner of the tables";
            InvalidInput::new("occurred_at", time.to_string(), reason).into()
        }
        (error, _) => error,
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
