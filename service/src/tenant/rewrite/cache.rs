use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use quick_cache::sync::Cache;
use quick_cache::{Equivalent, Weighter};

use super::super::refusal::Refusal;
use super::plan::Plan;

/// The result for a text: its plan or its refusal.
pub(crate) type Verdict = Result<Arc<Plan>, Refusal>;

/// A text and the number of its bound values, which determines the placeholder of the tenant.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Key {
    text: Box<str>,
    values: usize,
    generation: u64,
}

/// A borrowed key, so that a lookup copies nothing.
#[derive(Hash)]
struct KeyRef<'a> {
    text: &'a str,
    values: usize,
    generation: u64,
}

impl Equivalent<Key> for KeyRef<'_> {
    fn equivalent(&self, key: &Key) -> bool {
        self.values == key.values && self.generation == key.generation && *self.text == *key.text
    }
}

#[derive(Debug, Clone)]
struct BytesOfText;

impl Weighter<Key, Verdict> for BytesOfText {
    fn weight(&self, key: &Key, verdict: &Verdict) -> u64 {
        /// The measured size of a plan and its cache entry without texts.
        const BESIDES: usize = 272;
        let plan = verdict.as_ref().map_or(0, |plan| plan.sql.len());
        (key.text.len() + plan + BESIDES) as u64
    }
}

/// Counters of the cache of rewritten statements.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct RewriteMetrics {
    /// The number of statements found in the cache.
    pub hits: u64,
    /// The number of statements that were parsed.
    pub misses: u64,
    /// The number of refused statements, cached or not.
    pub refusals: u64,
    /// The number of cached texts.
    pub remembered: usize,
    /// The size of the cached texts in bytes.
    pub bytes: u64,
}

/// A cache of verdicts by text, bounded by memory.
///
/// The cache admits new texts on probation, so texts that occur once do not displace texts in use.
#[derive(Debug)]
pub(crate) struct PlanCache {
    plans: Cache<Key, Verdict, BytesOfText>,
    /// The number of changes of the database's names. Plans of an earlier generation are not used.
    generation: AtomicU64,
    hits: AtomicU64,
    misses: AtomicU64,
    refusals: AtomicU64,
}

impl PlanCache {
    /// The maximum number of values of a cached text. Long lists and inserts occur in many lengths, and
    /// parsing costs little compared to running them.
    const MOST_VALUES: usize = 128;

    /// Creates a cache for about `bytes` bytes of text.
    pub(crate) fn new(bytes: u64) -> Self {
        const TYPICAL_PLAN: u64 = 1024;
        let plans = usize::try_from(bytes / TYPICAL_PLAN).unwrap_or(usize::MAX).max(1);
        Self {
            plans: Cache::with_weighter(plans, bytes, BytesOfText),
            generation: AtomicU64::new(0),
            hits: AtomicU64::new(0),
            misses: AtomicU64::new(0),
            refusals: AtomicU64::new(0),
        }
    }

    pub(crate) fn get_or_make(&self, text: &str, values: usize, make: impl FnOnce() -> Verdict) -> Verdict {
        let generation = self.generation.load(Ordering::Acquire);
        let known = self.plans.get(&KeyRef { text, values, generation });
        let counter = if known.is_some() { &self.hits } else { &self.misses };
        counter.fetch_add(1, Ordering::Relaxed);
        let verdict = known.unwrap_or_else(|| {
            let verdict = make();
            if values <= Self::MOST_VALUES {
                self.plans.insert(Key { text: text.into(), values, generation }, verdict.clone());
            }
            verdict
        });
        if verdict.is_err() {
            self.refusals.fetch_add(1, Ordering::Relaxed);
        }
        verdict
    }

    /// Drops every plan.
    pub(crate) fn start_generation(&self) {
        self.generation.fetch_add(1, Ordering::AcqRel);
        self.plans.clear();
    }

    pub(crate) fn metrics(&self) -> RewriteMetrics {
        RewriteMetrics {
            hits: self.hits.load(Ordering::Relaxed),
            misses: self.misses.load(Ordering::Relaxed),
            refusals: self.refusals.load(Ordering::Relaxed),
            remembered: self.plans.len(),
            bytes: self.plans.weight(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::refusal::{Reason, StatementKind};
    use super::*;

    fn refusal() -> Verdict {
        Err(Refusal::new(StatementKind::Unknown, Reason::StatementCount(0)))
    }

    #[test]
    fn what_is_in_use_stays_while_texts_that_come_once_pass() {
        let cache = PlanCache::new(64 << 10);
        let hot: Vec<_> = (0..20).map(|n| format!("SELECT {n}")).collect();
        for round in 0..10_000 {
            for text in &hot {
                cache.get_or_make(text, 0, refusal).unwrap_err();
            }
            cache.get_or_make(&format!("SELECT 'once', {round}"), 0, refusal).unwrap_err();
        }
        let metrics = cache.metrics();
        assert!(metrics.bytes <= 64 << 10, "{metrics:?}");
        assert!(metrics.misses < 10_000 + 200, "{metrics:?}");
        assert_eq!(metrics.hits + metrics.misses, 210_000);
        assert_eq!(metrics.refusals, 210_000);
    }

    #[test]
    fn lists_of_every_length_take_no_room() {
        let cache = PlanCache::new(8 << 20);
        for length in 1..10_000 {
            cache.get_or_make(&format!("SELECT $1, {length}"), length, refusal).unwrap_err();
        }
        assert_eq!(cache.metrics().remembered, PlanCache::MOST_VALUES);
    }
}
