//! The report of an adoption.

use std::fmt;

use serde::Serialize;

use super::Proposal;

/// The result of an adoption.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct AdoptionReport {
    /// The tables, each after the tables that it refers to.
    pub tables: Vec<AdoptedTable>,
    /// The migrations that are recorded as applied.
    pub migrations: Vec<String>,
    /// The names that were converted, because the operator has accepted it.
    pub conversions: Vec<Proposal>,
    /// The number of SQL statements.
    pub statements: usize,
}

/// An adopted table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct AdoptedTable {
    /// Its name in the original, as `schema.table`.
    pub from: String,
    /// Its new name, as `schema.table`.
    pub to: String,
    /// The number of rows, all of them the original's.
    pub rows: u64,
}

impl fmt::Display for AdoptionReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for AdoptedTable { from, to, rows } in &self.tables {
            write!(f, "{rows:>12}  {to}")?;
            writeln!(f, "{}", if from == to { String::new() } else { format!(", formerly {from}") })?;
        }
        self.conversions.iter().try_for_each(|conversion| writeln!(f, "{conversion}"))?;
        write!(f, "{} migrations are recorded as applied", self.migrations.len())
    }
}
