//! Errors of connecting to a database and of its maintenance.

use sea_orm::DbErr;

use watertight_schema::TableSets;

use super::doctor::DoctorFailed;
use crate::tenant::{SigningError, TenantId};
use crate::vocabulary::{InvalidInput, MalformedRow};

/// A database cannot be reached, or isolation would not hold in it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConnectError {
    /// No database URL was given.
    #[error(
        "the database URL is empty; set DATABASE_URL to postgres://ROLE:PASSWORD@HOST:PORT/DATABASE, with the \
         application's role, which is neither superuser nor owner of the tables"
    )]
    EmptyUrl,
    /// The database URL is malformed. The message does not contain it, because it may contain a password.
    #[error(
        "the database URL is malformed: {reason}; it has the form postgres://ROLE:PASSWORD@HOST:PORT/DATABASE"
    )]
    MalformedUrl {
        /// The reason.
        reason: String,
    },
    /// The connection is not a PostgreSQL connection.
    #[error(
        "the connection is {backend}; watertight rests on PostgreSQL's row-level security, so give it one of those"
    )]
    NotPostgres {
        /// The backend of the connection.
        backend: String,
    },
    /// The server does not answer, or refuses the connection.
    #[error(
        "the database cannot be reached: {source}; check that the server runs, that DATABASE_URL names it, and that \
         its sslmode and sslrootcert are what the server offers"
    )]
    Unreachable {
        /// The error of the driver.
        source: DbErr,
    },
    /// Registered tables do not exist, or the role has no access to them.
    #[error(
        "the database is not migrated: {} missing; run `sea-orm-cli migrate up` with the owner's role, \
         and check that the application's role was granted the tables",
        tables.join(", ")
    )]
    NotMigrated {
        /// The missing objects, such as tables as `schema.name`.
        tables: Vec<String>,
    },
    /// Registered tenant tables are not protected by row-level security.
    #[error(
        "row-level security is not enabled and forced on {}; enable and force it, as the migrations do, or choose \
         `Layers::RewritingOnly` if you do without it",
        tables.join(", ")
    )]
    RowSecurityOff {
        /// The tables, as `schema.name`.
        tables: Vec<String>,
    },
    /// The role of the connection bypasses row-level security.
    #[error(
        "role {role} is {privilege}, so row-level security does not hold for it; connect with a role that is \
         neither superuser nor BYPASSRLS, or choose `Layers::RewritingOnly` if you do without it"
    )]
    PrivilegedRole {
        /// The role's name.
        role: String,
        /// `a superuser` or `BYPASSRLS`.
        privilege: &'static str,
    },
    /// A new connection already has a value for a tenant setting.
    #[error(
        "new connections have a value for {setting}, so statements without a tenant see that tenant's rows; take it out          of the URL's `options`, of ALTER DATABASE .. SET and ALTER ROLE .. SET, and of the server's configuration:          `watertight doctor` shows where it is"
    )]
    TenantPreset {
        /// The setting.
        setting: &'static str,
    },
    /// The server reads backslashes in strings as escapes, because `standard_conforming_strings` is off.
    ///
    /// The rewriter could then not find the end of a string.
    #[error(
        "standard_conforming_strings is off; set it on for the role: \
         ALTER ROLE .. SET standard_conforming_strings = on"
    )]
    BackslashEscapes,
    /// Table sets in schemas of their own need rewriting, which the chosen layers leave out.
    #[error(
        "`Layers::UnscopedRowSecurityOnly` does not rewrite statements, so it cannot be used with the schemas of \
         {sets}; choose other layers, or keep each table set in its own schema"
    )]
    SchemasNeedRewriting {
        /// The table sets, with their schemas.
        sets: TableSets,
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

/// An export, import, erasure, purge or count could not be completed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum MaintenanceError {
    /// Row-level security restricts the role to the rows of one tenant at a time.
    #[error(
        "role {role} does not see the rows of all tenants; connect with one that is BYPASSRLS, or name the tenants"
    )]
    RowsHidden {
        /// The role.
        role: String,
    },
    /// An import on a Citus cluster uses COPY, which row-level security does not permit.
    #[error(
        "role {role} cannot import on a Citus cluster, which writes the rows with COPY, and row-level security refuses that; \
         connect with one that is BYPASSRLS and a member of the tables' owner"
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
    #[error("tenant {tenant} has rows already, in {}; erase it first", tables.join(", "))]
    TenantNotEmpty {
        /// The tenant.
        tenant: TenantId,
        /// The tables, as `schema.name`.
        tables: Vec<String>,
    },
    /// The export is malformed. No row was written.
    #[error("line {line} of the export: {reason}")]
    MalformedExport {
        /// The number of the line, counted from 1.
        line: u64,
        /// The reason.
        reason: String,
    },
    /// An erased tenant has rows again, written by another transaction during the erasure.
    #[error("the tenant was erased, and has rows again in {}; turn the tenant away and erase once more", tables.join(", "))]
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
    /// A value in the database cannot be read as the type of its column.
    #[error(transparent)]
    MalformedRow(#[from] MalformedRow),
    /// The database reported an error.
    #[error(transparent)]
    Database(#[from] DbErr),
}

/// A tenant cannot be routed to a database.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RoutingError {
    /// The router has no database for the tenant.
    #[error("tenant {tenant} is in no database of the router; add it to the one that has its rows")]
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
    #[must_use]
    pub const fn unrouted(tenant: TenantId) -> Self {
        Self::UnroutedTenant { tenant }
    }
}
