//! Operations of the audit trail as functions of its entity.

use std::time::Duration;

use chrono::{DateTime, Utc};
use uuid::Uuid;
use watertight_entity::auth::audit_events;

use super::{forward, sealed};
use crate::auth::audit::event::AuditEvent;
use crate::auth::audit::failures::LoginOrigin;
use crate::auth::audit::filter::AuditFilter;
use crate::auth::audit::new_event::NewAuditEvent;
use crate::auth::audit::page::AuditPage;
use crate::auth::error::AuthError;
use crate::auth::handle::Auth;
use crate::tenant::TenantExecutor;

/// Operations on the audit trail of a tenant, as functions of `audit_events::Entity`.
///
/// ```no_run
/// use watertight::auth::{AuditEventEntity, AuditEventType, NewAuditEvent};
/// use watertight::entity::auth::audit_events;
///
/// # async fn example(tenant: watertight::TenantConnection) -> Result<(), watertight::Error> {
/// let event = NewAuditEvent::new(AuditEventType::SystemConfigured);
/// audit_events::Entity::log(&tenant, event).await?;
/// # Ok(())
/// # }
/// ```
pub trait AuditEventEntity: sealed::Entity {
    forward! {
        /// Writes an event and returns it.
        fn log(event: NewAuditEvent) -> AuditEvent = log(event) in audit;
        /// Writes events in one statement.
        fn log_all(events: Vec<NewAuditEvent>) -> Vec<Uuid> = log_all(events) in audit;
        /// Returns a page of the audit trail, newest first.
        fn find_page(filter: &AuditFilter) -> AuditPage = page(filter) in audit;
        /// Returns the newest events.
        fn find_recent(limit: Option<u64>) -> Vec<AuditEvent> = recent(limit) in audit;
        /// Returns the number of failed logins of a user or of an address.
        fn failed_logins(origin: &LoginOrigin, window: Duration) -> u64 = failed_logins(origin, window) in audit;
        /// Deletes the events before a time.
        fn purge(before: DateTime<Utc>) -> u64 = purge(before) in audit;
    }
}

impl sealed::Entity for audit_events::Entity {}
impl AuditEventEntity for audit_events::Entity {}
