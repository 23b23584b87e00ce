//! Rewriting of a statement's text into a text that stays within one tenant, or a refusal.

mod across;
mod analysis;
mod assignment;
mod cache;
mod call;
mod change;
mod column;
mod edits;
mod expression;
mod from;
mod functions;
mod guard;
mod identifier;
mod insert;
mod lexical;
mod limits;
mod named_tables;
mod named_tenant;
mod operators;
mod output;
mod plan;
mod query;
mod reporting;
mod scope;
mod setting;
mod setting_names;
mod settings;
mod stamp;
mod statement;
mod table;
mod table_function;
mod target;
mod tree;
mod types;
mod unscoped;
mod walk;
mod with;

use std::sync::{Arc, OnceLock, PoisonError, RwLock};

use quick_cache::sync::Cache;

pub use self::cache::RewriteMetrics;
use self::cache::{PlanCache, Verdict};
pub(super) use self::operators::is_built_in as is_built_in_operator;
pub(crate) use self::plan::Plan;
pub(super) use self::reporting::describe;
pub(crate) use self::setting::SettingUse;
pub(crate) use self::settings::Settings;
use self::walk::{Walk, unhandled, unsupported};
use super::refusal::Refusal;
use super::registry::Registry;
use super::snapshot::Snapshot;

/// Rewrites statements for the registered tables, and caches the results.
///
/// It needs no database: [`Builder::rewriter`](crate::Builder::rewriter) returns a rewriter for tests and
/// reviews that shows the rewritten statements.
#[derive(Debug)]
pub struct Rewriter {
    registry: Registry,
    settings: Settings,
    /// The names of the database from the last read.
    snapshot: RwLock<Arc<Snapshot>>,
    cache: PlanCache,
    /// The verdicts of texts for a connection without a tenant. Created on first use.
    unscoped: OnceLock<Cache<Box<str>, Result<(), Refusal>>>,
}

impl Rewriter {
    pub(crate) fn new(registry: Registry, settings: Settings, cache_bytes: u64) -> Self {
        let snapshot = RwLock::new(Arc::new(Snapshot::of_entities(&registry)));
        Self { registry, settings, snapshot, cache: PlanCache::new(cache_bytes), unscoped: OnceLock::new() }
    }

    /// Rewrites a statement with this many bound values. The tenant is bound after them.
    ///
    /// ```
    /// let rewriter = watertight::Watertight::builder().rewriter()?;
    /// assert_eq!(
    ///     rewriter.rewrite("DELETE FROM auth.users WHERE role = $1 OR true", 1)?,
    ///     r#"DELETE FROM auth.users WHERE users."tenant_id" = $2 AND (role = $1 OR true) /* tenant $2, token $3 */"#
    /// );
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// The [`Refusal`] of a statement that cannot be proved to stay within one tenant.
    pub fn rewrite(&self, text: &str, values: usize) -> Result<String, Refusal> {
        self.plan(text, values).map(|plan| plan.sql.to_string())
    }

    /// The number of cache hits, misses and refusals.
    #[must_use]
    pub fn metrics(&self) -> RewriteMetrics {
        self.cache.metrics()
    }

    /// Disables the bound value with the token for row-level security.
    pub(crate) const fn without_token(&mut self) {
        self.settings.token = false;
    }

    pub(crate) const fn registry(&self) -> &Registry {
        &self.registry
    }

    /// The names of the database from the last read.
    pub(crate) fn snapshot(&self) -> Arc<Snapshot> {
        Arc::clone(&self.snapshot.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Replaces the names with those just read from the database. Cached plans are dropped if the names
    /// changed.
    pub(crate) fn replace_snapshot(&self, snapshot: Snapshot) {
        let mut current = self.snapshot.write().unwrap_or_else(PoisonError::into_inner);
        if **current != snapshot {
            *current = Arc::new(snapshot);
            self.cache.start_generation();
        }
    }

    /// Refuses a text with a statement that reads or changes rows of a tenant table without a tenant.
    pub(crate) fn check_unscoped(&self, text: &str) -> Result<(), Refusal> {
        /// The number of remembered texts, and the longest of them in bytes.
        const TEXTS: usize = 1_000;
        const LONGEST: usize = 4_096;
        if text.len() > LONGEST {
            return unscoped::check(&self.registry, text);
        }
        let verdicts = self.unscoped.get_or_init(|| Cache::new(TEXTS));
        if let Some(verdict) = verdicts.get(text) {
            return verdict;
        }
        let verdict = unscoped::check(&self.registry, text);
        verdicts.insert(text.into(), verdict.clone());
        verdict
    }

    /// Checks that a text is one `SELECT`, and returns it with the schemas of registered tables.
    pub(crate) fn check_across(&self, text: &str) -> Result<Arc<str>, Refusal> {
        across::check(&self.registry, text)
    }

    /// The plan for a text with this many bound values.
    pub(crate) fn plan(&self, text: &str, values: usize) -> Verdict {
        self.cache.get_or_make(text, values, || {
            statement::plan(&self.registry, &self.snapshot(), self.settings, text, values).map(Arc::new)
        })
    }
}

/// The length of the token at the start of a text, as PostgreSQL's scanner has it; `None` for one that no statement
/// needs.
pub(super) fn token_length(rest: &[u8], at: usize) -> Option<usize> {
    lexical::length(rest, at).ok()
}

#[cfg(test)]
mod tests;
