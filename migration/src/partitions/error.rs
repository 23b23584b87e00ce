use sea_orm_migration::DbErr;

use super::HashPartitions;
use crate::TableError;
use crate::error::migration_error;

/// A table was not divided into partitions or restored. Nothing in the database has changed.
///
/// It turns into a [`DbErr::Migration`] with `?`, as a migration returns it.
///
/// ```
/// use watertight_migration::{HashPartitions, PartitionError};
///
/// let answer = match HashPartitions::new(1_000).check() {
///     Ok(()) => "the migration can be listed".to_owned(),
///     Err(PartitionError::Count { partitions }) => format!("{partitions} is more than {}", HashPartitions::MOST),
///     Err(error) => error.to_string(),
/// };
/// assert_eq!(answer, "1000 is more than 256");
/// ```
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PartitionError {
    /// The number of partitions is out of range.
    #[error(
        "a table cannot be divided into {partitions} partitions; choose a number from {} to {}, such as 16",
        HashPartitions::LEAST,
        HashPartitions::MOST
    )]
    Count {
        /// The number given.
        partitions: u32,
    },
    /// A name that PostgreSQL would refuse or cut off, given or derived.
    #[error(transparent)]
    Name(#[from] TableError),
    /// The table does not exist, or has no tenant column.
    #[error(
        "tenant table {table} does not exist, or has no tenant column of type uuid, bigint, integer or text; list this migration \
         after the migration that creates the table with that column"
    )]
    NoTable {
        /// The table as `schema.name`.
        table: String,
    },
    /// The table is already partitioned, or already plain.
    #[error("{}", shape(table, *divided))]
    Shape {
        /// The table as `schema.name`.
        table: String,
        /// True if the table is partitioned.
        divided: bool,
    },
    /// The role does not own the table, or a table that a foreign key joins it to.
    #[error("the role {role} does not own table {table}; run the migration as the role that owns all tables")]
    NotOwner {
        /// The table as `schema.name`.
        table: String,
        /// The role.
        role: String,
    },
    /// The transaction would not see rows that are committed while it waits for the locks.
    #[error(
        "the transaction is {level}, so it would lose rows that are written while it waits for locks; run the \
         migration with default_transaction_isolation = 'read committed'"
    )]
    IsolationLevel {
        /// The isolation level of the transaction.
        level: String,
    },
    /// The table has objects that would be lost, or that a table of the other kind cannot have.
    #[error(
        "table {table} has objects that would be lost or that a converted table cannot have; drop or change \
         them, run the migration, and recreate the objects that are still needed:\n  {}",
        objects.join("\n  ")
    )]
    InTheWay {
        /// The table as `schema.name`.
        table: String,
        /// Every object, as PostgreSQL describes it.
        objects: Vec<String>,
    },
    /// The new table has another number of rows than the old one.
    #[error(
        "table {table} has {before} rows, but the new table would have {after}; nothing was changed; please \
         report this bug"
    )]
    RowsDiffer {
        /// The table as `schema.name`.
        table: String,
        /// The number of rows in the old table.
        before: i64,
        /// The number of rows in the new table.
        after: i64,
    },
    /// The database reported an error.
    #[error(transparent)]
    Database(#[from] DbErr),
}

fn shape(table: &str, divided: bool) -> String {
    if divided {
        format!("table {table} is already divided into partitions; leave it out of this migration")
    } else {
        format!("table {table} is not divided into partitions, so there is nothing to roll back")
    }
}

impl From<PartitionError> for DbErr {
    fn from(error: PartitionError) -> Self {
        match error {
            PartitionError::Database(error) => error,
            other => migration_error(other),
        }
    }
}
