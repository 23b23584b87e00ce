//! What was done.

use std::fmt;

use serde::Serialize;

/// What an adoption did.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct AdoptionReport {
    /// The tables, each after those it refers to.
    pub tables: Vec<AdoptedTable>,
    /// The migrations that are noted as applied.
    pub migrations: Vec<String>,
    /// How many SQL statements it took.
    pub statements: usize,
}

/// A table that was taken over.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct AdoptedTable {
    /// Its name in the original, as `schema.table`.
    pub from: String,
    /// Its name now.
    pub to: String,
    /// How many rows it has, all of them the original's.
    pub rows: u64,
}

impl fmt::Display for AdoptionReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for AdoptedTable { from, to, rows } in &self.tables {
            write!(f, "{rows:>12}  {to}")?;
            writeln!(f, "{}", if from == to { String::new() } else { format!(", which was {from}") })?;
        }
        write!(f, "{} migrations are noted as applied", self.migrations.len())
    }
}
