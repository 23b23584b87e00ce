//! Phases, and the steps of which they consist.

use std::fmt;
use std::str::FromStr;

use serde::Serialize;

/// A phase of a conversion. After each phase the database can stay in production for any time.
///
/// ```
/// use watertight_migration::convert::Phase;
///
/// let names: Vec<String> = Phase::ALL.iter().map(ToString::to_string).collect();
/// assert_eq!(names, ["column", "keys", "foreign-keys", "isolation", "old-keys"]);
/// assert_eq!("foreign-keys".parse(), Ok(Phase::ForeignKeys));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Phase {
    /// Adds and fills the tenant column. Programs that do not know it continue to work.
    Column,
    /// Builds keys and indexes that begin with the tenant, beside the old ones.
    Keys,
    /// Adds foreign keys that contain the tenant, beside the old ones.
    ForeignKeys,
    /// Enables row-level security, and grants. From now on only tenant connections see rows.
    Isolation,
    /// Drops the old keys, which are unique across tenants. From now on there can be a second tenant.
    OldKeys,
}

impl Phase {
    /// Every phase in the order in which they run. An undo runs them in the opposite order.
    pub const ALL: [Self; 5] = [Self::Column, Self::Keys, Self::ForeignKeys, Self::Isolation, Self::OldKeys];

    /// The name, as the command takes it.
    ///
    /// ```
    /// assert_eq!(watertight_migration::convert::Phase::OldKeys.name(), "old-keys");
    /// ```
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Column => "column",
            Self::Keys => "keys",
            Self::ForeignKeys => "foreign-keys",
            Self::Isolation => "isolation",
            Self::OldKeys => "old-keys",
        }
    }
}

impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Phase {
    type Err = UnknownPhase;

    fn from_str(text: &str) -> Result<Self, UnknownPhase> {
        let known = Self::ALL.into_iter().find(|phase| phase.name() == text.trim());
        known.ok_or_else(|| UnknownPhase { text: text.to_owned() })
    }
}

/// A text is not the name of a phase.
///
/// ```
/// use watertight_migration::convert::{Phase, UnknownPhase};
///
/// let refused: UnknownPhase = "policies".parse::<Phase>().unwrap_err();
/// assert_eq!(refused.text, "policies");
/// ```
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is not a phase of a conversion; use column, keys, foreign-keys, isolation or old-keys")]
#[non_exhaustive]
pub struct UnknownPhase {
    /// The text given.
    pub text: String,
}

/// Statements that run together, and the locks that they take.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Step {
    /// The table, as `schema.table`, or the schema.
    pub object: String,
    /// The purpose, such as "add the column".
    pub title: String,
    /// The SQL, in order.
    pub statements: Vec<String>,
    /// True if the statements run in one transaction. If not, each runs outside a transaction.
    pub in_transaction: bool,
    /// The locks.
    pub locks: Vec<Lock>,
    /// The SQL that removes an unfinished object when the step fails.
    #[serde(skip)]
    pub(super) cleanup: Option<String>,
}

impl Step {
    pub(super) fn new(object: impl fmt::Display, title: impl Into<String>) -> Self {
        Self {
            object: object.to_string(),
            title: title.into(),
            statements: Vec::new(),
            in_transaction: true,
            locks: Vec::new(),
            cleanup: None,
        }
    }

    pub(super) fn outside_transaction(mut self) -> Self {
        self.in_transaction = false;
        self
    }

    pub(super) fn lock(mut self, table: impl fmt::Display, mode: LockMode, duration: Duration) -> Self {
        self.locks.push(Lock { table: table.to_string(), mode, duration });
        self
    }

    pub(super) fn after_failure(mut self, cleanup: String) -> Self {
        self.cleanup = Some(cleanup);
        self
    }

    pub(super) fn run(mut self, statements: impl IntoIterator<Item = String>) -> Self {
        self.statements.extend(statements);
        self
    }
}

/// A lock that a step takes on a table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Lock {
    /// The table, as `schema.table`.
    pub table: String,
    /// The mode.
    pub mode: LockMode,
    /// How long the lock is held.
    pub duration: Duration,
}

/// The mode of a lock.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum LockMode {
    /// `ACCESS EXCLUSIVE`, which blocks readers and writers.
    AccessExclusive,
    /// `SHARE ROW EXCLUSIVE`, which blocks writers.
    ShareRowExclusive,
    /// `SHARE UPDATE EXCLUSIVE`, which blocks other changes of the schema.
    ShareUpdateExclusive,
    /// `ROW EXCLUSIVE`, which blocks only the rows that are written.
    RowExclusive,
}

impl LockMode {
    const fn effect(self) -> &'static str {
        match self {
            Self::AccessExclusive => "ACCESS EXCLUSIVE, blocks readers and writers",
            Self::ShareRowExclusive => "SHARE ROW EXCLUSIVE, blocks writers",
            Self::ShareUpdateExclusive => "SHARE UPDATE EXCLUSIVE, blocks neither readers nor writers",
            Self::RowExclusive => "ROW EXCLUSIVE, blocks other changes of the same rows",
        }
    }
}

/// How long a lock is held.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Duration {
    /// For milliseconds, whatever the size of the table.
    Short,
    /// For as long as the table is read or written.
    WholeTable,
}

impl fmt::Display for Lock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let held = match self.duration {
            Duration::Short => "short",
            Duration::WholeTable => "while the table is read",
        };
        write!(f, "{}: {} ({held})", self.table, self.mode.effect())
    }
}
