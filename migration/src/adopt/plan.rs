//! What adopting a database takes, before it is done.

use std::fmt;

use super::Problem;
use crate::script;

/// What adopting a database takes: what keeps it from being adopted, and the SQL that adopts it.
///
/// It prints itself as a script, which `psql` runs as it stands. Where there are problems, the script begins with
/// them, as comments, and would fail or should not be run.
#[derive(Clone, Debug)]
pub struct Plan {
    pub(super) problems: Vec<Problem>,
    pub(super) steps: Vec<Step>,
    pub(super) sql: Vec<String>,
    pub(super) migrations: Vec<String>,
}

/// A statement, and which table it copies where it is one that does.
#[derive(Clone, Debug)]
pub(super) struct Step {
    pub(super) sql: String,
    pub(super) copies: Option<(String, String)>,
}

impl Plan {
    pub(super) fn new(problems: Vec<Problem>, steps: Vec<Step>, migrations: Vec<String>) -> Self {
        let sql = steps.iter().map(|step| step.sql.clone()).collect();
        Self { problems, steps, sql, migrations }
    }

    /// What keeps the database from being adopted: all of it. None, and it can be.
    #[must_use]
    pub fn problems(&self) -> &[Problem] {
        &self.problems
    }

    /// The SQL that adopts the database, in order, to be run in one transaction with the isolation level
    /// `READ COMMITTED`. [`Adoption::run`](super::Adoption::run) runs exactly this, and adds the
    /// environment's tenant keys, which a text must not contain.
    #[must_use]
    pub fn statements(&self) -> &[String] {
        &self.sql
    }

    /// The migrations that are noted as applied.
    #[must_use]
    pub fn migrations(&self) -> &[String] {
        &self.migrations
    }
}

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.problems.iter().try_for_each(|problem| script::comment(f, problem))?;
        script::transaction(f, self.sql.iter().map(String::as_str))
    }
}
