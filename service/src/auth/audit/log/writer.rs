//! The task that writes queued audit events.

use std::sync::Arc;
use std::time::Instant;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;

use crate::auth::audit::log::attempt::attempt;
use crate::auth::audit::log::queue::Queue;
use crate::tenant::Shared;

/// The task that writes the events.
pub(in crate::auth) struct Writer {
    shared: Arc<Shared>,
    queue: Arc<Queue>,
}

impl Writer {
    pub(in crate::auth) const fn new(shared: Arc<Shared>, queue: Arc<Queue>) -> Self {
        Self { shared, queue }
    }

    /// Writes until the queue has ended and is empty, or until closing gives up.
    pub(in crate::auth) async fn run(self) {
        let queue = &self.queue;
        let mut running = FuturesUnordered::new();
        while !queue.is_done() {
            while running.len() < queue.options.writers.max(1)
                && let Some((tenant, entries)) = queue.take()
            {
                running.push(attempt(Arc::clone(&self.shared), tenant, entries, queue.options.write_timeout));
            }
            tokio::select! {
                biased;
                () = until(queue.deadline()) => break,
                Some(attempted) = running.next(), if !running.is_empty() => queue.settle(attempted),
                () = queue.changed.notified() => {}
                () = until(queue.next_retry()), if running.len() < queue.options.writers.max(1) => {}
            }
        }
        queue.finish(false);
    }
}

impl Drop for Writer {
    /// Sets the result when the runtime stops before the events are written.
    fn drop(&mut self) {
        self.queue.finish(true);
    }
}

/// Waits until a time, forever without one.
async fn until(time: Option<Instant>) {
    match time {
        Some(time) => tokio::time::sleep_until(time.into()).await,
        None => std::future::pending().await,
    }
}
