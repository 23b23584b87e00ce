use sea_orm::DbErr;

/// What can go wrong in watertight outside a statement.
///
/// Statements run through SeaORM's traits and report [`DbErr`]; one that was refused carries a
/// [`Refusal`](crate::Refusal).
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The nil UUID was given for a tenant.
    #[error("the nil UUID names no tenant; give the tenant's own UUID")]
    NilTenant,
    /// The text given for a tenant is not a UUID.
    #[error("tenant {text:?} is not a UUID ({source}); give it as 8-4-4-4-12 hexadecimal digits")]
    MalformedTenant {
        /// The text given.
        text: String,
        /// What the UUID parser said.
        source: uuid::Error,
    },
    /// No database URL was given.
    #[error(
        "the database URL is empty; set DATABASE_URL to postgres://ROLE:PASSWORD@HOST:PORT/DATABASE, with the \
         application's role, which is neither superuser nor owner of the tables"
    )]
    EmptyUrl,
    /// The database URL cannot be used. The URL itself is not shown: it may hold a password.
    #[error(
        "the database URL is malformed: {reason}; it has the form postgres://ROLE:PASSWORD@HOST:PORT/DATABASE"
    )]
    MalformedUrl {
        /// What is wrong with it.
        reason: String,
    },
    /// The connection given is not a PostgreSQL connection.
    #[error(
        "the connection is {backend}; watertight rests on PostgreSQL's row-level security, so give it one of those"
    )]
    NotPostgres {
        /// What it is.
        backend: String,
    },
    /// The server does not answer, or refuses the connection.
    #[error(
        "the database cannot be reached: {source}; check that the server runs and that DATABASE_URL names it"
    )]
    Unreachable {
        /// What the driver said.
        source: DbErr,
    },
    /// Registered tables do not exist, or the role may not see them.
    #[error(
        "the database is not migrated: {} missing; run `sea-orm-cli migrate up` with the owner's role, \
         and check that the application's role was granted the tables",
        tables.join(", ")
    )]
    NotMigrated {
        /// The tables, as `schema.name`.
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
    /// The role that the connection uses passes row-level security by.
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
    /// The server reads backslashes in strings as escapes, so the rewriter would not see where a string ends.
    #[error(
        "standard_conforming_strings is off; set it on for the role: \
         ALTER ROLE .. SET standard_conforming_strings = on"
    )]
    BackslashEscapes,
    /// An entity was registered as a tenant table that has no `tenant_id` column of type UUID.
    #[error(
        "{table} has no column tenant_id of type uuid, so it cannot be a tenant table; add the column, or declare \
         the table with `Builder::shared_table` if its rows belong to all tenants"
    )]
    NoTenantColumn {
        /// The table, as `schema.name`.
        table: String,
    },
    /// A table was registered both as a tenant's and as shared.
    #[error("{table} is registered both as a tenant table and as shared; it can only be one of them")]
    RegisteredTwice {
        /// The table, as `schema.name`.
        table: String,
    },
    /// The database reported an error.
    #[error(transparent)]
    Database(#[from] DbErr),
}
