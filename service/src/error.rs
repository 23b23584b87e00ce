use chrono::{DateTime, Utc};
use sea_orm::DbErr;
use uuid::Uuid;

use crate::tenant::TenantId;

/// What can go wrong in watertight.
///
/// Statements that an application runs through SeaORM's traits report [`DbErr`]; one that was refused carries a
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
    /// A router leads the tenant to no database.
    #[error("tenant {tenant} is in no database of the router; add it to the one that has its rows")]
    UnroutedTenant {
        /// The tenant.
        tenant: TenantId,
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
        "the database cannot be reached: {source}; check that the server runs, that DATABASE_URL names it, and that \
         its sslmode and sslrootcert are what the server offers"
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
        /// The tables, as `schema.name`, and what else is missing.
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
    /// The connection carries a tenant before any is named.
    #[error(
        "new connections have a value for {setting}, so statements without a tenant see that tenant's rows; take it out          of the URL's `options`, of ALTER DATABASE .. SET and ALTER ROLE .. SET, and of the server's configuration:          `watertight doctor` shows where it is"
    )]
    TenantPreset {
        /// The setting.
        setting: &'static str,
    },
    /// A tenant key does not have the form that it needs. The key is not shown.
    #[error(
        "tenant key {position} {rule}; set WATERTIGHT_TENANT_KEY to ID:SECRET as `watertight keys new` prints it, several \
         with commas between"
    )]
    MalformedTenantKey {
        /// Which one, counted from 1.
        position: usize,
        /// What is wrong with it.
        rule: &'static str,
    },
    /// The database verifies tenants, and no key was given to sign them with.
    #[error(
        "the database verifies tenants, and there is no tenant key to sign them with; set WATERTIGHT_TENANT_KEY to the \
         key that the database has, or pass it to `Builder::tenant_keys`. `watertight keys new` makes a key, and \
         `watertight keys add` gives it to the database"
    )]
    NoTenantKey,
    /// The database verifies tenants, and has no key to verify them with.
    #[error(
        "the database has no tenant key, so no tenant sees any row; with WATERTIGHT_TENANT_KEY set to the application's \
         key, run `watertight keys add` as the owner"
    )]
    NoTenantKeyInstalled,
    /// The database does not have the key that signs.
    #[error(
        "the database has no tenant key {id}; with WATERTIGHT_TENANT_KEY set to the application's key, run `watertight \
         keys add` as the owner, or give the application a key that `watertight keys list` prints"
    )]
    TenantKeyNotInstalled {
        /// The key's number.
        id: i16,
    },
    /// The database has another key under the number of the one that signs.
    #[error(
        "the database has another tenant key under the ID {id}; give the application that one, or make a key with \
         another ID (`watertight keys new --id`) and run `watertight keys add` as the owner"
    )]
    TenantKeyDiffers {
        /// The key's number.
        id: i16,
    },
    /// Tables are distributed over a cluster, and the database verifies tenants with keys that the workers do not have.
    #[error(
        "tables are distributed over a Citus cluster, whose workers cannot read the tenant keys; run `watertight keys \
         waive` as the owner"
    )]
    SignedCluster,
    /// The doctor found errors.
    #[error("the database is not sound:\n{report}")]
    Unsound {
        /// All that was found.
        report: Box<crate::operations::doctor::Report>,
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
    /// A value given does not fit what it is given for.
    #[error("{what} {value:?} {reason}")]
    InvalidInput {
        /// What it was given for.
        what: &'static str,
        /// The value.
        value: String,
        /// What is wrong with it, and what to do.
        reason: String,
    },
    /// A secret given does not fit what it is given for. The secret is not shown.
    #[error("the {what} {reason}")]
    InvalidSecret {
        /// What it was given for.
        what: &'static str,
        /// What is wrong with it, and what to do.
        reason: &'static str,
    },
    /// An operation needs a setting that was not given.
    #[error("{what} are not set; give them with `AuthSettings::{what}`, and those to `Builder::auth`")]
    NotConfigured {
        /// The setting's name.
        what: &'static str,
    },
    /// The operating system gave no random bytes.
    #[error("the operating system gave no random bytes, so no secret can be made; try again")]
    NoRandomness,
    /// Work in the background was not carried out: the runtime is shutting down.
    #[error("work in the background was not carried out, because the runtime is shutting down")]
    RuntimeStopped,
    /// Another user of the tenant has the handle.
    #[error("the handle {handle} is taken; choose another")]
    HandleTaken {
        /// The handle.
        handle: String,
    },
    /// Another user of the tenant has the email address.
    #[error("the email {email} is taken; log in with it, or give another")]
    EmailTaken {
        /// The address.
        email: String,
    },
    /// The tenant has no such user.
    #[error("there is no user {user}; they may have been deleted, or renamed")]
    UserNotFound {
        /// The identity or handle given.
        user: String,
    },
    /// The tenant has no such session, or it has ended.
    #[error("there is no live session {id}; log in again")]
    SessionNotFound {
        /// The identity given.
        id: Uuid,
    },
    /// The tenant has no such invitation.
    #[error("there is no such invitation; ask for a new one")]
    InvitationNotFound,
    /// The invitation cannot be accepted any more.
    #[cfg(feature = "auth")]
    #[error("the invitation is {state}; ask for a new one")]
    InvitationClosed {
        /// What became of it.
        state: crate::auth::InvitationState,
    },
    /// The tenant has no such row.
    #[error("there is no {what} {id}; it may have been deleted")]
    NotFound {
        /// What was looked for.
        what: &'static str,
        /// The identity, handle or code given.
        id: String,
    },
    /// The business has no profile, so no one knows in which time zone it opens.
    #[error("the business has no profile; save one with `Content::save_profile`, for its time zone")]
    NoProfile,
    /// Someone else has the slot, or it is blocked.
    #[error("the slot at {start} is taken; choose another from `Scheduling::free_slots`")]
    SlotTaken {
        /// When it begins.
        start: DateTime<Utc>,
    },
    /// The business is closed then, or the time is over.
    #[error("the slot at {start} is outside the hours; choose another, or say `outside_hours`")]
    OutsideHours {
        /// When it begins.
        start: DateTime<Utc>,
    },
    /// The business has practitioners, and none was named.
    #[error("name a practitioner; `Scheduling::free_slots` tells who is free")]
    PractitionerWanted,
    /// The hold was released, has expired, was booked, or is of another slot.
    #[error("the hold {id} is not live or is of another slot; hold the slot again")]
    HoldEnded {
        /// The identity given.
        id: Uuid,
    },
    /// Something is in a state from which it does not go where it was sent.
    #[error("the {what} is {from}, so it cannot become {to}")]
    WrongMove {
        /// What it is.
        what: &'static str,
        /// The state that it is in.
        from: String,
        /// The state that was asked for.
        to: &'static str,
    },
    /// The idempotency key was used for something else.
    #[error("the idempotency key {key:?} was used for another booking; make a new key for each")]
    IdempotencyKeyReused {
        /// The key.
        key: String,
    },
    /// A gift certificate or package cannot pay this.
    #[error("{code} cannot pay: {reason}")]
    NotRedeemable {
        /// The code.
        code: String,
        /// Why not.
        reason: String,
    },
    /// The answers do not fit the form.
    #[cfg(feature = "intake")]
    #[error("the answers do not fit the form: {}", violations.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))]
    InvalidResponses {
        /// Every violation.
        violations: Vec<crate::booking::intake::Violation>,
    },
    /// A login, or a password asked for again, was refused.
    #[cfg(feature = "auth")]
    #[error(transparent)]
    LoginRefused(#[from] crate::auth::LoginRefusal),
    /// No second factor is being enrolled in the session, or its time is over.
    #[error("no second factor is being enrolled in this session; begin with `enrol_totp`")]
    NoEnrolment,
    /// The code does not confirm the second factor.
    #[error("the code is wrong or has been used; enter the one that the app shows now")]
    WrongTotpCode,
    /// A sealed secret cannot be opened.
    #[error("the sealed secret {reason}; check `AuthSettings::encryption_keys`, or have the user enrol anew")]
    Undecryptable {
        /// What is wrong with it.
        reason: &'static str,
    },
    /// What a row holds cannot be read as what it should be.
    #[error("{column} of a row holds what cannot be read: {reason}; mend the row")]
    MalformedRow {
        /// The column, as `schema.table.column`.
        column: &'static str,
        /// What the parser said.
        reason: String,
    },
    /// A user given to `bootstrap_users` cannot be made; nothing was written.
    #[error("user {position} ({handle:?}) cannot be bootstrapped: {source}")]
    Bootstrap {
        /// Which one, counted from 1.
        position: usize,
        /// The handle, as given.
        handle: String,
        /// What is wrong.
        source: Box<Error>,
    },
    /// The role sees the rows of one tenant at a time.
    #[error(
        "role {role} does not see the rows of all tenants; connect with one that is BYPASSRLS, or name the tenants"
    )]
    RowsHidden {
        /// The role.
        role: String,
    },
    /// On a Citus cluster the rows of an import are written with COPY, which row-level security refuses.
    #[error(
        "role {role} cannot import on a Citus cluster, which writes the rows with COPY, and row-level security refuses that; \
         connect with one that is BYPASSRLS and a member of the tables' owner"
    )]
    CopyNotPermitted {
        /// The role.
        role: String,
    },
    /// The role may not do what is asked of it.
    #[error(
        "role {role} may not {what} {}; connect as the owner of the tables",
        tables.join(", ")
    )]
    NotPermitted {
        /// The role.
        role: String,
        /// What it may not do.
        what: &'static str,
        /// The tables, as `schema.name`.
        tables: Vec<String>,
    },
    /// Tables refer to one another in a circle, so that none can be filled or emptied first.
    #[error("{} refer to one another in a circle, so none can be filled or emptied first", tables.join(", "))]
    TableCycle {
        /// The tables, as `schema.name`.
        tables: Vec<String>,
    },
    /// The tenant whose rows are to be put back has rows.
    #[error("tenant {tenant} has rows already, in {}; erase it first", tables.join(", "))]
    TenantNotEmpty {
        /// The tenant.
        tenant: crate::TenantId,
        /// The tables, as `schema.name`.
        tables: Vec<String>,
    },
    /// The export cannot be put back; nothing was written.
    #[error("line {line} of the export: {reason}")]
    MalformedExport {
        /// Which line, counted from 1.
        line: u64,
        /// What is wrong with it.
        reason: String,
    },
    /// Rows of an erased tenant were found: something wrote them meanwhile.
    #[error("the tenant was erased, and has rows again in {}; turn the tenant away and erase once more", tables.join(", "))]
    NotErased {
        /// The tables, as `schema.name`.
        tables: Vec<String>,
    },
    /// A file or a stream could not be read or written.
    #[error(transparent)]
    Io(#[from] std::io::Error),
    /// The audit log is closed and takes no more events.
    #[error("the audit log is closed; log the event with `log_audit_event`")]
    AuditLogClosed,
    /// Events could not be written before the audit log was closed.
    #[cfg(feature = "auth")]
    #[error("{} audit events could not be written: {source}; write them once the database is back", events.len())]
    AuditEventsUnwritten {
        /// The events, with the tenants they belong to.
        events: Vec<(crate::TenantId, crate::auth::NewAuditEvent)>,
        /// What the last attempt failed with.
        source: Box<Error>,
    },
    /// The database reported an error.
    #[error(transparent)]
    Database(#[from] DbErr),
    /// A table set was chosen that watertight was built without.
    #[error(
        "the table set {set} is chosen and watertight was built without its cargo feature; add the feature `{set}` to \
         the dependency, or leave the set out of `Builder::table_sets`"
    )]
    FeatureOff {
        /// The set. Its feature has the same name.
        set: watertight_schema::TableSet,
    },
    /// An entity of the application states the name by which statements name a table of watertight's own.
    #[error(
        "an entity of the application states the name {table}, which statements use for watertight's own table {own}; \
         leave out its `schema_name` if it is a table of the default schema, or rename it"
    )]
    AmbiguousTable {
        /// The name that the entity states, as `schema.name`.
        table: String,
        /// Watertight's own table in the database, as `schema.name`.
        own: String,
    },
    /// Table sets are in schemas of the application's choice, and statements are not rewritten to name them.
    #[error(
        "`Layers::UnscopedRowSecurityOnly` does not rewrite statements, so it cannot be used with the schemas of \
         {sets}; choose other layers, or keep each table set in its own schema"
    )]
    SchemasNeedRewriting {
        /// The table sets, with their schemas.
        sets: watertight_schema::TableSets,
    },
}

#[cfg(any(feature = "content", feature = "history"))]
impl Error {
    pub(crate) fn not_found(what: &'static str, id: Uuid) -> Self {
        Self::NotFound { what, id: id.to_string() }
    }
}
