//! The problems that keep a database from being adopted.

use std::fmt;

use serde::Serialize;
use watertight_schema::printable::one_line;

/// An obstacle to adopting the database, and how to fix it.
///
/// It prints several lines: the problem and its count, the fix, and the rows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Problem {
    /// The kind of the problem.
    pub kind: ProblemKind,
    /// The table, as `schema.table`, by its current name.
    pub table: String,
    /// The affected columns; empty when the problem concerns the table as a whole.
    pub columns: Vec<String>,
    /// The problem in words.
    pub what: String,
    /// The remedy.
    pub remedy: String,
    /// The number of affected rows, or of objects that depend on the table.
    pub total: u64,
    /// The affected rows by their keys, or the objects, up to the number of
    /// [`list_at_most`](super::Adoption::list_at_most).
    pub rows: Vec<String>,
}

/// The kinds of problem.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum ProblemKind {
    /// Rows that refer to another tenant's rows.
    CrossesTenants,
    /// Rows that refer to missing rows.
    Dangling,
    /// Rows of one tenant with the same key.
    Duplicate,
    /// Rows without a required value.
    Missing,
    /// Values that are longer, larger or more precise than the column allows.
    OutOfRange,
    /// Values that break a rule of the table.
    AgainstRule,
    /// Values that the database would accept and the application could not read.
    Unreadable,
    /// Rows in which two columns contradict each other.
    Disagreement,
    /// Overlapping bookings or reservations of one practitioner.
    Overlap,
    /// A missing time zone for businesses that need one.
    NoTimeZone,
    /// Columns that the original does not have and that would be lost.
    ExtraColumn,
    /// Columns of another type than the original's.
    OtherType,
    /// Objects that depend on a table and would be lost, or would keep the table from being replaced.
    Dependent,
    /// A new table's name that is taken.
    NameTaken,
    /// A table that is partitioned or inherits.
    Divided,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { table, columns, what, remedy, total, rows, .. } = self;
        write!(f, "{}", one_line(table))?;
        if !columns.is_empty() {
            write!(f, " ({})", one_line(&columns.join(", ")))?;
        }
        write!(f, ": {} [{total}]\n    {}", one_line(what), one_line(remedy))?;
        rows.iter().try_for_each(|row| write!(f, "\n    - {}", one_line(row)))?;
        let listed = u64::try_from(rows.len()).unwrap_or(u64::MAX);
        match total.saturating_sub(listed) {
            0 => Ok(()),
            more => write!(f, "\n    - and {more} more"),
        }
    }
}
