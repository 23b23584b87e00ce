//! A connection of the pool, closed instead of returned once the schema has changed.

use std::ops::{Deref, DerefMut};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use sea_orm::DbErr;
use sea_orm::sqlx::pool::PoolConnection;
use sea_orm::sqlx::{PgConnection, PgPool, Postgres};

use super::answer::Answer;
use super::driver::{acquire_error, is_outdated};

/// The number of times that connections turned out to be older than the schema.
///
/// A connection keeps prepared statements and types, which a changed column or a recreated type makes unusable. When one
/// connection shows this, all that are as old are closed: the idle ones at once, the others at the end of their use.
#[derive(Debug, Default)]
pub(crate) struct Generation(Arc<AtomicU64>, Option<Duration>);

impl Generation {
    /// Connections whose answers are awaited for a limited time.
    pub(crate) fn with_answer_timeout(limit: Option<Duration>) -> Self {
        Self(Arc::default(), limit)
    }

    /// Takes a connection of the pool.
    pub(super) async fn acquire(&self, pool: &PgPool) -> Result<PooledConnection, DbErr> {
        // Read before, so that a connection never counts as younger than it is.
        let born = self.0.load(Ordering::Acquire);
        let connection = pool.acquire().await.map_err(acquire_error)?;
        Ok(self.pooled(connection, born))
    }

    fn pooled(&self, connection: PoolConnection<Postgres>, born: u64) -> PooledConnection {
        PooledConnection { connection, born, current: Arc::clone(&self.0), answer: Answer::new(self.1) }
    }

    /// Takes an idle connection of the pool, if there is one.
    pub(super) fn try_acquire(&self, pool: &PgPool) -> Option<PooledConnection> {
        let born = self.0.load(Ordering::Acquire);
        let connection = pool.try_acquire()?;
        Some(self.pooled(connection, born))
    }

    /// Closes the connections of a generation if one of them failed because the schema has changed.
    pub(super) fn watch<T>(&self, pool: &PgPool, born: u64, result: &Result<T, DbErr>) {
        if result.as_ref().is_err_and(is_outdated)
            && self.0.compare_exchange(born, born + 1, Ordering::AcqRel, Ordering::Relaxed).is_ok()
        {
            let idle = (0..pool.num_idle()).map_while(|_| pool.try_acquire());
            idle.for_each(|mut connection| connection.close_on_drop());
        }
    }
}

/// A connection of the pool.
pub(super) struct PooledConnection {
    connection: PoolConnection<Postgres>,
    born: u64,
    current: Arc<AtomicU64>,
    answer: Answer,
}

impl PooledConnection {
    /// The wait for the server's answers.
    pub(super) fn answer(&self) -> Answer {
        self.answer.clone()
    }

    /// The generation of the connection.
    pub(super) const fn born(&self) -> u64 {
        self.born
    }

    pub(super) fn close_on_drop(&mut self) {
        self.connection.close_on_drop();
    }
}

impl Drop for PooledConnection {
    fn drop(&mut self) {
        if self.current.load(Ordering::Acquire) != self.born || self.answer.is_open() {
            self.close_on_drop();
        }
    }
}

impl Deref for PooledConnection {
    type Target = PgConnection;

    fn deref(&self) -> &PgConnection {
        &self.connection
    }
}

impl DerefMut for PooledConnection {
    fn deref_mut(&mut self) -> &mut PgConnection {
        &mut self.connection
    }
}
