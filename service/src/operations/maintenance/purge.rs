//! What is over and is not needed any more.

use chrono::{DateTime, Utc};
use serde::Serialize;
use watertight_schema::TableSet;

use super::{Maintenance, Progress};
use crate::error::Error;
use crate::operations::retention;
use crate::tenant::TenantId;

/// What to delete of a tenant. All of it by default but the audit trail, whose retention nobody else can know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Purge {
    /// Sessions that have expired.
    pub sessions: bool,
    /// Invitations that have expired unused.
    pub invitations: bool,
    /// Holds on slots that have expired or were released.
    pub reservations: bool,
    /// Audit events from before this time; none without one.
    pub audit_events_before: Option<DateTime<Utc>>,
}

impl Default for Purge {
    fn default() -> Self {
        Self { sessions: true, invitations: true, reservations: true, audit_events_before: None }
    }
}

/// How many rows were deleted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Purged {
    /// Whose.
    pub tenant: TenantId,
    /// Sessions that had expired.
    pub sessions: u64,
    /// Invitations that had expired.
    pub invitations: u64,
    /// Holds on slots that were over.
    pub reservations: u64,
    /// Audit events.
    pub audit_events: u64,
}

impl Maintenance {
    /// Deletes what is over, in batches, so that a large backlog holds no long lock. What was deleted before an error
    /// stays so. Tables of [sets](crate::TableSets) that are not chosen are left unchanged.
    ///
    /// # Errors
    /// What the database reports.
    pub async fn purge(
        &self,
        tenant: TenantId,
        purge: &Purge,
        mut progress: impl FnMut(Progress<'_>) + Send,
    ) -> Result<Purged, Error> {
        let connection = self.scoped(tenant);
        let registry = self.scoped.rewriter.registry();
        let (has_auth, has_booking) =
            (registry.sets().contains(TableSet::Auth), registry.sets().contains(TableSet::Booking));
        let mut purged = Purged { tenant, sessions: 0, invitations: 0, reservations: 0, audit_events: 0 };
        let mut done = 0;
        let mut tell = |schema, table, rows| {
            done += rows;
            let table = registry.resolve(Some(schema), table).to_string();
            progress(Progress { table: &table, done, total: 0 });
        };
        if has_auth && purge.sessions {
            purged.sessions = retention::delete_sessions(&connection).await?;
            tell("auth", "sessions", purged.sessions);
        }
        if has_auth && purge.invitations {
            purged.invitations = retention::delete_invitations(&connection).await?;
            tell("auth", "invitations", purged.invitations);
        }
        if has_booking && purge.reservations {
            purged.reservations = retention::delete_holds(&connection).await?;
            tell("public", "slot_reservations", purged.reservations);
        }
        if let Some(before) = purge.audit_events_before.filter(|_| has_auth) {
            purged.audit_events = retention::delete_audit_events(&connection, before).await?;
            tell("auth", "audit_events", purged.audit_events);
        }
        Ok(purged)
    }
}
