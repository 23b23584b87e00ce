//! An audit event.

use chrono::{DateTime, Utc};
use serde::Serialize;
use uuid::Uuid;
use watertight_entity::auth::audit_events;

use crate::auth::audit::event_type::AuditEventType;
use crate::auth::audit::kinds::{Severity, Source};
use crate::auth::audit::new_event::NewAuditEvent;
use crate::auth::error::AuthError;
use crate::vocabulary::{ClientAddress, InvalidInput, MalformedRow};

/// An event of the audit trail.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct AuditEvent {
    /// A UUID of version 7, unless the writer of the event has chosen another.
    pub id: Uuid,
    /// The type.
    #[serde(rename = "type")]
    pub event_type: AuditEventType,
    /// The id of the acting user.
    pub user_id: Option<Uuid>,
    /// The id of the affected user.
    pub target_user_id: Option<Uuid>,
    /// The handle of the acting user at that time.
    pub handle: Option<String>,
    /// The address of the client, as it is stored.
    pub ip_address: Option<ClientAddress>,
    /// The user agent.
    pub user_agent: Option<String>,
    /// Further details.
    pub details: serde_json::Value,
    /// The severity.
    pub severity: Severity,
    /// The source.
    pub source: Source,
    /// The time, by the database's clock.
    pub timestamp: DateTime<Utc>,
}

impl AuditEvent {
    /// A written event.
    pub(in crate::auth) fn new(id: Uuid, new: NewAuditEvent, timestamp: DateTime<Utc>) -> Self {
        Self {
            id,
            event_type: new.event_type,
            user_id: new.user_id,
            target_user_id: new.target_user_id,
            handle: new.handle,
            ip_address: new.ip_address,
            user_agent: new.user_agent,
            details: new.details,
            severity: new.severity,
            source: new.source,
            timestamp,
        }
    }
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
            ip_address: row.ip_address.map(ClientAddress::stored),
            user_agent: row.user_agent,
            details: row.details,
            severity: row.severity.parse().map_err(malformed("auth.audit_events.severity"))?,
            source: row.source.parse().map_err(malformed("auth.audit_events.source"))?,
            timestamp: row.timestamp.to_utc(),
        })
    }
}
