//! Why a table was not divided, or not made whole again.

use std::{error::Error, fmt};

use sea_orm_migration::DbErr;

use super::HashPartitions;
use crate::TableError;

/// Why a table was not divided into partitions, or not made whole again. Whichever it is, nothing in the database has
/// changed.
///
/// It turns into a [`DbErr::Migration`] with `?`, as a migration returns it.
#[derive(Debug)]
#[non_exhaustive]
pub enum PartitionError {
    /// A number of partitions that makes no sense.
    Count {
        /// As it was given.
        partitions: u32,
    },
    /// A name that PostgreSQL would refuse or cut, given or derived.
    Name(TableError),
    /// No such table, or one without a column `tenant_id` of type UUID.
    NoTable {
        /// As `schema.name`.
        table: String,
    },
    /// The table is not what it should be: divided already, or whole already.
    Shape {
        /// As `schema.name`.
        table: String,
        /// Whether it is divided.
        divided: bool,
    },
    /// The role does not own the table, or one that a foreign key joins it to.
    NotOwner {
        /// As `schema.name`.
        table: String,
        /// The role.
        role: String,
    },
    /// The transaction would not see what was committed while it waited for the locks.
    IsolationLevel {
        /// The transaction's.
        level: String,
    },
    /// The table has what would be lost, or cannot be had by a table of the other kind.
    InTheWay {
        /// As `schema.name`.
        table: String,
        /// All of it, as PostgreSQL describes it.
        objects: Vec<String>,
    },
    /// The new table has another number of rows than the old one.
    RowsDiffer {
        /// As `schema.name`.
        table: String,
        /// In the old table.
        before: i64,
        /// In the new table.
        after: i64,
    },
    /// What the database reports.
    Database(DbErr),
}

impl fmt::Display for PartitionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Count { partitions } => write!(
                f,
                "a table cannot be divided into {partitions} partitions; give {} to {}, such as 16",
                HashPartitions::LEAST,
                HashPartitions::MOST
            ),
            Self::Name(error) => error.fmt(f),
            Self::NoTable { table } => write!(
                f,
                "there is no tenant table {table}; list this migration behind the one that makes it, and give it a \
                 column tenant_id of type uuid"
            ),
            Self::Shape { table, divided: true } => {
                write!(f, "table {table} is divided into partitions already; leave it out of this migration")
            }
            Self::Shape { table, divided: false } => {
                write!(f, "table {table} is not divided into partitions, so there is nothing to take back")
            }
            Self::NotOwner { table, role } => write!(
                f,
                "the role {role} does not own table {table}; run the migration as the role that owns all tables"
            ),
            Self::IsolationLevel { level } => write!(
                f,
                "the transaction is {level}, and would lose rows that are written while it waits for the tables; run the \
                 migration with default_transaction_isolation = 'read committed'"
            ),
            Self::InTheWay { table, objects } => {
                write!(
                    f,
                    "table {table} has what would be lost, or does not fit; drop or mend it, run the migration, and make \
                     it anew where it is still wanted:"
                )?;
                objects.iter().try_for_each(|object| write!(f, "\n  {object}"))
            }
            Self::RowsDiffer { table, before, after } => write!(
                f,
                "table {table} has {before} rows, and the new one would have {after}; nothing was changed. Please report it"
            ),
            Self::Database(error) => error.fmt(f),
        }
    }
}

impl Error for PartitionError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Name(error) => Some(error),
            Self::Database(error) => Some(error),
            _ => None,
        }
    }
}

impl From<DbErr> for PartitionError {
    fn from(error: DbErr) -> Self {
        Self::Database(error)
    }
}

impl From<TableError> for PartitionError {
    fn from(error: TableError) -> Self {
        Self::Name(error)
    }
}

impl From<PartitionError> for DbErr {
    fn from(error: PartitionError) -> Self {
        match error {
            PartitionError::Database(error) => error,
            other => Self::Migration(other.to_string()),
        }
    }
}
