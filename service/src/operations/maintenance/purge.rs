//! Deletion of expired rows of a tenant.

#[cfg(feature = "auth")]
use chrono::{DateTime, Utc};
use serde::Serialize;
use watertight_schema::TableSet;

use super::{Maintenance, Progress};
#[cfg(feature = "auth")]
use crate::auth::retention;
#[cfg(feature = "booking")]
use crate::booking::scheduling::retention::delete_holds;
use crate::operations::MaintenanceError;
use crate::tenant::TenantId;
#[cfg(feature = "auth")]
use crate::tenant::clock;
#[cfg(feature = "auth")]
use crate::vocabulary::InvalidInput;

/// Selects the expired rows to delete.
///
/// The default is everything except audit events: only the application knows their retention period.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Purge {
    /// Sessions that have expired.
    #[cfg(feature = "auth")]
    pub sessions: bool,
    /// Invitations that have expired unused.
    #[cfg(feature = "auth")]
    pub invitations: bool,
    /// Holds on slots that have expired or were released.
    #[cfg(feature = "booking")]
    pub reservations: bool,
    /// Audit events before this time; `None` keeps all.
    #[cfg(feature = "auth")]
    pub audit_events_before: Option<DateTime<Utc>>,
}

impl Default for Purge {
    fn default() -> Self {
        Self {
            #[cfg(feature = "auth")]
            sessions: true,
            #[cfg(feature = "auth")]
            invitations: true,
            #[cfg(feature = "booking")]
            reservations: true,
            #[cfg(feature = "auth")]
            audit_events_before: None,
        }
    }
}

/// The numbers of deleted rows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Purged {
    /// The tenant.
    pub tenant: TenantId,
    /// Sessions that had expired.
    #[cfg(feature = "auth")]
    pub sessions: u64,
    /// Invitations that had expired.
    #[cfg(feature = "auth")]
    pub invitations: u64,
    /// Holds on slots that had expired or were released.
    #[cfg(feature = "booking")]
    pub reservations: u64,
    /// Audit events.
    #[cfg(feature = "auth")]
    pub audit_events: u64,
}

impl Maintenance {
    /// Deletes expired rows in batches, so that a large backlog does not hold locks for long.
    ///
    /// Rows that were deleted before an error stay deleted. Tables of [sets](crate::TableSets) that are not
    /// chosen are left unchanged.
    ///
    /// ```no_run
    /// # use watertight::{MaintenanceError, TenantId, maintenance::{Maintenance, Purge}};
    /// # async fn example(maintenance: Maintenance, clinic: TenantId) -> Result<(), MaintenanceError> {
    /// let expired = Purge { invitations: false, ..Purge::default() };
    /// let purged = maintenance.purge(clinic, &expired, |_| ()).await?;
    /// println!("{} sessions and {} holds", purged.sessions, purged.reservations);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`MaintenanceError::InvalidInput`] for a time of audit events in the future, before anything is deleted;
    /// [`MaintenanceError::Database`].
    pub async fn purge(
        &self,
        tenant: TenantId,
        purge: &Purge,
        mut progress: impl FnMut(Progress<'_>) + Send,
    ) -> Result<Purged, MaintenanceError> {
        let connection = self.scoped(tenant);
        #[cfg(feature = "auth")]
        if let Some(before) = purge.audit_events_before {
            let now = clock::now(&connection).await?;
            if before > now {
                let reason =
                    format!("is in the future: all events would be deleted; pass a time before {now}");
                return Err(InvalidInput::new("time of audit events", before.to_string(), reason).into());
            }
        }
        let registry = self.scoped.rewriter.registry();
        let mut purged = Purged {
            tenant,
            #[cfg(feature = "auth")]
            sessions: 0,
            #[cfg(feature = "auth")]
            invitations: 0,
            #[cfg(feature = "booking")]
            reservations: 0,
            #[cfg(feature = "auth")]
            audit_events: 0,
        };
        let mut done = 0;
        let mut tell = |schema: &str, table: &str, rows: u64| {
            done += rows;
            let table = registry.resolve(Some(schema), table).to_string();
            progress(Progress { table: &table, done, total: 0 });
        };
        #[cfg(feature = "auth")]
        if registry.sets().contains(TableSet::Auth) {
            if purge.sessions {
                purged.sessions = retention::delete_sessions(&connection).await?;
                tell("auth", "sessions", purged.sessions);
            }
            if purge.invitations {
                purged.invitations = retention::delete_invitations(&connection).await?;
                tell("auth", "invitations", purged.invitations);
            }
            if let Some(before) = purge.audit_events_before {
                purged.audit_events = retention::delete_audit_events(&connection, before).await?;
                tell("auth", "audit_events", purged.audit_events);
            }
        }
        #[cfg(feature = "booking")]
        if registry.sets().contains(TableSet::Booking) && purge.reservations {
            purged.reservations = delete_holds(&connection).await?;
            tell("public", "slot_reservations", purged.reservations);
        }
        Ok(purged)
    }
}
