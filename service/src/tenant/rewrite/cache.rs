use std::sync::Arc;

use quick_cache::sync::Cache;
use quick_cache::{Equivalent, Weighter};

use super::super::refusal::Refusal;
use super::plan::Plan;

/// What is known of a text: its plan, or why it is refused.
pub(crate) type Verdict = Result<Arc<Plan>, Refusal>;

/// A text and how many values come with it: the tenant's placeholder is the one after them.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Key {
    text: Box<str>,
    values: usize,
}

/// The same, borrowed: a look-up copies nothing.
#[derive(Hash)]
struct KeyRef<'a> {
    text: &'a str,
    values: usize,
}

impl Equivalent<Key> for KeyRef<'_> {
    fn equivalent(&self, key: &Key) -> bool {
        self.values == key.values && *self.text == *key.text
    }
}

#[derive(Debug, Clone)]
struct BytesOfText;

impl Weighter<Key, Verdict> for BytesOfText {
    fn weight(&self, key: &Key, verdict: &Verdict) -> u64 {
        let plan = verdict.as_ref().map_or(0, |plan| plan.sql.len());
        (key.text.len() + plan + 128) as u64
    }
}

/// Verdicts by text, bounded by the memory they take.
#[derive(Debug)]
pub(crate) struct PlanCache(Cache<Key, Verdict, BytesOfText>);

impl PlanCache {
    /// A cache that holds about `bytes` bytes of text.
    pub(crate) fn new(bytes: u64) -> Self {
        const TYPICAL_PLAN: u64 = 1024;
        let plans = usize::try_from(bytes / TYPICAL_PLAN).unwrap_or(usize::MAX).max(1);
        Self(Cache::with_weighter(plans, bytes, BytesOfText))
    }

    pub(crate) fn get_or_make(&self, text: &str, values: usize, make: impl FnOnce() -> Verdict) -> Verdict {
        if let Some(verdict) = self.0.get(&KeyRef { text, values }) {
            return verdict;
        }
        let verdict = make();
        self.0.insert(Key { text: text.into(), values }, verdict.clone());
        verdict
    }
}
