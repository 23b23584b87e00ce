//! Where slow computations run: on blocking threads, so many at a time.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::Semaphore;

use super::password::{Credential, Password, PasswordHash};
use crate::Error;

/// How busy hashing is; see [`Watertight::hashing_metrics`](crate::Watertight::hashing_metrics).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct HashingMetrics {
    /// The most computations that run at a time.
    pub limit: usize,
    /// How many run now.
    pub running: usize,
    /// The most that ever ran at a time.
    pub peak: usize,
    /// How many have ended.
    pub done: usize,
}

#[derive(Debug)]
pub(super) struct Hasher {
    cost: u32,
    limit: usize,
    permits: Arc<Semaphore>,
    counts: Arc<Counts>,
}

#[derive(Debug, Default)]
struct Counts {
    running: AtomicUsize,
    peak: AtomicUsize,
    done: AtomicUsize,
}

impl Hasher {
    pub(super) fn new(cost: u32, limit: usize) -> Self {
        Self { cost, limit, permits: Arc::new(Semaphore::new(limit)), counts: Arc::default() }
    }

    /// Runs a slow computation on a blocking thread, when its turn comes.
    ///
    /// The permit goes with the computation, which goes on when the future is dropped: so the bound holds then too.
    pub(super) async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Error> {
        let permit = Arc::clone(&self.permits).acquire_owned().await.map_err(|_| Error::RuntimeStopped)?;
        let counts = Arc::clone(&self.counts);
        let work = move || {
            let running = counts.running.fetch_add(1, Ordering::SeqCst) + 1;
            counts.peak.fetch_max(running, Ordering::SeqCst);
            let result = work();
            counts.running.fetch_sub(1, Ordering::SeqCst);
            counts.done.fetch_add(1, Ordering::SeqCst);
            drop(permit);
            result
        };
        tokio::task::spawn_blocking(work).await.map_err(|_| Error::RuntimeStopped)
    }

    pub(super) async fn hash(&self, password: Password) -> Result<PasswordHash, Error> {
        let cost = self.cost;
        self.run(move || PasswordHash::of(&password, cost)).await?
    }

    /// The hash of a credential, which is at hand or made now.
    pub(super) async fn hash_of(&self, credential: Credential) -> Result<PasswordHash, Error> {
        match credential {
            Credential::Password(password) => self.hash(password).await,
            Credential::Hash(hash) => Ok(hash),
        }
    }

    /// Verifies a password against a hash, or against nobody's, which takes as long and is never right.
    pub(super) async fn verify(&self, password: Password, hash: Option<PasswordHash>) -> Result<bool, Error> {
        let cost = self.cost;
        self.run(move || match hash {
            Some(hash) => hash.verify(&password),
            None => PasswordHash::of_nobody(cost).verify(&password) & false,
        })
        .await
    }

    pub(super) const fn needs_rehash(&self, hash: &PasswordHash) -> bool {
        hash.cost() < self.cost
    }

    /// The cost of backup codes, of which a whole set is tried at a time.
    pub(super) fn backup_code_cost(&self) -> u32 {
        self.cost.min(10)
    }

    pub(super) fn metrics(&self) -> HashingMetrics {
        let Counts { running, peak, done } = &*self.counts;
        HashingMetrics {
            limit: self.limit,
            running: running.load(Ordering::SeqCst),
            peak: peak.load(Ordering::SeqCst),
            done: done.load(Ordering::SeqCst),
        }
    }
}
