//! The wait for an answer of the server.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use sea_orm::SqlxError;

/// The wait for the answers of a connection, with a limit.
///
/// A silent network gives no error: without a limit, a statement that was sent waits for good. A connection whose answer is
/// awaited no more, because of the limit or because the future was dropped, is closed: the pool would wait for the answer, too.
#[derive(Debug, Clone)]
pub(super) struct Answer {
    limit: Option<Duration>,
    is_awaited: Arc<AtomicBool>,
}

impl Answer {
    pub(super) fn new(limit: Option<Duration>) -> Self {
        Self { limit, is_awaited: Arc::default() }
    }

    /// Returns true if an answer was not awaited to its end.
    pub(super) fn is_open(&self) -> bool {
        self.is_awaited.load(Ordering::Acquire)
    }

    /// Waits for an exchange with the server.
    pub(super) async fn of<T>(&self, exchange: impl Future<Output = T>) -> Result<T, SqlxError> {
        self.is_awaited.store(true, Ordering::Release);
        let answer = match self.limit {
            Some(limit) => {
                tokio::time::timeout(limit, exchange).await.map_err(|_| SqlxError::Io(silent(limit)))?
            }
            None => exchange.await,
        };
        self.is_awaited.store(false, Ordering::Release);
        Ok(answer)
    }
}

fn silent(limit: Duration) -> io::Error {
    let reason = format!(
        "the server did not answer within {limit:?}, so the connection was closed; check the network, or set \
         `Builder::answer_timeout`"
    );
    io::Error::new(io::ErrorKind::TimedOut, reason)
}
