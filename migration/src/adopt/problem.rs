//! What does not fit, as data.

use std::fmt;

use serde::Serialize;

use crate::script::one_line;

/// An obstacle to adopting the database, and how to fix it.
///
/// It prints several lines: the problem and its count, the fix, and the rows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Problem {
    /// What kind of problem it is.
    pub kind: ProblemKind,
    /// The table, as `schema.table`, by the name that it has now.
    pub table: String,
    /// The columns that it is about; none where it is about the table as a whole.
    pub columns: Vec<String>,
    /// What is wrong.
    pub what: String,
    /// How to fix it.
    pub mend: String,
    /// How many rows, or how many things that depend on the table.
    pub total: u64,
    /// Each of them, rows by their keys: all, unless there are more than
    /// [`list_at_most`](super::Adoption::list_at_most) says.
    pub rows: Vec<String>,
}

/// The kinds of problem.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum ProblemKind {
    /// Rows that refer to another tenant's rows.
    CrossesTenants,
    /// Rows that refer to rows that are not there.
    Dangling,
    /// Rows that are to have different keys within their tenant and have not.
    Duplicate,
    /// Rows without a value where there has to be one.
    Missing,
    /// Values that are longer, larger or finer than the column takes.
    OutOfRange,
    /// Values that a rule of the table does not allow.
    AgainstRule,
    /// Values that the database would take and the application could not read.
    Unreadable,
    /// Rows in which two columns that should agree do not.
    Disagreement,
    /// Bookings, or reservations, of the same person at the same time.
    Overlap,
    /// No time zone was said for businesses that need one.
    NoTimeZone,
    /// Columns that the original does not have, and that would be lost.
    ExtraColumn,
    /// Columns of another type than the original's.
    OtherType,
    /// What depends on a table and would be lost, or would keep it from being replaced.
    Dependent,
    /// The name of a table to be made is taken.
    NameTaken,
    /// A table that is partitioned or inherits.
    Divided,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { table, columns, what, mend, total, rows, .. } = self;
        write!(f, "{}", one_line(table))?;
        if !columns.is_empty() {
            write!(f, " ({})", one_line(&columns.join(", ")))?;
        }
        write!(f, ": {} [{total}]\n    {}", one_line(what), one_line(mend))?;
        rows.iter().try_for_each(|row| write!(f, "\n    - {}", one_line(row)))?;
        let listed = u64::try_from(rows.len()).unwrap_or(u64::MAX);
        match total.saturating_sub(listed) {
            0 => Ok(()),
            more => write!(f, "\n    - and {more} more"),
        }
    }
}
