//! Errors of tenant IDs, tenant keys, the registration of tables, and of what a transaction of a tenant can do besides
//! statements.

use sea_orm::DbErr;

use watertight_schema::{TableSet, TableSetError, TenantKeyError, TenantType};

use uuid::Uuid;

use super::id::TenantId;
use crate::vocabulary::InvalidInput;

/// A value is not a valid tenant ID.
///
/// ```
/// use watertight::{TenantId, TenantIdError};
///
/// let answer = match "harbor-street".parse::<TenantId>() {
///     Ok(tenant) => format!("tenant {tenant}"),
///     Err(TenantIdError::Malformed { text, .. }) => format!("there is no tenant {text}"),
///     Err(error) => error.to_string(),
/// };
/// assert_eq!(answer, "there is no tenant harbor-street");
/// ```
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TenantIdError {
    /// The nil UUID was given for a tenant.
    #[error("the nil UUID is not a tenant ID; pass the UUID of a tenant")]
    Nil,
    /// Zero was given for a tenant.
    #[error("zero is not a tenant ID; pass the number of a tenant")]
    Zero,
    /// The text given for a tenant cannot be the key of a tenant.
    #[error(
        "tenant ID {text:?} {rule}; use a text of 1 to 63 bytes without control characters, and without white space at \
         its ends"
    )]
    Text {
        /// The text given.
        text: String,
        /// The rule that it breaks, as the rest of a sentence that begins with the ID.
        rule: &'static str,
    },
    /// The text given for a tenant is not a number of the type.
    #[error(
        "tenant ID {text:?} is not a number of type {tenant_type}; write it in decimal digits without a leading zero"
    )]
    Number {
        /// The text given.
        text: String,
        /// The type of the tenant's key.
        tenant_type: TenantType,
    },
    /// The text given for a tenant is not a UUID.
    #[error("tenant ID {text:?} is not a UUID; write it as hexadecimal digits in the form 8-4-4-4-12")]
    Malformed {
        /// The text given.
        text: String,
        /// The error of the UUID parser.
        #[source]
        source: uuid::Error,
    },
}

/// A table cannot be registered.
///
/// ```
/// use watertight::{RegistrationError, TableSet};
///
/// fn answer(problem: &RegistrationError) -> String {
///     match problem {
///         RegistrationError::FeatureOff { set } => format!("build with `--features {set}`"),
///         other => other.to_string(),
///     }
/// }
///
/// let problem = RegistrationError::FeatureOff { set: TableSet::Intake };
/// assert_eq!(answer(&problem), "build with `--features intake`");
/// ```
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RegistrationError {
    /// A table without the tenant column, or with one of another type, was registered as a tenant table.
    #[error(
        "{table} has no column {column} of type {tenant_type}, so it cannot be a tenant table; add the column, name \
         another one with `Builder::tenant_column`, register the table by its name with `Builder::tenant_tables`, or \
         declare it with `Builder::shared_table` if its rows belong to all tenants"
    )]
    NoTenantColumn {
        /// The table, as `schema.name`.
        table: String,
        /// The tenant column.
        column: String,
        /// The type of the tenant's key.
        tenant_type: TenantType,
    },
    /// A tenant column compares texts in a way that regards different tenants as equal.
    #[error(
        "the column {column} of {table} has a nondeterministic collation, for which keys of different tenants can be \
         equal; run: ALTER TABLE .. ALTER COLUMN {column} TYPE text COLLATE \"C\""
    )]
    TenantColumnCollation {
        /// The table, as `schema.name`.
        table: String,
        /// The tenant column.
        column: String,
    },
    /// A setting names a table that is not registered as a tenant table.
    #[error(
        "`Builder::tenant_column_of` or `Builder::rows_for_everyone` names {table}, which is not registered as a tenant \
         table; register it with `Builder::tenant_tables`, or correct the name"
    )]
    NotRegistered {
        /// The table, as `schema.name`.
        table: String,
    },
    /// Watertight's own tables are chosen, and the tenants have keys of another type than `uuid`.
    #[error(
        "watertight's own tables have the tenant column tenant_id of type uuid, so an application uses them, or tenants of \
         type {tenant_type}, but not both; choose no table sets with `Builder::table_sets(TableSets::none())` instead of \
         {table_sets}, or the type uuid"
    )]
    OwnTablesNeedUuid {
        /// The type of the tenant's key.
        tenant_type: TenantType,
        /// The chosen table sets.
        table_sets: String,
    },
    /// A table was registered both as a tenant table and as a shared table.
    #[error(
        "{table} is registered both as a tenant table and as a shared table; remove one of the two \
         registrations"
    )]
    RegisteredTwice {
        /// The table, as `schema.name`.
        table: String,
    },
    /// The cargo feature of a chosen table set is not enabled.
    #[error(
        "the table set {set} is chosen, but watertight was built without its cargo feature; add the feature \
         `{set}` to the dependency, or leave the set out of `Builder::table_sets`"
    )]
    FeatureOff {
        /// The table set. Its cargo feature has the same name.
        set: TableSet,
    },
    /// An entity of the application uses a name that statements use for one of watertight's own tables.
    #[error(
        "an entity of the application has the name {table}, which statements use for watertight's own table \
         {own}; leave out its `schema_name` if the table is in the default schema, or rename the table"
    )]
    AmbiguousTable {
        /// The name in the entity, as `schema.name`.
        table: String,
        /// The name of watertight's own table in the database, as `schema.name`.
        own: String,
    },
    /// The schema of a table set is invalid.
    #[error(transparent)]
    TableSet(#[from] TableSetError),
}

/// The problems of the tables registered with a builder.
///
/// ```
/// use watertight::{Error, RegistrationError, Watertight};
///
/// # mod postcodes {
/// #     use sea_orm::entity::prelude::*;
/// #     #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
/// #     #[sea_orm(schema_name = "public", table_name = "postcodes")]
/// #     pub struct Model {
/// #         #[sea_orm(primary_key, auto_increment = false)]
/// #         pub code: String,
/// #         pub city: String,
/// #     }
/// #     #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
/// #     pub enum Relation {}
/// #     impl ActiveModelBehavior for ActiveModel {}
/// # }
/// // An entity without the column `tenant_id`.
/// let registered = Watertight::builder().tenant_table(postcodes::Entity).rewriter();
/// if let Err(Error::Registration(errors)) = &registered {
///     errors.problems.iter().for_each(|problem| eprintln!("{problem}"));
///     assert!(matches!(&errors.problems[..], [RegistrationError::NoTenantColumn { .. }]));
/// }
/// assert!(registered.is_err());
/// ```
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}", problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))]
#[non_exhaustive]
pub struct RegistrationErrors {
    /// The problems, in the order of registration.
    pub problems: Vec<RegistrationError>,
}

/// The tenant keys of the application and of the database do not match.
///
/// ```
/// use watertight::SigningError;
///
/// fn advice(error: &SigningError) -> String {
///     match error {
///         SigningError::NoTenantKey => "set WATERTIGHT_TENANT_KEY".to_owned(),
///         SigningError::TenantKeyNotInstalled { id } => format!("install the key {id}, or use an installed key"),
///         other => other.to_string(),
///     }
/// }
///
/// let error = SigningError::TenantKeyNotInstalled { id: 2 };
/// assert_eq!(advice(&error), "install the key 2, or use an installed key");
/// ```
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SigningError {
    /// A tenant key does not have the form `ID:SECRET`. The key is not shown.
    #[error(transparent)]
    TenantKey(#[from] TenantKeyError),
    /// The database verifies tenants, but the application has no key to sign them.
    #[error(
        "the database verifies tenants, but the application has no tenant key to sign them; set \
         WATERTIGHT_TENANT_KEY to a key of the database, or pass the key to `Builder::tenant_keys`; \
         `watertight keys new` creates a key, and `watertight keys add` adds it to the database"
    )]
    NoTenantKey,
    /// The database verifies tenants, but has no key to verify them.
    #[error(
        "the database has no tenant key, so no tenant sees any row; with WATERTIGHT_TENANT_KEY set to the application's \
         key, run `watertight keys add` as the owner"
    )]
    NoTenantKeyInstalled,
    /// The database does not have the signing key.
    #[error(
        "the database has no tenant key {id}; with WATERTIGHT_TENANT_KEY set to the application's key, run \
         `watertight keys add` as the owner, or configure the application with a key that `watertight keys \
         list` prints"
    )]
    TenantKeyNotInstalled {
        /// The ID of the key.
        id: i16,
    },
    /// The database has a different key under the ID of the signing key.
    #[error(
        "the database has another tenant key under the ID {id}; configure the application with the key of the \
         database, or create a key with another ID (`watertight keys new --id`) and run `watertight keys add` \
         as the owner"
    )]
    TenantKeyDiffers {
        /// The ID of the key.
        id: i16,
    },
    /// The database verifies tenants, which the workers of a cluster cannot do without the keys.
    #[error(
        "the workers of a Citus cluster cannot read the tenant keys, so the policies of distributed tables \
         cannot verify tenants; run `watertight keys waive` as the owner"
    )]
    SignedCluster,
    /// The tenants of the database have keys of another type.
    #[error(
        "the tenants of the database have keys of type {database}, but the application expects {application}; pass the type \
         of the database to `Builder::tenant_type`"
    )]
    TenantTypeDiffers {
        /// The type in the application.
        application: TenantType,
        /// The type that `watertight.tenant()` returns in the database.
        database: String,
    },
    /// The function that verifies tenants is missing.
    #[error(
        "the function watertight.tenant() is missing; run `sea-orm-cli migrate up` with the owner's role, and \
         check that the application's role may execute the function"
    )]
    NoTenantFunction,
    /// The database reported an error.
    #[error(transparent)]
    Database(#[from] DbErr),
}

/// A time limit cannot be set.
///
/// ```
/// use std::time::Duration;
/// use watertight::{InvalidInput, TenantTransaction, TimeoutError};
///
/// /// Sets a limit from a file of settings, and ignores a value out of range.
/// async fn set_limit(transaction: &TenantTransaction, limit: Duration) -> Result<(), TimeoutError> {
///     match transaction.set_statement_timeout(limit).await {
///         Err(TimeoutError::InvalidInput(input)) => {
///             eprintln!("{input}");
///             Ok(())
///         }
///         other => other,
///     }
/// }
///
/// let error = TimeoutError::from(InvalidInput::new("lock_timeout", "30d", "is more than 24 days"));
/// assert_eq!(error.to_string(), r#"lock_timeout "30d" is more than 24 days"#);
/// assert!(watertight::Error::from(error).is_invalid_input());
/// ```
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TimeoutError {
    /// An input value is invalid.
    #[error(transparent)]
    InvalidInput(#[from] InvalidInput),
    /// The database reported an error.
    #[error(transparent)]
    Database(#[from] DbErr),
}

/// A lock of a tenant cannot be taken.
///
/// ```
/// use watertight::{InvalidInput, LockError, TenantTransaction};
///
/// /// Locks the name that a user typed.
/// async fn lock(transaction: &TenantTransaction, typed: &str) -> Result<(), String> {
///     match transaction.lock(typed).await {
///         Err(LockError::InvalidInput(input)) => Err(format!("The name {}.", input.reason)),
///         other => other.map_err(|error| error.to_string()),
///     }
/// }
///
/// let error = LockError::from(InvalidInput::new("lock", "", "is empty; name what is locked"));
/// assert!(watertight::Error::from(error).is_invalid_input());
/// ```
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LockError {
    /// An input value is invalid.
    #[error(transparent)]
    InvalidInput(#[from] InvalidInput),
    /// The database reported an error, or the lock was refused.
    #[error(transparent)]
    Database(#[from] DbErr),
}

/// A number of a series cannot be taken or set.
///
/// ```
/// use watertight::{NumberError, TenantTransaction};
///
/// /// Continues the numbers of another system, unless this one is already ahead.
/// async fn continue_at(transaction: &TenantTransaction, next: i64) -> Result<(), NumberError> {
///     match transaction.set_next_number("invoice", next).await {
///         Err(NumberError::Taken { last, .. }) => {
///             println!("already at {last}");
///             Ok(())
///         }
///         other => other,
///     }
/// }
///
/// let error = NumberError::Taken { series: "invoice".to_owned(), next: 10, last: 41 };
/// assert!(error.to_string().contains("set 42 or a later number"));
/// assert!(watertight::Error::from(error).is_conflict());
/// ```
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NumberError {
    /// An input value is invalid.
    #[error(transparent)]
    InvalidInput(#[from] InvalidInput),
    /// The series has already returned the number.
    #[error(
        "the series {series:?} has already returned the number {last}, so {next} cannot be the next one; set {} or a \
         later number",
        last.saturating_add(1)
    )]
    Taken {
        /// The series.
        series: String,
        /// The number given.
        next: i64,
        /// The last number of the series.
        last: i64,
    },
    /// The table of numbers is missing.
    #[error(
        "the table watertight.numbers is missing; apply the migration m20260101_000018_numbers with the owner's role"
    )]
    NotMigrated,
    /// The database reported an error, or the statement was refused.
    #[error(transparent)]
    Database(#[from] DbErr),
}

/// A notification cannot be sent or received.
///
/// ```
/// use watertight::{NotificationError, TenantTransaction};
///
/// /// Sends the text itself, or only the ID of its row if it is too long.
/// async fn announce(transaction: &TenantTransaction, text: &str, id: &str) -> Result<(), NotificationError> {
///     match transaction.notify("chat", text).await {
///         Err(NotificationError::PayloadTooLong { .. }) => transaction.notify("chat", id).await,
///         other => other,
///     }
/// }
///
/// let error = NotificationError::PayloadTooLong { bytes: 9_000, limit: 7_999 };
/// assert!(watertight::Error::from(error).is_invalid_input());
/// ```
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NotificationError {
    /// An input value is invalid.
    #[error(transparent)]
    InvalidInput(#[from] InvalidInput),
    /// The payload is longer than PostgreSQL allows.
    #[error(
        "the payload has {bytes} bytes, but a notification of PostgreSQL has at most {limit}; store the data in a row \
         and send its ID"
    )]
    PayloadTooLong {
        /// The length of the payload.
        bytes: usize,
        /// The longest payload.
        limit: usize,
    },
    /// A transaction pooler is between the application and the server.
    #[error(
        "behind a transaction pooler nothing can be received, because a listener needs a server connection of its own; \
         create a second `Watertight` with the URL of the server, and listen there"
    )]
    TransactionPooler,
    /// The database is declared read-only.
    #[error(
        "the database is declared read-only (`Builder::read_only`), and a replica delivers no notifications; listen on \
         the primary"
    )]
    Replica,
    /// The tenant's connection and the listener belong to different databases.
    #[error(
        "the connection of tenant {tenant} does not belong to the `Watertight` of the listener; create a listener for \
         each database"
    )]
    OtherDatabase {
        /// The tenant.
        tenant: TenantId,
    },
    /// The database reported an error, or the notification was refused.
    #[error(transparent)]
    Database(#[from] DbErr),
}

/// A job cannot be signed or opened.
///
/// ```
/// use watertight::JobError;
///
/// /// Whether the queue should deliver the job again.
/// fn again(error: &JobError) -> bool {
///     match error {
///         // Another process may already have the new key.
///         JobError::UnknownKey { .. } => true,
///         _ => false,
///     }
/// }
///
/// assert!(again(&JobError::UnknownKey { id: 2 }));
/// assert!(!again(&JobError::NoTenantKey));
/// ```
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum JobError {
    /// The application has no tenant key.
    #[error(
        "jobs are signed with the tenant key, but the connection has none; set WATERTIGHT_TENANT_KEY or pass the key to \
         `Builder::tenant_keys`, with row-level security in force"
    )]
    NoTenantKey,
    /// The job is signed with a key that the application does not have.
    #[error(
        "the job is signed with the tenant key {id}, which the application does not have; configure it with that key, \
         too, until the jobs signed with it are done"
    )]
    UnknownKey {
        /// The ID of the key.
        id: i16,
    },
    /// The signature does not belong to the job.
    #[error(
        "the signature of job {job} is wrong, so its tenant is unknown; drop the job, and find out who can write to the queue"
    )]
    Forged {
        /// The ID in the job.
        job: Uuid,
    },
    /// The job is of another kind.
    #[error("the job is of the kind {found:?}, but {expected:?} was expected; open it as its own kind")]
    OtherKind {
        /// The kind of the job.
        found: String,
        /// The kind of the type.
        expected: &'static str,
    },
    /// The job belongs to another tenant.
    #[error(
        "the job belongs to tenant {found}, but the connection to tenant {own}; use the connection of the job's tenant"
    )]
    OtherTenant {
        /// The tenant of the job.
        found: Box<TenantId>,
        /// The tenant of the connection.
        own: Box<TenantId>,
    },
    /// The data cannot be converted from or to JSON.
    #[error(
        "the data of a job of the kind {kind:?} cannot be converted: {source}; check that both releases have the same fields"
    )]
    Data {
        /// The kind of the job.
        kind: &'static str,
        /// The error of the conversion.
        #[source]
        source: serde_json::Error,
    },
    /// The signature cannot be computed.
    #[error(transparent)]
    Signing(DbErr),
}

/// The messages of an outbox table cannot be taken.
///
/// ```
/// use watertight::OutboxError;
///
/// fn advice(error: &OutboxError) -> String {
///     match error {
///         OutboxError::NotPermitted { table } => format!("connect as the worker of {table}"),
///         other => other.to_string(),
///     }
/// }
///
/// let error = OutboxError::NotPermitted { table: "public.outbox".to_owned() };
/// assert_eq!(advice(&error), "connect as the worker of public.outbox");
/// ```
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OutboxError {
    /// The table is not registered as an outbox table.
    #[error(
        "table {table} is not registered as an outbox table; register its entity with `Builder::outbox_table`"
    )]
    NotRegistered {
        /// The table, as `schema.name`.
        table: String,
    },
    /// The role is not the worker's.
    #[error(
        "the role may not take the messages of {table}; connect as the role that `TenantTable::outbox` names, and create \
         that role with the rights of the application's role (`IN ROLE`)"
    )]
    NotPermitted {
        /// The table, as `schema.name`.
        table: String,
    },
    /// The database is a Citus cluster.
    #[error(
        "the messages of {table} cannot be taken, because a Citus cluster cannot lock the rows of all tenants; run a \
         worker for each tenant, or keep the outbox in another database"
    )]
    Cluster {
        /// The table, as `schema.name`.
        table: String,
    },
    /// The tenant of a message is not a valid tenant ID.
    #[error("the tenant of a message is invalid: {0}; correct the row")]
    TenantId(#[from] TenantIdError),
    /// The database reported an error.
    #[error(transparent)]
    Database(#[from] DbErr),
}
