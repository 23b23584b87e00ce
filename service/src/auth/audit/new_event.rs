//! An audit event to be written.

use chrono::{DateTime, Utc};
use uuid::Uuid;

use crate::auth::audit::event_type::AuditEventType;
use crate::auth::audit::kinds::{Severity, Source};
use crate::auth::sessions::metadata::SessionMetadata;
use crate::vocabulary::{ClientAddress, Handle, InvalidInput, calendar, json, limits, text};

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
    /// An id that identifies the event when it is written again: it is stored once. Without one, the event gets a new id.
    pub id: Option<Uuid>,
    /// The time of the event, if it is not the present. A time in the future counts as the present.
    ///
    /// The database rejects a time of more than a day ago, except for the owner of the tables and the role for maintenance.
    pub occurred_at: Option<DateTime<Utc>>,
    /// The type.
    pub event_type: AuditEventType,
    /// The id of the acting user, if known.
    pub user_id: Option<Uuid>,
    /// The id of the affected user.
    pub target_user_id: Option<Uuid>,
    /// The handle of the acting user; at most 64 characters.
    pub handle: Option<String>,
    /// The address of the client. The setting [`address_storage`](crate::auth::AuthSettings::address_storage) decides how a whole
    /// one is stored.
    pub ip_address: Option<ClientAddress>,
    /// The user agent.
    pub user_agent: Option<String>,
    /// Further details: a JSON object without secrets.
    pub details: serde_json::Value,
    /// The severity.
    pub severity: Severity,
    /// The source.
    pub source: Source,
}

impl NewAuditEvent {
    /// An event of the system, with the [usual severity](AuditEventType::severity) of its type and no details.
    ///
    /// ```
    /// use watertight::auth::{AuditEventType, NewAuditEvent, Severity, Source};
    ///
    /// let event = NewAuditEvent::new("price_list_exported".parse::<AuditEventType>()?);
    /// assert_eq!(event.severity, Severity::Info);
    /// assert_eq!(event.source, Source::System);
    /// assert_eq!(event.details, serde_json::json!({}));
    /// # Ok::<(), watertight::Error>(())
    /// ```
    #[must_use]
    pub fn new(event_type: AuditEventType) -> Self {
        Self {
            id: None,
            occurred_at: None,
            severity: event_type.severity(),
            event_type,
            user_id: None,
            target_user_id: None,
            handle: None,
            ip_address: None,
            user_agent: None,
            details: serde_json::Value::Object(serde_json::Map::new()),
            source: Source::default(),
        }
    }

    /// An event that a user caused.
    pub(in crate::auth) fn by_user(event_type: AuditEventType, user: Uuid, handle: Option<&Handle>) -> Self {
        Self {
            user_id: Some(user),
            handle: handle.map(ToString::to_string),
            source: Source::User,
            ..Self::new(event_type)
        }
    }

    /// An event that an administrator caused on a user's account: a warning.
    pub(in crate::auth) fn by_admin(event_type: AuditEventType, target: Uuid) -> Self {
        Self {
            target_user_id: Some(target),
            severity: Severity::Warning,
            source: Source::Admin,
            ..Self::new(event_type)
        }
    }

    /// The same event with the address and the user agent of a client.
    pub(in crate::auth) fn with_client(self, client: &SessionMetadata) -> Self {
        Self { ip_address: client.client_ip.clone(), user_agent: client.user_agent.clone(), ..self }
    }

    /// Refuses a value that the database would refuse, so that one event does not block others.
    pub(in crate::auth) fn check(&self) -> Result<(), InvalidInput> {
        if let Some(time) = self.occurred_at {
            calendar::check_time("occurred_at", time)?;
        }
        text::check_optional("handle", self.handle.as_ref(), 64)?;
        text::check_optional("user agent", self.user_agent.as_ref(), limits::TEXT_CHARS)?;
        json::check_object("audit details", &self.details)
    }
}
