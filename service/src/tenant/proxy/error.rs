use std::sync::Arc;

use sea_orm::DbErr;

/// An error of a [`TenantDatabase`](crate::TenantDatabase).
///
/// SeaORM returns [`DbErr`], which then contains the error; [`TenantDatabaseError::of`] extracts it.
///
/// ```
/// use sea_orm::DbErr;
/// use watertight::TenantDatabaseError;
///
/// let error = DbErr::from(TenantDatabaseError::Ended);
/// assert!(matches!(TenantDatabaseError::of(&error), Some(TenantDatabaseError::Ended)));
/// ```
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum TenantDatabaseError {
    /// The unit of work has ended.
    #[error(
        "the connection belongs to a unit of work that has ended; keep the `TenantDatabase` until the last statement, and \
         make one for each request"
    )]
    Ended,
    /// Another task has an open transaction on the connection.
    #[error(
        "a transaction of another task is open on this connection, so the statement could land in it; use a \
         `TenantDatabase` for each request, and end a transaction in the task that began it"
    )]
    OtherTask,
    /// A transaction was begun on the connection while another one was open.
    #[error(
        "a second transaction was begun on the connection while one was open, or the connection was cloned meanwhile; begin \
         nested transactions on the open transaction, and use another `TenantDatabase` for a separate one"
    )]
    SecondTransaction,
    /// A statement ran on the connection while a statement of its transaction was running.
    #[error(
        "a statement ran on the connection while a statement of its transaction was running, so the two cannot be told \
         apart; run statements of a transaction on the transaction, and others on another `TenantDatabase`"
    )]
    Concurrent,
    /// A transaction ended that is not known to be open.
    #[error(
        "a transaction ended that is not open, because an earlier transaction was dropped while it began; start again on \
         another `TenantDatabase`"
    )]
    Unbalanced,
    /// The unit of work ended with an open transaction.
    #[error(
        "the unit of work ended with an open transaction, which was rolled back; commit it before `finish`"
    )]
    Open,
    /// The transaction could not be begun.
    #[error("the transaction could not be begun, so none of its statements ran: {0}")]
    BeginFailed(#[source] DbErr),
    /// A commit failed, which SeaORM could not report.
    #[error("an earlier commit on this connection failed, which SeaORM reported as a success: {0}")]
    CommitFailed(#[source] DbErr),
    /// The type of a column has no type of Rust in rows of a `TenantDatabase`.
    #[error(
        "column {column:?} has the type {data_type}, which a `TenantDatabase` cannot return; cast it to text in the \
         statement, or run the statement on the `TenantConnection`"
    )]
    ColumnType {
        /// The name of the column.
        column: String,
        /// The name of the type.
        data_type: String,
    },
    /// The value of a column does not fit into its type of Rust.
    #[error(
        "column {column:?} of type {data_type} has a value that cannot be returned: {reason}; cast it to text in the \
         statement, or run the statement on the `TenantConnection`"
    )]
    ColumnValue {
        /// The name of the column.
        column: String,
        /// The name of the type.
        data_type: String,
        /// The error of the conversion.
        reason: String,
    },
    /// Two columns of a result have one name.
    #[error(
        "two columns of the result are named {0:?}, and a row of a `TenantDatabase` has one value for each name; give one \
         of them an alias"
    )]
    DuplicateColumn(String),
    /// A field of an entity has another type of Rust than its column in rows of a `TenantDatabase`.
    #[error(
        "column {column:?} of {table} is read as {given}, but the field has another type: {reason}; choose the type with \
         `DatabaseOptions`, or change the field"
    )]
    FieldType {
        /// The table of the entity.
        table: String,
        /// The name of the column.
        column: String,
        /// The value that the row has.
        given: String,
        /// The error of SeaORM, or the value that it read.
        reason: String,
    },
    /// An entity cannot be checked, because a column has a type without a known value.
    #[error("the fields of {table} cannot be checked: {reason}; test the entity with rows instead")]
    NotChecked {
        /// The table of the entity.
        table: String,
        /// The column, or the error of SeaORM.
        reason: String,
    },
}

impl TenantDatabaseError {
    /// The error inside a [`DbErr`], if there is one.
    ///
    /// ```
    /// use sea_orm::DbErr;
    /// use watertight::TenantDatabaseError;
    ///
    /// /// Whether a library kept the connection of an earlier request.
    /// fn is_stale(error: &DbErr) -> bool {
    ///     matches!(TenantDatabaseError::of(error), Some(TenantDatabaseError::Ended))
    /// }
    ///
    /// assert!(is_stale(&TenantDatabaseError::Ended.into()));
    /// assert!(!is_stale(&DbErr::RecordNotFound("service".to_owned())));
    /// ```
    #[must_use]
    pub fn of(error: &DbErr) -> Option<&Self> {
        match error {
            DbErr::TryIntoErr { source, .. } => source.downcast_ref(),
            _ => None,
        }
    }
}

impl From<TenantDatabaseError> for DbErr {
    fn from(error: TenantDatabaseError) -> Self {
        Self::TryIntoErr { from: "a statement", into: "a result of one tenant", source: Arc::new(error) }
    }
}
