use std::thread::{self, ThreadId};

use tokio::task;

/// The task that runs, or the thread if no task does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Strand {
    Task(task::Id),
    /// `block_on` runs its future on the thread that calls it.
    Thread(ThreadId),
}

impl Strand {
    pub(super) fn current() -> Self {
        task::try_id().map_or_else(|| Self::Thread(thread::current().id()), Self::Task)
    }
}
