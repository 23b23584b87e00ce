//! Errors in the description of a table, and errors as sea-orm-migration reports them.

use std::fmt::Display;

use sea_orm_migration::DbErr;

/// A mistake in the description of a table, found before any SQL is run.
///
/// It turns into a [`DbErr::Migration`] with `?`, as a migration returns it.
///
/// ```
/// use watertight_migration::{Settings, TableError, TenantTable, sea_orm_migration::schema::string_uniq};
///
/// let table = TenantTable::new("public", "vouchers").col(string_uniq("code"));
/// let answer = match table.statements(&Settings::default()) {
///     Ok(statements) => statements.join(";\n"),
///     Err(TableError::KeyWithoutTenant { column, .. }) => format!("declare {column} with `unique`"),
///     Err(error) => error.to_string(),
/// };
/// assert_eq!(answer, "declare code with `unique`");
/// ```
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TableError {
    /// A name that PostgreSQL would refuse, or cut off without an error.
    #[error(
        "the {what} name {name:?} has {} bytes; PostgreSQL requires 1 to 63 bytes and no zero byte",
        name.len()
    )]
    Name {
        /// The kind of the named object.
        what: &'static str,
        /// The name as it was given or derived.
        name: String,
    },
    /// A key, foreign key or index without a column.
    #[error("table {table}: {what} has no column; name at least one column besides the tenant column")]
    NoColumns {
        /// The table being described.
        table: String,
        /// The kind of the key or index.
        what: &'static str,
    },
    /// A key, foreign key or index over a column that the table does not have.
    #[error(
        "table {table}: {what} uses column {column:?}, which the table does not have; add the column, or \
         correct its name"
    )]
    UnknownColumn {
        /// The table being described.
        table: String,
        /// The kind of the key or index.
        what: &'static str,
        /// The missing column.
        column: String,
    },
    /// A column that is described twice.
    #[error("table {table}: column {column:?} is described twice; describe it once")]
    DuplicateColumn {
        /// The table being described.
        table: String,
        /// The column.
        column: String,
    },
    /// Two constraints or indexes that would have the same name.
    #[error(
        "table {table}: two constraints or indexes have the name {name:?}; remove one of them, or rename a \
         column"
    )]
    DuplicateName {
        /// The table being described.
        table: String,
        /// The name of both.
        name: String,
    },
    /// The tenant column is named, although every tenant table has it and every key begins with it.
    #[error(
        "table {table}: leave {column} out of {what}; every tenant table has it and every key begins with it"
    )]
    TenantColumn {
        /// The table being described.
        table: String,
        /// The tenant column.
        column: String,
        /// The part of the description that names it.
        what: &'static str,
    },
    /// A column that is a key by itself, and so would be unique across all tenants.
    #[error(
        "table {table}: column {column:?} is a key without the tenant column, so it would be unique across all \
         tenants; use TenantTable::key or TenantTable::unique"
    )]
    KeyWithoutTenant {
        /// The table being described.
        table: String,
        /// The column.
        column: String,
    },
    /// A foreign key with another number of columns than the key that it refers to.
    #[error(
        "table {table}: foreign key ({columns}) and the referenced key ({to}) have different numbers of \
         columns; list one column for each column of the referenced key"
    )]
    ForeignKeyWidth {
        /// The table being described.
        table: String,
        /// The referring columns, joined.
        columns: String,
        /// The columns referred to, joined.
        to: String,
    },
    /// An outbox whose worker has the role of the application, or every role.
    #[error(
        "table {table}: the worker of an outbox cannot have the role {role:?}, because that role would read the \
         messages of all tenants; name a role that only the worker logs in as"
    )]
    OutboxWorker {
        /// The table being described.
        table: String,
        /// The role.
        role: String,
    },
    /// An outbox without the generated key.
    #[error(
        "table {table}: an outbox needs the generated key (tenant_id, id), by which its worker names messages; leave \
         out TenantTable::key and TenantTable::one_row_per_tenant"
    )]
    OutboxKey {
        /// The table being described.
        table: String,
    },
}

impl From<TableError> for DbErr {
    fn from(error: TableError) -> Self {
        migration_error(error)
    }
}

/// An error as a migration returns it.
pub(crate) fn migration_error(error: impl Display) -> DbErr {
    DbErr::Migration(error.to_string())
}
