//! Conversions of names that an operator has to accept.

use std::fmt;

use serde::Serialize;
use watertight_schema::sql::{identifier, literal};

use super::original;
use watertight_schema::printable::one_line;

/// A conversion of names that the application cannot read.
///
/// [`Adoption::convert_names`](super::Adoption::convert_names) accepts all proposals. It prints several lines: the column and
/// the number of names, and the rows with their old and new names.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Proposal {
    /// The table, as `schema.table`, by its current name.
    pub table: String,
    /// The column.
    pub column: String,
    /// The number of rows.
    pub total: u64,
    /// The rows by their keys, with the old and the new name, up to the number of
    /// [`list_at_most`](super::Adoption::list_at_most).
    pub rows: Vec<String>,
    /// True if the names are converted, because the operator has accepted it.
    pub accepted: bool,
}

/// The SQL that lists the rows whose name differs from its normal form, each as text, and their number.
pub(super) fn renamed(converted: &str, column: &str, most: usize) -> String {
    let (new, named, typed) = (identifier(column), original::named(column), original::typed(column));
    let told = literal(&format!(", {} %L becomes %L", column.replace('%', "%%")));
    format!(
        "SELECT count(*) OVER (), n.watertight_row || format({told}, n.{typed}, n.{new}) FROM ({converted}) AS n \
         WHERE n.{new} IS DISTINCT FROM n.{named} ORDER BY 2 LIMIT {most}"
    )
}

impl fmt::Display for Proposal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { table, column, total, rows, accepted } = self;
        let what = if *accepted {
            "is converted to a name that the application can read"
        } else {
            "would be converted to a name that the application can read, with `--convert-names`"
        };
        write!(f, "{} ({}): {what} [{total}]", one_line(table), one_line(column))?;
        rows.iter().try_for_each(|row| write!(f, "\n    - {}", one_line(row)))?;
        let listed = u64::try_from(rows.len()).unwrap_or(u64::MAX);
        match total.saturating_sub(listed) {
            0 => Ok(()),
            more => write!(f, "\n    - and {more} more"),
        }
    }
}
