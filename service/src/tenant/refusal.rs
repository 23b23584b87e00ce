use std::borrow::Cow;
use std::sync::Arc;

use sea_orm::DbErr;

/// Why a statement was not run: it could not be proved to stay within one tenant.
///
/// A refusal happens before anything reaches the server and changes nothing. SeaORM's traits return
/// [`DbErr`], so a refusal travels inside one; [`Refusal::of`] takes it out again.
///
/// ```
/// use watertight::{Reason, Refusal, StatementKind};
///
/// let refusal = Refusal::new(StatementKind::Truncate, Reason::StatementKind);
/// let error: sea_orm::DbErr = refusal.clone().into();
/// assert_eq!(Refusal::of(&error), Some(&refusal));
/// ```
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{statement} refused: {reason}")]
#[non_exhaustive]
pub struct Refusal {
    /// What kind of statement it was.
    pub statement: StatementKind,
    /// What could not be proved.
    pub reason: Reason,
}

impl Refusal {
    /// A refusal of a statement of the given kind for the given reason.
    #[must_use]
    pub const fn new(statement: StatementKind, reason: Reason) -> Self {
        Self { statement, reason }
    }

    /// The refusal that a [`DbErr`] carries, if it carries one.
    #[must_use]
    pub fn of(error: &DbErr) -> Option<&Self> {
        match error {
            DbErr::TryIntoErr { source, .. } => source.downcast_ref(),
            _ => None,
        }
    }
}

impl From<Refusal> for DbErr {
    /// `DbErr` has one variant that carries a foreign error without turning it into text.
    fn from(refusal: Refusal) -> Self {
        Self::TryIntoErr {
            from: refusal.statement.name(),
            into: "a statement of one tenant",
            source: Arc::new(refusal),
        }
    }
}

/// The kind of a statement, as far as it was understood.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum StatementKind {
    /// `SELECT`, `VALUES`, and anything else that only returns rows.
    Select,
    /// `INSERT`.
    Insert,
    /// `UPDATE`.
    Update,
    /// `DELETE`.
    Delete,
    /// `MERGE`.
    Merge,
    /// `EXPLAIN` of any statement.
    Explain,
    /// `TRUNCATE`.
    Truncate,
    /// `COPY`.
    Copy,
    /// `SET`, `RESET`, `DISCARD`, `SHOW` and other commands about the session.
    Session,
    /// `BEGIN`, `COMMIT`, `ROLLBACK`, `SAVEPOINT` and other commands about the transaction.
    Transaction,
    /// `CREATE`, `ALTER`, `DROP`, `GRANT`, `REVOKE` and other commands about the schema.
    Schema,
    /// `CALL`, `DO`, `EXECUTE`, `PREPARE`.
    Procedure,
    /// `LISTEN`, `UNLISTEN`, `NOTIFY`.
    Notification,
    /// `LOCK TABLE`.
    Lock,
    /// `DECLARE`, `FETCH`, `MOVE`, `CLOSE`.
    Cursor,
    /// Several statements in one text, none at all, or something the parser does not know.
    Unknown,
}

impl StatementKind {
    /// The name of the kind in upper case, as PostgreSQL's documentation writes it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Select => "SELECT",
            Self::Insert => "INSERT",
            Self::Update => "UPDATE",
            Self::Delete => "DELETE",
            Self::Merge => "MERGE",
            Self::Explain => "EXPLAIN",
            Self::Truncate => "TRUNCATE",
            Self::Copy => "COPY",
            Self::Session => "session command",
            Self::Transaction => "transaction command",
            Self::Schema => "schema command",
            Self::Procedure => "procedure call",
            Self::Notification => "notification command",
            Self::Lock => "LOCK",
            Self::Cursor => "cursor command",
            Self::Unknown => "statement",
        }
    }
}

impl std::fmt::Display for StatementKind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

/// What could not be proved of a refused statement.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Reason {
    /// This kind of statement has no form that stays within one tenant.
    #[error(
        "statements of this kind cannot be kept within one tenant; \
         run it on the unscoped connection (`Watertight::dangerous_unscoped`) if it is meant for all tenants"
    )]
    StatementKind,
    /// A setting was to be changed.
    #[error(
        "settings are not changed by SQL, which could leave them on the connection for another tenant; within a \
         transaction, call `TenantTransaction::set_statement_timeout` or `TenantTransaction::set_lock_timeout`"
    )]
    Setting,
    /// The text holds no statement, or more than one.
    #[error("the text holds {0} statements; send exactly one at a time")]
    StatementCount(usize),
    /// The parser does not understand the text.
    #[error("the text is not understood ({0}); what is not understood is not run")]
    NotUnderstood(String),
    /// The named table is neither a registered tenant table nor declared shared.
    #[error(
        "table {0} is not registered; register its entity with `Builder::tenant_table`, or declare it with \
         `Builder::shared_table` if its rows belong to all tenants"
    )]
    UnknownTable(String),
    /// A shared table was to be changed from within a tenant.
    #[error(
        "table {0} is shared by all tenants and cannot be changed by one; \
         change it on the unscoped connection (`Watertight::dangerous_unscoped`)"
    )]
    SharedTable(String),
    /// The named function is not known to keep to its arguments.
    #[error(
        "function {0} is not known to be free of access to data or settings; \
         declare it with `Builder::dangerous_function` if it is"
    )]
    UnknownFunction(String),
    /// A row was to be written for another tenant.
    #[error("the row belongs to tenant {given}, the connection to tenant {own}")]
    ForeignTenant {
        /// The tenant that the statement names.
        given: String,
        /// The tenant of the connection.
        own: String,
    },
    /// `tenant_id` was to be written with something that is not a plain value.
    #[error(
        "tenant_id of {0} is written with an expression; leave tenant_id out (it is filled in), or give it as a \
         bound value"
    )]
    TenantExpression(String),
    /// An insert names no columns, so the place of `tenant_id` is not known.
    #[error("insert into {0} names no columns; name the columns that the values are for")]
    UnnamedColumns(String),
    /// A transaction was used while one begun inside it is open, or after the one around it has ended.
    #[error(
        "the transaction is not the innermost open one; end those begun inside it first, and none after the one \
         around it"
    )]
    Nesting,
    /// The statement changes rows, and the database is only read.
    #[error(
        "the statement changes rows, and this database is only read (`Builder::read_only`); \
         run it on the primary's connection"
    )]
    ReadOnly,
    /// A column reference is neither a column nor a relation that is in scope.
    #[error(
        "column {0} is not a column of a relation in scope; check its name, and run the migration that adds it before \
         the application uses it"
    )]
    UnknownColumn(String),
    /// The named type is neither PostgreSQL's own, nor the type of a registered column, nor declared.
    #[error(
        "type {0} is not known; declare it with `Builder::dangerous_data_type` if its conversions read nothing else"
    )]
    UnknownType(String),
    /// The operator is neither PostgreSQL's own nor declared.
    #[error(
        "operator {0} is not known; declare it with `Builder::dangerous_operator` if its function reads nothing else"
    )]
    UnknownOperator(String),
    /// The database has another operator of the name of one of PostgreSQL's own.
    #[error(
        "the database has an operator {operator} of its own, which {used:?} could call; declare it with \
         `Builder::dangerous_operator` if its function reads nothing but its operands"
    )]
    ShadowedOperator {
        /// The operator.
        operator: String,
        /// The part of the statement that uses it.
        used: String,
    },
    /// A row as a whole is an operand, which could call any function, operator or cast of the row's type.
    #[error(
        "{0} takes a row as a whole, for which the database could find a function, an operator or a cast that reads \
         other rows; name the columns instead"
    )]
    RowOperand(Cow<'static, str>),
    /// `EXPLAIN` is not allowed.
    #[error(
        "the estimates of EXPLAIN come from statistics over the rows of all tenants; allow it with \
         `Builder::dangerous_explain` where the text of statements is trusted"
    )]
    Explain,
    /// A keyword that the server's release reads as a name.
    #[error(
        "{what} needs PostgreSQL {needs}, and the server is PostgreSQL {server}, which reads it as a name"
    )]
    ServerTooOld {
        /// The keyword.
        what: String,
        /// The first release that has it.
        needs: u32,
        /// The server's release.
        server: u32,
    },
    /// The text is too long.
    #[error(
        "the text is {bytes} bytes long, and at most {limit} are read; bind values instead of writing them out"
    )]
    TooLarge {
        /// The length of the text.
        bytes: usize,
        /// The longest text.
        limit: usize,
    },
    /// A part of the statement has no form yet that is proved to stay within one tenant.
    #[error("{0} is not supported within one tenant")]
    Unsupported(Cow<'static, str>),
    /// The statement binds another number of values than it has placeholders.
    #[error("the statement has placeholders up to ${placeholder} and comes with {values} bound values")]
    Placeholder {
        /// The highest placeholder, or zero.
        placeholder: usize,
        /// How many values are bound.
        values: usize,
    },
}
