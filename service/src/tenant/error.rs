//! Errors of tenant IDs, tenant keys and the registration of tables.

use sea_orm::DbErr;

use watertight_schema::{TableSet, TableSetError, TenantKeyError, TenantType};

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
    /// An entity without the tenant column was registered as a tenant table, or the database has the column with another
    /// type.
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
    /// Watertight's own tables are chosen for a database whose tenants have keys of another type than `uuid`.
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
