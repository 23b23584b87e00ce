use std::collections::BTreeMap;
use std::fmt;

use crate::TestError;

/// A function is not isolated, or the test of it failed.
///
/// ```
/// use watertight_testing::{IsolationError, TestError};
///
/// fn is_leak(error: &IsolationError) -> bool {
///     matches!(error, IsolationError::NotIsolated(_))
/// }
///
/// assert!(!is_leak(&TestError::NoRows { table: "public.tasks".to_owned() }.into()));
/// ```
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum IsolationError {
    /// The function has another result or another effect next to the rows of another tenant.
    #[error("{0}")]
    NotIsolated(Box<Difference>),
    /// A database failed.
    #[error(transparent)]
    Test(#[from] TestError),
}

/// The differences between a run with the rows of one tenant alone, and a run next to another tenant.
///
/// The text lists them. `<new ..>` stands for a UUID that the function has created, and `<now>` for the time of its run.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Difference {
    /// The results of the run alone and of the run next to the other tenant, if they differ.
    pub results: Option<[String; 2]>,
    /// The rows of the tenant and of shared tables: only alone, and only next to the other tenant.
    pub rows: [Vec<String>; 2],
    /// The rows of the other tenant: only before the run, and only afterwards.
    pub others: [Vec<String>; 2],
    /// Rows of other tenants that the function created in the database of the tenant alone.
    pub created: Vec<String>,
}

impl Difference {
    pub(super) fn is_empty(&self) -> bool {
        self.results.is_none()
            && self.rows.iter().chain(&self.others).chain([&self.created]).all(Vec::is_empty)
    }
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the function is not isolated from another tenant")?;
        if let Some([alone, shared]) = &self.results {
            write!(f, "\nits result with the rows of its tenant alone:{}", indented(alone))?;
            write!(f, "\nits result next to another tenant:{}", indented(shared))?;
        }
        let [alone, shared] = &self.rows;
        list(
            f,
            "rows of its tenant or of shared tables that it leaves only without the other tenant",
            alone,
        )?;
        list(
            f,
            "rows of its tenant or of shared tables that it leaves only next to the other tenant",
            shared,
        )?;
        let [gone, new] = &self.others;
        list(f, "rows of the other tenant before the call that are changed or gone", gone)?;
        list(f, "rows of the other tenant after the call that are changed or new", new)?;
        list(f, "rows of other tenants that it creates", &self.created)
    }
}

fn indented(text: &str) -> String {
    text.lines().fold(String::new(), |lines, line| lines + "\n    " + line)
}

fn list(f: &mut fmt::Formatter<'_>, title: &str, lines: &[String]) -> fmt::Result {
    if lines.is_empty() {
        return Ok(());
    }
    write!(f, "\n{title}:{}", lines.iter().map(|line| indented(line)).collect::<String>())
}

/// The lines that only the first list contains, and those that only the second contains.
pub(super) fn between(first: &[String], second: &[String]) -> [Vec<String>; 2] {
    let mut counts: BTreeMap<&String, i64> = BTreeMap::new();
    for line in first {
        *counts.entry(line).or_default() += 1;
    }
    for line in second {
        *counts.entry(line).or_default() -= 1;
    }
    let more = |sign: i64| {
        let lines = counts.iter().filter(move |(_, count)| **count * sign > 0);
        lines.flat_map(|(line, count)| (0..count.abs()).map(|_| (*line).clone())).collect()
    };
    [more(1), more(-1)]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_compared_with_their_number() {
        let lines = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
        let [only_first, only_second] = between(&lines(&["a", "a", "b"]), &lines(&["a", "c"]));
        assert_eq!((only_first, only_second), (lines(&["a", "b"]), lines(&["c"])));
    }
}
