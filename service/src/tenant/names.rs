//! Reads the names of the database again when a statement shows that they changed.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use sea_orm::DbErr;
use tokio::sync::Mutex;
use tokio::time::{Instant, sleep_until};
use tracing::{debug, warn};

use super::driver::sql_state;
use super::inspection::Inspection;
use super::refusal::{Reason, Refusal};
use super::shared::Shared;
use super::snapshot::Snapshot;

/// The minimum time between two reads, which limits the load of statements with unknown names.
const INTERVAL: Duration = Duration::from_millis(250);

/// The time of the last read of the names, and whether an error indicates that they have changed.
#[derive(Debug, Default)]
pub(crate) struct Names {
    last_read: Mutex<Option<Instant>>,
    stale: AtomicBool,
}

impl Shared {
    /// Reads the names again if changed names can explain a refusal. Returns whether to try again.
    ///
    /// A transaction already holds a connection and must not wait for another one, so it passes `false` for
    /// `may_wait`.
    pub(super) async fn read_names_after(&self, refusal: &Refusal, may_wait: bool) -> bool {
        let depends = matches!(
            refusal.reason,
            Reason::UnknownColumn(_) | Reason::UnknownType(_) | Reason::UnnamedColumns(_)
        );
        depends && self.read_names(may_wait).await
    }

    /// Reads the names again if an earlier statement failed because they changed.
    ///
    /// Other statements do not wait for the read, and none starts another one within the minimum time.
    pub(super) async fn read_stale_names(&self, may_wait: bool) {
        if !self.names.stale.load(Ordering::Relaxed) {
            return;
        }
        let Ok(mut last_read) = self.names.last_read.try_lock() else { return };
        if last_read.is_none_or(|last| last.elapsed() >= INTERVAL) {
            self.names.stale.store(false, Ordering::Release);
            self.read_names_now(&mut last_read, may_wait).await;
        }
    }

    /// Marks the names as stale, and connections as outdated, if an error of the server indicates that the schema has
    /// changed. `born` is the generation of the connection on which the statement ran.
    pub(super) fn watch<T>(&self, born: u64, result: Result<T, DbErr>) -> Result<T, DbErr> {
        self.generation.watch(&self.pool, born, &result);
        if let Err(error) = &result
            && tells_of_names(error)
        {
            self.names.stale.store(true, Ordering::Release);
        }
        result
    }

    async fn read_names(&self, may_wait: bool) -> bool {
        let asked = Instant::now();
        let mut last_read = self.names.last_read.lock().await;
        match *last_read {
            // Another statement has read them since this call began.
            Some(last) if last >= asked => return true,
            Some(last) => sleep_until(last + INTERVAL).await,
            None => {}
        }
        self.read_names_now(&mut last_read, may_wait).await
    }

    async fn read_names_now(&self, last_read: &mut Option<Instant>, may_wait: bool) -> bool {
        let connection = match self.generation.try_acquire(&self.pool) {
            Some(connection) => connection,
            None if may_wait => match self.generation.acquire(&self.pool).await {
                Ok(connection) => connection,
                Err(_) => return false,
            },
            None => return false,
        };
        *last_read = Some(Instant::now());
        let read = async {
            let mut inspection = Inspection::begin_on(connection).await?;
            Snapshot::read(&mut inspection, self.rewriter.registry()).await
        };
        match read.await {
            Ok(snapshot) => {
                debug!("the cached catalog of the database was refreshed");
                self.rewriter.replace_snapshot(snapshot);
                true
            }
            Err(error) => {
                warn!(%error, "the cached catalog of the database could not be refreshed");
                false
            }
        }
    }
}

/// Whether the server does not know a name (class 42), or a prepared statement is outdated (0A000).
fn tells_of_names(error: &DbErr) -> bool {
    sql_state(error).is_some_and(|code| code == "0A000" || code.starts_with("42") && code != "42501")
}
