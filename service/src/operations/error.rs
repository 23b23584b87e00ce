//! Errors of connecting to a database and of its maintenance.

use sea_orm::DbErr;

use watertight_schema::{TableSets, sql};

use super::doctor::DoctorFailed;
use super::inspection::isolable::NotIsolable;
use crate::tenant::{SigningError, TenantId};
use crate::vocabulary::InvalidInput;

/// A database cannot be reached, or isolation would not hold in it.
///
/// ```
/// use watertight::{ConnectError, SigningError};
///
/// /// Whether another attempt can succeed before somebody changes the configuration or the database.
/// fn is_temporary(error: &ConnectError) -> bool {
///     match error {
///         ConnectError::Unreachable { .. } | ConnectError::Database(_) => true,
///         // The migrations of a new release may be running.
///         ConnectError::NotMigrated { .. } | ConnectError::Signing(SigningError::NoTenantFunction) => true,
///         _ => false,
///     }
/// }
///
/// assert!(is_temporary(&ConnectError::NotMigrated { tables: vec!["public.loyalty_cards".to_owned()] }));
/// assert!(!is_temporary(&ConnectError::EmptyUrl));
/// ```
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConnectError {
    /// No database URL was given.
    #[error(
        "the database URL is empty; set DATABASE_URL to postgres://ROLE:PASSWORD@HOST:PORT/DATABASE, with the \
         application's role, which is neither a superuser nor the owner of the tables"
    )]
    EmptyUrl,
    /// The database URL is malformed. The message does not contain it, because it may contain a password.
    #[error(
        "the database URL is malformed: {reason}; write it in the form \
         postgres://ROLE:PASSWORD@HOST:PORT/DATABASE, and percent-encode special characters of the password, such as # as \
         %23 and / as %2F"
    )]
    MalformedUrl {
        /// The reason.
        reason: String,
    },
    /// The connection is not a PostgreSQL connection.
    #[error(
        "the connection is a {backend}, but watertight needs a pool of connections to PostgreSQL; connect with \
         `Database::connect` and the URL of a PostgreSQL database"
    )]
    NotPostgres {
        /// The kind of the connection, such as `MockDatabaseConnection`.
        backend: String,
    },
    /// The server does not answer, or refuses the connection.
    #[error(
        "the database {target} cannot be reached: {source}; check that the server is running, that DATABASE_URL names \
         it, and that sslmode and sslrootcert in the URL match the server"
    )]
    Unreachable {
        /// The database, its host and its port.
        target: String,
        /// The error of the driver.
        source: DbErr,
    },
    /// Registered tables, or the type that carries the tenant, do not exist.
    #[error(
        "the database is not migrated, because these objects do not exist: {}; run `watertight migrate` with the owner's \
         role, or remove the registration of a table that the application does not use",
        tables.join(", ")
    )]
    NotMigrated {
        /// The missing objects, such as tables as `schema.name`.
        tables: Vec<String>,
    },
    /// The role may not use the schema of registered tables or of the tenant's type.
    #[error(
        "role {role} may not use the schema of registered tables; as the owner, run: {}",
        usage_grants(role, schemas)
    )]
    SchemaNotUsable {
        /// The role.
        role: String,
        /// The schemas.
        schemas: Vec<String>,
    },
    /// The role may not read registered tables.
    #[error(
        "role {role} may not read {}; as the owner, run `GRANT SELECT, INSERT, UPDATE, DELETE ON .. TO {}` with the \
         privileges that the application needs, or see what `watertight doctor` prints",
        tables.join(", "),
        sql::identifier(role)
    )]
    NotGranted {
        /// The role.
        role: String,
        /// The tables, as `schema.name`.
        tables: Vec<String>,
    },
    /// The role may not use the type that carries the tenant.
    #[error(
        "role {role} may not use the type {name}, which carries the tenant; as the owner, run: GRANT USAGE ON DOMAIN {name} \
         TO PUBLIC;"
    )]
    TypeNotUsable {
        /// The role.
        role: String,
        /// The type.
        name: &'static str,
    },
    /// The rows of registered objects cannot be isolated, such as a view without the tenant column.
    #[error("these registered objects cannot be isolated: {}", described(objects))]
    NotIsolable {
        /// The objects, each with its reason and its remedy.
        objects: Vec<NotIsolable>,
    },
    /// The application's role, which the doctor reports about, does not exist.
    #[error(
        "the application's role {role} does not exist; name it with `Builder::application_role`, or with --app-role on the \
         command line"
    )]
    UnknownRole {
        /// The role.
        role: String,
    },
    /// Row-level security applies to the role, and the chosen layers do not set the tenant.
    #[error(
        "row-level security applies to role {role} on {}, but `Layers::RewritingOnly` does not set the tenant, so \
         every read of these tables would be empty; use both layers, connect as a role that is BYPASSRLS, or \
         disable row-level security on the tables",
        tables.join(", ")
    )]
    RowSecurityApplies {
        /// The role.
        role: String,
        /// The tables, as `schema.name`.
        tables: Vec<String>,
    },
    /// Registered tenant tables are not protected by row-level security.
    #[error(
        "row-level security is not enabled and forced on {}; enable and force it, as the migrations do, or \
         pass `Layers::RewritingOnly` to `Builder::dangerous_layers` to rely on rewriting alone",
        tables.join(", ")
    )]
    RowSecurityOff {
        /// The tables, as `schema.name`.
        tables: Vec<String>,
    },
    /// The role of the connection bypasses row-level security.
    #[error(
        "role {role} is {privilege}, so row-level security does not apply to it; connect as a role that is \
         neither a superuser nor BYPASSRLS, or pass `Layers::RewritingOnly` to `Builder::dangerous_layers` to \
         rely on rewriting alone"
    )]
    PrivilegedRole {
        /// The role's name.
        role: String,
        /// `a superuser` or `BYPASSRLS`.
        privilege: &'static str,
    },
    /// A new connection already has a value for a tenant setting.
    #[error(
        "new connections have a value for {setting}, so statements without a tenant see that tenant's rows; \
         remove it from the `options` of the URL, from ALTER DATABASE .. SET and ALTER ROLE .. SET, and from \
         the server's configuration: `watertight doctor` shows the place"
    )]
    TenantPreset {
        /// The setting.
        setting: &'static str,
    },
    /// The server reads backslashes in strings as escapes, because `standard_conforming_strings` is off.
    ///
    /// The rewriter could then not find the end of a string.
    #[error(
        "standard_conforming_strings is off, so the rewriter cannot find the end of a string; turn it on for \
         the role: ALTER ROLE .. SET standard_conforming_strings = on"
    )]
    BackslashEscapes,
    /// Table sets in schemas of their own need rewriting, which the chosen layers leave out.
    #[error(
        "`Layers::UnscopedRowSecurityOnly` does not rewrite statements, so it cannot be used with the schemas \
         of {sets}; choose other layers, or keep each table set in its default schema"
    )]
    SchemasNeedRewriting {
        /// The table sets, with their schemas.
        sets: TableSets,
    },
    /// Report-only mode was chosen where row-level security alone does not isolate tenants.
    #[error(
        "`Builder::dangerous_report_only` sends statements that row-level security alone isolates, but {reason}"
    )]
    ReportOnly {
        /// The reason, and the remedy.
        reason: String,
    },
    /// The tenant keys of the application and of the database do not match.
    #[error(transparent)]
    Signing(#[from] SigningError),
    /// The doctor found errors.
    #[error(transparent)]
    DoctorFailed(#[from] DoctorFailed),
    /// The database reported an error.
    #[error(transparent)]
    Database(#[from] DbErr),
}

fn described(objects: &[NotIsolable]) -> String {
    objects.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
}

fn usage_grants(role: &str, schemas: &[String]) -> String {
    let grant = |schema: &String| {
        format!("GRANT USAGE ON SCHEMA {} TO {};", sql::identifier(schema), sql::identifier(role))
    };
    schemas.iter().map(grant).collect::<Vec<_>>().join(" ")
}

/// An export, import, erasure, purge or count could not be completed.
///
/// ```
/// use watertight::MaintenanceError;
///
/// fn advice(error: &MaintenanceError) -> String {
///     match error {
///         MaintenanceError::TenantNotEmpty { tenant, .. } => format!("export and erase tenant {tenant} first"),
///         MaintenanceError::MalformedExport { line, .. } => format!("the file is damaged at line {line}"),
///         MaintenanceError::RowsHidden { .. } => "name the tenants".to_owned(),
///         other => other.to_string(),
///     }
/// }
///
/// let error = MaintenanceError::MalformedExport { line: 7, reason: "EOF while parsing an object".to_owned() };
/// assert_eq!(advice(&error), "the file is damaged at line 7");
/// ```
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum MaintenanceError {
    /// Row-level security restricts the role to the rows of one tenant at a time.
    #[error(
        "role {role} does not see the rows of all tenants; connect as a role that is BYPASSRLS, or name the \
         tenants"
    )]
    RowsHidden {
        /// The role.
        role: String,
    },
    /// The reason of an access across tenants could not be written, so there is no access.
    #[error(
        "the access of role {role} across tenants could not be recorded, so it is refused: {source}; apply the \
         migrations, and as the owner run: GRANT USAGE ON SCHEMA watertight TO {role}; GRANT EXECUTE ON FUNCTION \
         watertight.record_access(text) TO {role}"
    )]
    AccessNotRecorded {
        /// The role.
        role: String,
        /// The error of the database.
        source: DbErr,
    },
    /// An import on a Citus cluster uses COPY, which row-level security does not permit.
    #[error(
        "role {role} cannot import on a Citus cluster, because Citus writes the rows with COPY, which \
         row-level security does not allow; connect as a role that is BYPASSRLS and a member of the tables' \
         owner"
    )]
    CopyNotPermitted {
        /// The role.
        role: String,
    },
    /// The role lacks privileges on tables.
    #[error(
        "role {role} may not {what} {}; connect as the owner of the tables",
        tables.join(", ")
    )]
    NotPermitted {
        /// The role.
        role: String,
        /// The action that is not permitted.
        what: &'static str,
        /// The tables, as `schema.name`.
        tables: Vec<String>,
    },
    /// Policies of row-level security hide rows of the tenant from the role.
    #[error(
        "policies of row-level security hide rows of {} from role {role}, so an export or an erasure would leave rows \
         out; connect with a role that is BYPASSRLS and a member of the tables' owner",
        tables.join(", ")
    )]
    PolicyHidesRows {
        /// The role.
        role: String,
        /// The tables, as `schema.name`.
        tables: Vec<String>,
    },
    /// The rehearsal of an erasure failed: an import could not restore the rows exactly. Nothing was changed.
    #[error(
        "tenant {tenant} was not erased, because an import could not restore its rows: {reason}; correct the rows or \
         the tables, or erase the tenant without a rehearsal"
    )]
    NotRestorable {
        /// The tenant.
        tenant: TenantId,
        /// The reason.
        reason: String,
    },
    /// The tenant of an import already has rows.
    #[error("tenant {tenant} already has rows in {}; erase it first", tables.join(", "))]
    TenantNotEmpty {
        /// The tenant.
        tenant: TenantId,
        /// The tables, as `schema.name`.
        tables: Vec<String>,
    },
    /// Another import of the tenant has not ended.
    #[error("another import of tenant {tenant} is running; wait until it has ended")]
    ImportRunning {
        /// The tenant.
        tenant: TenantId,
    },
    /// The export is malformed. No row was written.
    #[error("line {line} of the export: {reason}")]
    MalformedExport {
        /// The number of the line, counted from 1.
        line: u64,
        /// The reason.
        reason: String,
    },
    /// A line of an export is longer than any line that an export can have. No row was written.
    #[error("line {line} of the export has more than {limit} bytes; check that the file is an export")]
    LineTooLong {
        /// The number of the line, counted from 1.
        line: u64,
        /// The most bytes of such a line.
        limit: usize,
    },
    /// An erased tenant has rows again, written by another transaction during the erasure.
    #[error(
        "the tenant was erased, but has new rows in {}; block the requests of the tenant and erase it again",
        tables.join(", ")
    )]
    NotErased {
        /// The tables, as `schema.name`.
        tables: Vec<String>,
    },
    /// A file or a stream could not be read or written.
    #[error(transparent)]
    Io(#[from] std::io::Error),
    /// An input value is invalid.
    #[error(transparent)]
    InvalidInput(#[from] InvalidInput),
    /// The database reported an error.
    #[error(transparent)]
    Database(#[from] DbErr),
}

/// A tenant cannot be routed to a database.
///
/// ```
/// use watertight::{Error, RoutingError};
///
/// fn status(error: &RoutingError) -> u16 {
///     match error {
///         RoutingError::UnroutedTenant { .. } => 404,
///         RoutingError::InvalidInput(_) => 422,
///         _ => 503,
///     }
/// }
///
/// let error = RoutingError::unrouted("7b0e8d3c-5a53-4f6e-9b0e-0f8a1f0f2a11".parse()?);
/// assert_eq!(status(&error), 404);
/// assert!(Error::from(error).is_not_found());
/// # Ok::<(), Error>(())
/// ```
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RoutingError {
    /// The router has no database for the tenant.
    #[error(
        "tenant {tenant} is not assigned to a database of the router; assign it to the database that has its \
         rows"
    )]
    UnroutedTenant {
        /// The tenant.
        tenant: TenantId,
    },
    /// An input value is invalid.
    #[error(transparent)]
    InvalidInput(#[from] InvalidInput),
    /// The tenant's database cannot be used.
    #[error(transparent)]
    Connect(#[from] ConnectError),
    /// A lookup in a database failed.
    #[error(transparent)]
    Database(#[from] DbErr),
}

impl RoutingError {
    /// The error for a tenant that is in no database of the router.
    ///
    /// ```
    /// use std::collections::HashMap;
    /// use watertight::{RoutingError, TenantId, Watertight};
    ///
    /// let databases: HashMap<TenantId, Watertight> = HashMap::new();
    /// let clinic: TenantId = "7b0e8d3c-5a53-4f6e-9b0e-0f8a1f0f2a11".parse()?;
    /// let found = databases.get(&clinic).ok_or(RoutingError::unrouted(clinic));
    /// assert!(matches!(found, Err(RoutingError::UnroutedTenant { tenant }) if tenant == clinic));
    /// # Ok::<(), watertight::Error>(())
    /// ```
    #[must_use]
    pub const fn unrouted(tenant: TenantId) -> Self {
        Self::UnroutedTenant { tenant }
    }
}
