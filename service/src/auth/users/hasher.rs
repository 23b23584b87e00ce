//! Slow computations on blocking threads, with a limit on parallel ones and on waiting ones.

mod queue;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

pub(in crate::auth) use self::queue::Lane;
use self::queue::{Full, Limits, Queue};
use crate::auth::error::AuthError;
use crate::auth::handle::Auth;
use crate::auth::users::password::{Credential, Password, PasswordHash};
use crate::tenant::{TenantExecutor, TenantId};

/// Load of hashing; see [`Watertight::hashing_metrics`](crate::Watertight::hashing_metrics).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct HashingMetrics {
    /// The largest number of concurrent computations.
    pub limit: usize,
    /// The number of running hashes.
    pub running: usize,
    /// The largest number of computations that have run concurrently.
    pub peak: usize,
    /// The number of computations that wait for their turn.
    pub waiting: usize,
    /// The largest number of computations that have waited at once.
    pub peak_waiting: usize,
    /// The number of computations that were refused because the queue was full.
    pub refused: usize,
    /// The number of completed hashes.
    pub done: usize,
    /// The rounds of bcrypt computed for passwords: 2 to the power of the cost for each hash.
    pub rounds: u64,
}

#[derive(Debug)]
pub(in crate::auth) struct Hasher {
    cost: u32,
    /// The cost that every comparison is padded to.
    slowest: u32,
    limit: usize,
    waiting: usize,
    queue: Arc<Queue>,
    counts: Arc<Counts>,
}

/// The hasher in a tenant's turns.
#[derive(Debug, Clone, Copy)]
pub(in crate::auth) struct Hashing<'h> {
    hasher: &'h Hasher,
    tenant: TenantId,
    lane: Lane,
}

/// The tenants' queues together hold this many times the limit of one.
const FULL_QUEUES: usize = 16;

#[derive(Debug, Default)]
struct Counts {
    running: AtomicUsize,
    peak: AtomicUsize,
    done: AtomicUsize,
    rounds: AtomicU64,
}

impl Counts {
    fn verify(&self, hash: &PasswordHash, password: &Password) -> bool {
        self.rounds.fetch_add(u64::try_from(password.forms()).unwrap_or(1) << hash.cost(), Ordering::SeqCst);
        hash.verify(password)
    }
}

impl Hasher {
    pub(in crate::auth) fn new(cost: u32, slowest: u32, limit: usize, waiting: usize) -> Self {
        let waiting_in_all = waiting.saturating_mul(FULL_QUEUES);
        let queue = Queue::new(Limits { running: limit, of_flow: waiting, waiting: waiting_in_all });
        Self { cost, slowest: slowest.max(cost), limit, waiting, queue, counts: Arc::default() }
    }

    /// The number of computations that one caller has to give at once, so that all cores are used and none is refused.
    pub(in crate::auth) fn at_once(&self) -> usize {
        self.limit.min(self.waiting)
    }

    pub(in crate::auth) const fn needs_rehash(&self, hash: &PasswordHash) -> bool {
        hash.cost() < self.cost
    }

    /// The cost of backup codes, because a login tries a whole set.
    pub(in crate::auth) fn backup_code_cost(&self) -> u32 {
        self.cost.min(10)
    }

    pub(in crate::auth) fn metrics(&self) -> HashingMetrics {
        let Counts { running, peak, done, rounds } = &*self.counts;
        let load = self.queue.load();
        HashingMetrics {
            limit: self.limit,
            running: running.load(Ordering::SeqCst),
            peak: peak.load(Ordering::SeqCst),
            waiting: load.waiting,
            peak_waiting: load.peak_waiting,
            refused: load.refused,
            done: done.load(Ordering::SeqCst),
            rounds: rounds.load(Ordering::SeqCst),
        }
    }
}

impl<C: TenantExecutor> Auth<'_, C> {
    /// The hasher in the turns of the tenant.
    pub(in crate::auth) fn hashing(&self, lane: Lane) -> Hashing<'_> {
        Hashing { hasher: &self.config.hasher, tenant: self.db.tenant_id(), lane }
    }
}

impl Hashing<'_> {
    /// Runs a slow computation on a blocking thread, when its turn comes.
    ///
    /// The permit belongs to the computation, which continues when the future is dropped: the limit applies then too.
    pub(in crate::auth) async fn run<T: Send + 'static>(
        self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, AuthError> {
        let turn = self.hasher.queue.turn((self.tenant, self.lane)).await;
        let permit = turn.map_err(|Full(waiting)| AuthError::HashingQueueFull { waiting })?;
        let counts = Arc::clone(&self.hasher.counts);
        let work = move || {
            let running = counts.running.fetch_add(1, Ordering::SeqCst) + 1;
            counts.peak.fetch_max(running, Ordering::SeqCst);
            let result = work();
            counts.running.fetch_sub(1, Ordering::SeqCst);
            counts.done.fetch_add(1, Ordering::SeqCst);
            drop(permit);
            result
        };
        tokio::task::spawn_blocking(work).await.map_err(|_| AuthError::RuntimeStopped)
    }

    pub(in crate::auth) async fn hash(self, password: Password) -> Result<PasswordHash, AuthError> {
        password.check_new()?;
        self.rehash(password).await
    }

    /// Hashes a password that matches a stored hash, which can be longer than one that is set.
    pub(in crate::auth) async fn rehash(self, password: Password) -> Result<PasswordHash, AuthError> {
        let (cost, counts) = (self.hasher.cost, Arc::clone(&self.hasher.counts));
        self.run(move || {
            counts.rounds.fetch_add(1 << cost, Ordering::SeqCst);
            PasswordHash::of(&password, cost)
        })
        .await?
    }

    /// The hash of a credential, given or computed now.
    pub(in crate::auth) async fn hash_of(self, credential: Credential) -> Result<PasswordHash, AuthError> {
        match credential {
            Credential::Password(password) => self.hash(password).await,
            Credential::Hash(hash) => Ok(hash),
        }
    }

    /// Returns true if a hash matches a password.
    pub(in crate::auth) async fn verify(
        self,
        password: Password,
        hash: PasswordHash,
    ) -> Result<bool, AuthError> {
        let counts = Arc::clone(&self.hasher.counts);
        self.run(move || counts.verify(&hash, &password)).await
    }

    /// Returns true if a hash matches a password; `false` without a hash. It takes the rounds of the slowest
    /// cost whatever the hash costs, so that the duration reveals neither the cost nor whether there is a
    /// hash. Only a hash of a higher cost than that takes longer.
    pub(in crate::auth) async fn verify_padded(
        self,
        password: Password,
        hash: Option<PasswordHash>,
    ) -> Result<bool, AuthError> {
        let (slowest, counts) = (self.hasher.slowest, Arc::clone(&self.hasher.counts));
        self.run(move || {
            let Some(hash) = hash else {
                return counts.verify(&PasswordHash::of_nobody(slowest), &password) & false;
            };
            let right = counts.verify(&hash, &password);
            // 2^c + 2^c + 2^(c+1) + .. + 2^(s-1) = 2^s
            for cost in hash.cost()..slowest {
                std::hint::black_box(counts.verify(&PasswordHash::of_nobody(cost), &password));
            }
            right
        })
        .await
    }
}
