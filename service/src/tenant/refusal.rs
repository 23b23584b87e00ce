use std::borrow::Cow;
use std::sync::Arc;

use sea_orm::DbErr;
use watertight_schema::TenantType;

use crate::vocabulary::InvalidInput;

/// The refusal of a statement that could not be proved to stay within one tenant.
///
/// A refused statement is not sent to the server and changes nothing. SeaORM's traits return [`DbErr`], which
/// then contains the refusal; [`Refusal::of`] extracts it.
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
    /// The kind of the statement.
    pub statement: StatementKind,
    /// The reason of the refusal.
    pub reason: Reason,
}

impl Refusal {
    /// Creates a refusal of a statement of the given kind, with the given reason.
    ///
    /// ```
    /// use watertight::{Reason, Refusal, StatementKind};
    ///
    /// let refusal = Refusal::new(StatementKind::Delete, Reason::ReadOnly);
    /// assert!(refusal.to_string().starts_with("DELETE refused: the statement changes rows"));
    /// ```
    #[must_use]
    pub const fn new(statement: StatementKind, reason: Reason) -> Self {
        Self { statement, reason }
    }

    /// The refusal inside a [`DbErr`], if there is one.
    ///
    /// ```
    /// use sea_orm::DbErr;
    /// use watertight::{Reason, Refusal, StatementKind};
    ///
    /// /// Whether the statement has to be changed. Any other error can go away.
    /// fn is_a_mistake(error: &DbErr) -> bool {
    ///     Refusal::of(error).is_some()
    /// }
    ///
    /// let refusal = Refusal::new(StatementKind::Select, Reason::UnknownTable("loyalty_cards".to_owned()));
    /// assert!(is_a_mistake(&refusal.into()));
    /// assert!(!is_a_mistake(&DbErr::RecordNotFound("service".to_owned())));
    /// ```
    #[must_use]
    pub fn of(error: &DbErr) -> Option<&Self> {
        match error {
            DbErr::TryIntoErr { source, .. } => source.downcast_ref(),
            _ => None,
        }
    }
}

impl From<Refusal> for DbErr {
    /// `TryIntoErr` is the variant of `DbErr` that keeps another error without converting it to text.
    fn from(refusal: Refusal) -> Self {
        Self::TryIntoErr {
            from: refusal.statement.name(),
            into: "a statement scoped to one tenant",
            source: Arc::new(refusal),
        }
    }
}

/// The kind of a statement, as far as it is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum StatementKind {
    /// `SELECT`, `VALUES` and `TABLE`.
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
    /// A text with several statements, with none, or with a statement unknown to the parser.
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

/// The reason why a statement was refused.
///
/// ```
/// use watertight::{Reason, Refusal, Watertight};
///
/// fn answer(refusal: &Refusal) -> String {
///     match &refusal.reason {
///         Reason::UnknownTable(table) => format!("the application does not use the table {table}"),
///         Reason::SharedTable(table) => format!("only the operator changes the table {table}"),
///         Reason::NotUnderstood(_) => "the statement has a mistake".to_owned(),
///         other => other.to_string(),
///     }
/// }
///
/// let rewriter = Watertight::builder().rewriter()?;
/// let refused = rewriter.rewrite("SELECT points FROM loyalty_cards", 0).err();
/// let answer = refused.as_ref().map(answer);
/// assert_eq!(answer.as_deref(), Some("the application does not use the table public.loyalty_cards"));
/// # Ok::<(), watertight::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Reason {
    /// The kind of statement is not supported within one tenant.
    #[error(
        "statements of this kind cannot be confined to one tenant; if the statement is meant for all tenants, \
         run it on the unscoped connection (`Watertight::unscoped`)"
    )]
    StatementKind,
    /// The statement changes a setting beyond the end of the transaction.
    #[error(
        "SET {0} outlives the transaction, so the next tenant would get the connection with it; within a \
         transaction, write SET LOCAL {0}"
    )]
    SessionSetting(String),
    /// The statement changes a setting that tenants cannot change.
    #[error("the setting {name} cannot be changed: {because}")]
    Setting {
        /// The name of the setting.
        name: String,
        /// The reason, and the remedy.
        because: Cow<'static, str>,
    },
    /// A setting of a transaction was changed outside of a transaction, where it would have no effect.
    #[error(
        "outside of a transaction the statement has no effect; run it on a `TenantTransaction`, or pass the setting \
         to `TenantConnection::begin_with_settings`"
    )]
    OutsideTransaction,
    /// The statement changes a setting of a transaction whose settings are fixed.
    #[error(
        "the settings of the transaction are fixed (`TransactionSettings::fixed`), so SQL cannot change them; \
         pass every setting to `TenantConnection::begin_with_settings`"
    )]
    FixedSettings,
    /// A value of [`TransactionSettings`](crate::TransactionSettings) is invalid.
    #[error(transparent)]
    InvalidSetting(InvalidInput),
    /// The text contains no statement, or more than one.
    #[error("the text contains {0} statements; send exactly one at a time")]
    StatementCount(usize),
    /// The parser does not understand the text.
    #[error("the text cannot be parsed: {0}; only SQL that is fully parsed is run")]
    NotUnderstood(String),
    /// The table is registered neither as a tenant table nor as a shared table.
    #[error(
        "table {0} is not registered; register its entity with `Builder::tenant_table`, or declare it with \
         `Builder::shared_table` if its rows belong to all tenants"
    )]
    UnknownTable(String),
    /// The statement changes a shared table.
    #[error(
        "table {0} is shared by all tenants, so a tenant cannot change it; change it on the unscoped \
         connection (`Watertight::unscoped`)"
    )]
    SharedTable(String),
    /// The statement changes a view, a materialized view or a foreign table.
    ///
    /// Row-level security checks the rows that a statement writes into a table, and not those of these objects.
    #[error("{0} is not a table, so a tenant can only read it; change the tables that it reads")]
    NotATable(String),
    /// The statement reads or changes an outbox table, into which tenants only insert.
    #[error(
        "tenants only insert into the outbox table {table}, and {used} needs the right to read it; insert with \
         `Tenant::enqueue` or with SeaORM's `exec_without_returning`, and read the messages with `Watertight::outbox`"
    )]
    OutboxTable {
        /// The table, as `schema.name`.
        table: String,
        /// The part of the statement.
        used: &'static str,
    },
    /// The statement reads or changes rows of a tenant table, on a connection without a tenant.
    #[error(
        "table {0} is a tenant table, and without a tenant row-level security shows none of its rows; use the \
         connection of a tenant (`Watertight::tenant`), each tenant in turn (`Watertight::for_each_tenant`), or \
         `Maintenance::dangerous_across_tenants` for a report"
    )]
    TenantTableUnscoped(String),
    /// The statement is not a `SELECT`, on a connection that only reads across tenants.
    #[error(
        "a connection across tenants sends SELECT only; change rows on the connection of their tenant \
         (`Watertight::tenant`)"
    )]
    SelectOnly,
    /// The function is neither a known function of PostgreSQL nor declared.
    #[error(
        "function {0} is not known; declare it with `Builder::dangerous_function` if it reads no table and \
         changes no setting"
    )]
    UnknownFunction(String),
    /// The statement writes a row of another tenant.
    #[error(
        "the statement writes the tenant {given} on the connection of tenant {own}; leave the tenant column out \
         (it is filled in), or use the connection of the row's tenant"
    )]
    ForeignTenant {
        /// The tenant that the statement names.
        given: String,
        /// The tenant of the connection.
        own: String,
    },
    /// The tenant's key does not have the type of the database's tenants.
    #[error(
        "tenant {given} is no key of type {tenant_type}, which the tenants of the database have \
         (`Builder::tenant_type`); use the key in the tenant column of the tenant's rows"
    )]
    TenantType {
        /// The tenant of the connection.
        given: String,
        /// The type of the tenant's key in the database.
        tenant_type: TenantType,
    },
    /// The statement locks rows, or merges into a table, of which some rows belong to everyone.
    #[error(
        "{0} has rows for everyone, which no tenant can lock or change, so a statement with FOR UPDATE, FOR SHARE or MERGE \
         cannot use it; read the rows without a lock, or use UPDATE, DELETE or INSERT .. ON CONFLICT, which change the \
         tenant's own rows"
    )]
    RowsForEveryone(String),
    /// The statement writes an expression to the tenant column that is not a plain value.
    #[error(
        "the tenant column of {0} is set to an expression; leave it out (it is filled in), or pass it as a \
         bound value"
    )]
    TenantExpression(String),
    /// The insert names no columns, so the position of the tenant column is unknown.
    #[error("INSERT INTO {0} has no column list; list the columns of the values")]
    UnnamedColumns(String),
    /// The transaction has an open nested transaction, or its outer transaction has ended.
    #[error(
        "the transaction is not the innermost open transaction; end each nested transaction before the \
         transaction around it"
    )]
    Nesting,
    /// A commit of a transaction in which a statement failed.
    #[error(
        "a statement of the transaction failed, so the database keeps none of its changes; run a statement that may \
         fail in a nested transaction, and roll back after an error"
    )]
    Aborted,
    /// The statement changes rows of a database that was declared read only.
    #[error(
        "the statement changes rows, but the database is declared read-only (`Builder::read_only`); run the \
         statement on a connection to the primary"
    )]
    ReadOnly,
    /// A column reference names neither a column nor a relation in scope.
    #[error(
        "column {0} is not found in the relations of the statement; check its name, and run the migration \
         that adds it before the application uses it"
    )]
    UnknownColumn(String),
    /// The type is neither built in, nor the type of a registered column, nor declared.
    #[error(
        "type {0} is not known; declare it with `Builder::dangerous_data_type` if its conversions read no \
         table and change no setting"
    )]
    UnknownType(String),
    /// The operator is neither built in nor declared.
    #[error(
        "operator {0} is not known; declare it with `Builder::dangerous_operator` if its function reads \
         nothing except its operands"
    )]
    UnknownOperator(String),
    /// The database has an operator that shares its name with an operator of PostgreSQL.
    #[error(
        "{used:?} could call the user-defined operator {operator} of the database; declare it with \
         `Builder::dangerous_operator` if its function reads nothing except its operands"
    )]
    ShadowedOperator {
        /// The operator.
        operator: String,
        /// The part of the statement that uses it.
        used: String,
    },
    /// A whole row is an operand, which could call any function, operator or cast of the row type.
    #[error(
        "{0} uses a whole row, for which the database could call a function, an operator or a cast that reads \
         other rows; name the columns instead"
    )]
    RowOperand(Cow<'static, str>),
    /// `EXPLAIN` is not allowed.
    #[error(
        "EXPLAIN reveals statistics over the rows of all tenants; allow it with `Builder::dangerous_explain` \
         if the text of statements is trusted"
    )]
    Explain,
    /// The server is too old for a keyword and reads it as a name.
    #[error(
        "{what} needs PostgreSQL {needs}, but the server is PostgreSQL {server} and reads it as a name; write \
         the statement without it, or upgrade the server"
    )]
    ServerTooOld {
        /// The keyword.
        what: String,
        /// The first release of PostgreSQL with the keyword.
        needs: u32,
        /// The release of the server.
        server: u32,
    },
    /// The text is too long.
    #[error(
        "the text is {bytes} bytes long, but the limit is {limit}; bind values instead of writing them as \
         literals"
    )]
    TooLarge {
        /// The length of the text.
        bytes: usize,
        /// The longest text.
        limit: usize,
    },
    /// A part of the statement is not supported.
    #[error("this connection does not support {0}; write the statement without it")]
    Unsupported(Cow<'static, str>),
    /// The number of bound values does not match the placeholders.
    #[error(
        "the highest placeholder of the statement is ${placeholder}, but {values} values are bound; bind one \
         value for each placeholder"
    )]
    Placeholder {
        /// The highest placeholder, or zero.
        placeholder: usize,
        /// The number of bound values.
        values: usize,
    },
}

impl Reason {
    /// A short name of the reason without details, for metrics and logs.
    ///
    /// ```
    /// use watertight::Reason;
    ///
    /// assert_eq!(Reason::UnknownTable("public.loyalty_cards".to_owned()).name(), "unknown_table");
    /// ```
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::StatementKind => "statement_kind",
            Self::SessionSetting(_) => "session_setting",
            Self::Setting { .. } => "setting",
            Self::OutsideTransaction => "outside_transaction",
            Self::FixedSettings => "fixed_settings",
            Self::InvalidSetting(_) => "invalid_setting",
            Self::StatementCount(_) => "statement_count",
            Self::NotUnderstood(_) => "not_understood",
            Self::UnknownTable(_) => "unknown_table",
            Self::SharedTable(_) => "shared_table",
            Self::TenantTableUnscoped(_) => "tenant_table_unscoped",
            Self::OutboxTable { .. } => "outbox_table",
            Self::NotATable(_) => "not_a_table",
            Self::TenantType { .. } => "tenant_type",
            Self::RowsForEveryone(_) => "rows_for_everyone",
            Self::SelectOnly => "select_only",
            Self::UnknownFunction(_) => "unknown_function",
            Self::ForeignTenant { .. } => "foreign_tenant",
            Self::TenantExpression(_) => "tenant_expression",
            Self::UnnamedColumns(_) => "unnamed_columns",
            Self::Nesting => "nesting",
            Self::Aborted => "aborted",
            Self::ReadOnly => "read_only",
            Self::UnknownColumn(_) => "unknown_column",
            Self::UnknownType(_) => "unknown_type",
            Self::UnknownOperator(_) => "unknown_operator",
            Self::ShadowedOperator { .. } => "shadowed_operator",
            Self::RowOperand(_) => "row_operand",
            Self::Explain => "explain",
            Self::ServerTooOld { .. } => "server_too_old",
            Self::TooLarge { .. } => "too_large",
            Self::Unsupported(_) => "unsupported",
            Self::Placeholder { .. } => "placeholder",
        }
    }

    /// The database object that the reason names. Other details can contain values.
    pub(crate) fn object(&self) -> Option<&str> {
        match self {
            Self::UnknownTable(name)
            | Self::SharedTable(name)
            | Self::OutboxTable { table: name, .. }
            | Self::RowsForEveryone(name)
            | Self::NotATable(name)
            | Self::UnknownFunction(name)
            | Self::TenantExpression(name)
            | Self::UnnamedColumns(name)
            | Self::UnknownColumn(name)
            | Self::UnknownType(name)
            | Self::UnknownOperator(name)
            | Self::ShadowedOperator { operator: name, .. } => Some(name),
            _ => None,
        }
    }

    /// Whether the statement was refused because it could not be proved to stay within the tenant. Others would fail in
    /// any case, or concern more than rows.
    pub(crate) const fn is_of_proof(&self) -> bool {
        matches!(
            self,
            Self::UnknownTable(_)
                | Self::SharedTable(_)
                | Self::UnknownFunction(_)
                | Self::TenantExpression(_)
                | Self::UnnamedColumns(_)
                | Self::UnknownColumn(_)
                | Self::UnknownType(_)
                | Self::UnknownOperator(_)
                | Self::ShadowedOperator { .. }
                | Self::RowOperand(_)
                | Self::ServerTooOld { .. }
                | Self::Unsupported(_)
        )
    }
}
