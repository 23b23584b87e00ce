//! Why a table or a grant was refused before the database saw it.

use std::{error::Error, fmt};

use sea_orm_migration::DbErr;

/// A mistake in the description of a table, found before any SQL is run.
///
/// It turns into a [`DbErr::Migration`] with `?`, as a migration returns it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TableError {
    /// A name that PostgreSQL would refuse or, worse, cut without an error.
    Name {
        /// What the name was for.
        what: &'static str,
        /// The name as it was given or derived.
        name: String,
    },
    /// A key, foreign key or index without a column.
    NoColumns {
        /// The table being described.
        table: String,
        /// The kind of the key or index.
        what: &'static str,
    },
    /// A key, foreign key or index over a column that the table does not have.
    UnknownColumn {
        /// The table being described.
        table: String,
        /// The kind of the key or index.
        what: &'static str,
        /// The missing column.
        column: String,
    },
    /// A column described twice.
    DuplicateColumn {
        /// The table being described.
        table: String,
        /// The column.
        column: String,
    },
    /// Two constraints or indexes that would have the same name.
    DuplicateName {
        /// The table being described.
        table: String,
        /// The name that both have.
        name: String,
    },
    /// `tenant_id` spelled out, though every tenant table has it and every key begins with it.
    TenantColumn {
        /// The table being described.
        table: String,
        /// Where it was spelled out.
        what: &'static str,
    },
    /// A column that is a key on its own, and so would be one across all tenants.
    KeyWithoutTenant {
        /// The table being described.
        table: String,
        /// The column.
        column: String,
    },
    /// A foreign key with another number of columns than the key it refers to.
    ForeignKeyWidth {
        /// The table being described.
        table: String,
        /// The referring columns, joined.
        columns: String,
        /// The columns referred to, joined.
        to: String,
    },
}

impl fmt::Display for TableError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name { what, name } => write!(
                f,
                "{name:?} is no {what} for PostgreSQL: it has to have 1 to 63 bytes and no zero byte \
                 ({} bytes given)",
                name.len()
            ),
            Self::NoColumns { table, what } => {
                write!(f, "table {table}: {what} without a column; name at least one besides tenant_id")
            }
            Self::UnknownColumn { table, what, column } => {
                write!(f, "table {table}: {what} over column {column:?}, which the table does not have")
            }
            Self::DuplicateColumn { table, column } => {
                write!(f, "table {table}: column {column:?} is described twice")
            }
            Self::DuplicateName { table, name } => {
                write!(
                    f,
                    "table {table}: two constraints or indexes are named {name:?}; name one differently"
                )
            }
            Self::TenantColumn { table, what } => write!(
                f,
                "table {table}: leave tenant_id out of {what}; every tenant table has it and every key begins with it"
            ),
            Self::KeyWithoutTenant { table, column } => write!(
                f,
                "table {table}: column {column:?} is a key on its own and would be one across all tenants; \
                 use TenantTable::key or TenantTable::unique"
            ),
            Self::ForeignKeyWidth { table, columns, to } => write!(
                f,
                "table {table}: foreign key ({columns}) has another number of columns than ({to}), which it refers to"
            ),
        }
    }
}

impl Error for TableError {}

impl From<TableError> for DbErr {
    fn from(error: TableError) -> Self {
        Self::Migration(error.to_string())
    }
}
