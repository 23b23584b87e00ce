//! Limits of a statement, which bound the time, memory and stack of the walk.

use super::analysis::Analysis;
use super::{Walk, unsupported};

/// The maximum nesting of queries, where parentheses count too. The work for a level includes all levels
/// below it.
const NESTING_LIMIT: usize = 512;

/// The maximum of relations times column references, because each name is looked up in each relation.
const LOOKUP_LIMIT: usize = 1_000_000;

/// The maximum number of columns of a result: PostgreSQL's own limit (`MaxTupleAttributeNumber`).
const COLUMN_LIMIT: usize = 1_664;

/// The maximum number of columns that are copied and compared for joins and FROM lists.
const COPY_LIMIT: usize = 500_000;

/// The stack that a step of the walk needs, and the step by which the stack grows, in bytes.
const RED_ZONE: usize = 512 * 1024;
const STACK_STEP: usize = 4 * 1024 * 1024;

/// The limited work that the walk has done so far.
#[derive(Default)]
pub(super) struct Work {
    /// The number of queries around the current part, where parentheses count too.
    depth: usize,
    /// The number of relations so far.
    relations: usize,
    /// The number of columns that were copied and compared so far.
    copied: usize,
    /// The number of column references in the text.
    references: usize,
}

impl Work {
    /// Creates the counters for a text with this many column references.
    pub(super) fn on(references: usize) -> Self {
        Self { references, ..Self::default() }
    }
}

impl Analysis<'_> {
    /// Walks a nested query.
    pub(super) fn nested<T>(&mut self, work: impl FnOnce(&mut Self) -> Walk<T>) -> Walk<T> {
        if self.work.depth == NESTING_LIMIT {
            return unsupported(format!("queries nested more than {NESTING_LIMIT} levels deep"));
        }
        self.work.depth += 1;
        let result = on_enough_stack(|| work(self));
        self.work.depth -= 1;
        result
    }

    /// Counts a relation.
    pub(super) fn count_relation(&mut self) -> Walk {
        self.work.relations += 1;
        if self.work.relations.saturating_mul(self.work.references) > LOOKUP_LIMIT {
            return unsupported(format!(
                "a statement with at least {} relations and {} column references",
                self.work.relations, self.work.references
            ));
        }
        Ok(())
    }

    /// Counts columns that are copied or compared.
    pub(super) fn count_columns(&mut self, number: usize) -> Walk {
        self.work.copied = self.work.copied.saturating_add(number);
        if self.work.copied > COPY_LIMIT {
            return unsupported(format!("joins with more than {} columns in total", grouped(COPY_LIMIT)));
        }
        Ok(())
    }
}

/// Runs a step of the walk with enough stack.
pub(super) fn on_enough_stack<T>(work: impl FnOnce() -> T) -> T {
    stacker::maybe_grow(RED_ZONE, STACK_STEP, work)
}

/// Refuses more columns than the server accepts. Each level of a query could double the number.
pub(super) fn check_width(columns: usize) -> Walk {
    if columns > COLUMN_LIMIT {
        return unsupported(format!("a result with more than {COLUMN_LIMIT} columns"));
    }
    Ok(())
}

/// A number with commas between its thousands.
fn grouped(number: usize) -> String {
    let digits = number.to_string();
    let groups: Vec<&str> =
        digits.as_bytes().rchunks(3).rev().filter_map(|group| std::str::from_utf8(group).ok()).collect();
    groups.join(",")
}
