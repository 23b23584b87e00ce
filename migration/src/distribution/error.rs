//! Why tables were not distributed.

use std::{error::Error, fmt};

use sea_orm_migration::DbErr;

use super::{Distribution, Violation};
use crate::TableError;

/// Why tables were not distributed. Whichever it is, nothing in the database has changed.
#[derive(Debug)]
#[non_exhaustive]
pub enum DistributionError {
    /// The database does not have the extension `citus`.
    NoExtension,
    /// Its version has no row-level security on distributed tables.
    ExtensionTooOld {
        /// The version.
        version: String,
    },
    /// The database verifies tenants with keys that only the coordinator has.
    SignedTenant,
    /// Tables break rules by which Citus distributes.
    Refused {
        /// All that do.
        violations: Vec<Violation>,
    },
    /// A name that PostgreSQL would refuse or cut.
    Name(TableError),
    /// A table has another number of rows than before.
    RowsDiffer {
        /// As `schema.table`.
        table: String,
        /// Before.
        before: i64,
        /// When it was distributed.
        after: i64,
    },
    /// What the database reports.
    Database(DbErr),
}

impl DistributionError {
    /// What breaks the rules, where that is the reason.
    #[must_use]
    pub fn violations(&self) -> &[Violation] {
        match self {
            Self::Refused { violations } => violations,
            _ => &[],
        }
    }
}

impl fmt::Display for DistributionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoExtension => f.write_str(
                "the database has no extension citus; install it on every machine, run CREATE EXTENSION citus in this \
                 database on each, and add the machines with citus_add_node",
            ),
            Self::ExtensionTooOld { version } => write!(
                f,
                "the database has citus {version}, which has no row-level security on distributed tables; update it to {} \
                 or later",
                Distribution::LEAST_VERSION
            ),
            Self::SignedTenant => f.write_str(
                "the policies verify the tenant with keys that the workers of a cluster cannot read; run `watertight keys \
                 waive` first, and read in the guide what row-level security does not hold against then",
            ),
            Self::Refused { violations } => {
                f.write_str("nothing was distributed, for these break the rules:")?;
                violations.iter().try_for_each(|violation| write!(f, "\n{violation}"))
            }
            Self::Name(error) => error.fmt(f),
            Self::RowsDiffer { table, before, after } => write!(
                f,
                "table {table} has {before} rows, and would have {after} when distributed; nothing was changed. Please \
                 report it"
            ),
            Self::Database(error) => error.fmt(f),
        }
    }
}

impl Error for DistributionError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Name(error) => Some(error),
            Self::Database(error) => Some(error),
            _ => None,
        }
    }
}

impl From<DbErr> for DistributionError {
    fn from(error: DbErr) -> Self {
        Self::Database(error)
    }
}

impl From<TableError> for DistributionError {
    fn from(error: TableError) -> Self {
        Self::Name(error)
    }
}
