//! One attempt to write the waiting events of a tenant.

use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use sea_orm::DbErr;

use crate::auth::audit::log::entry::Entry;
use crate::auth::error::AuthError;
use crate::tenant::driver::rejects_values;
use crate::tenant::{Shared, TenantConnection, TenantId};

/// What became of the events of an attempt, by their positions.
pub(in crate::auth) struct Attempted {
    pub(in crate::auth) tenant: TenantId,
    /// The events that the database rejected for their values.
    pub(in crate::auth) refused: Vec<(usize, DbErr)>,
    /// The events to be tried again, and the error that stopped the attempt.
    pub(in crate::auth) left: Option<(Range<usize>, DbErr)>,
}

/// Writes events in their order. When the database rejects the values of a statement, its events are halved until the
/// rejected ones are alone.
pub(in crate::auth) async fn attempt(
    shared: Arc<Shared>,
    tenant: TenantId,
    entries: Arc<[Entry]>,
    timeout: Duration,
) -> Attempted {
    let connection = TenantConnection::new(shared, tenant);
    let mut refused = Vec::new();
    // The last part is the next to be written.
    let mut parts = Vec::from([Range { start: 0, end: entries.len() }]);
    while let Some(part) = parts.pop() {
        let error = match write(&connection, entries.get(part.clone()).unwrap_or_default(), timeout).await {
            Ok(()) => continue,
            Err(error) => error,
        };
        if !rejects_values(&error) {
            return Attempted { tenant, refused, left: Some((part.start..entries.len(), error)) };
        }
        let middle = part.start + part.len() / 2;
        if middle == part.start {
            refused.push((part.start, error));
        } else {
            parts.extend([middle..part.end, part.start..middle]);
        }
    }
    Attempted { tenant, refused, left: None }
}

async fn write(connection: &TenantConnection, entries: &[Entry], timeout: Duration) -> Result<(), DbErr> {
    let rows: Vec<_> = entries.iter().map(|entry| (entry.id, &entry.event, entry.logged.elapsed())).collect();
    match tokio::time::timeout(timeout, connection.auth().audit().write(&rows)).await {
        Ok(Ok(())) => Ok(()),
        Ok(Err(AuthError::Database(error))) => Err(error),
        Ok(Err(error)) => Err(DbErr::Custom(error.to_string())),
        Err(_) => Err(silent()),
    }
}

/// The error for a database that did not answer in time.
pub(in crate::auth) fn silent() -> DbErr {
    let silent = "the database did not answer in time, so the events may have been written";
    DbErr::Custom(silent.to_owned())
}
