//! The plan of an adoption.

use std::fmt;

use super::{Problem, Proposal};
use crate::script;

/// The plan of an adoption: the problems, and the SQL that adopts the database.
///
/// It prints a script that `psql` runs unchanged. Problems and conversions of names come first, as comments. Do not run a
/// script with problems: it would fail or lose data.
#[derive(Clone, Debug)]
pub struct Plan {
    pub(super) problems: Vec<Problem>,
    pub(super) proposals: Vec<Proposal>,
    pub(super) steps: Vec<Step>,
    pub(super) sql: Vec<String>,
    pub(super) migrations: Vec<String>,
}

/// A statement, with the old and the new name of the table that it copies, if any.
#[derive(Clone, Debug)]
pub(super) struct Step {
    pub(super) sql: String,
    pub(super) copies: Option<(String, String)>,
}

impl Plan {
    pub(super) fn new(
        problems: Vec<Problem>,
        proposals: Vec<Proposal>,
        steps: Vec<Step>,
        migrations: Vec<String>,
    ) -> Self {
        let sql = steps.iter().map(|step| step.sql.clone()).collect();
        Self { problems, proposals, steps, sql, migrations }
    }

    /// Every problem. The database can be adopted when there are none.
    #[must_use]
    pub fn problems(&self) -> &[Problem] {
        &self.problems
    }

    /// The conversions of names that the application cannot read.
    ///
    /// They are part of the plan if [`Adoption::convert_names`](super::Adoption::convert_names) was called. Otherwise their
    /// rows are among the [`problems`](Self::problems).
    #[must_use]
    pub fn proposals(&self) -> &[Proposal] {
        &self.proposals
    }

    /// The SQL that adopts the database, in order.
    ///
    /// Run it in one transaction with the isolation level `READ COMMITTED`.
    /// [`Adoption::run`](super::Adoption::run) runs exactly this SQL, and adds the environment's tenant keys,
    /// which are secret and are not printed.
    #[must_use]
    pub fn statements(&self) -> &[String] {
        &self.sql
    }

    /// The migrations that are recorded as applied.
    #[must_use]
    pub fn migrations(&self) -> &[String] {
        &self.migrations
    }
}

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.problems.iter().try_for_each(|problem| script::comment(f, problem))?;
        self.proposals.iter().try_for_each(|proposal| script::comment(f, proposal))?;
        script::transaction(f, self.sql.iter().map(String::as_str))
    }
}
