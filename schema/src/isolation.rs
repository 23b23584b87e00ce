//! Names of the database objects that isolation needs.

/// The schema of the tenant's type, functions and keys.
pub const SCHEMA: &str = "watertight";

/// The column that holds the tenant in every tenant table.
pub const TENANT_COLUMN: &str = "tenant_id";

/// The name of the policy of every tenant table.
pub const TENANT_POLICY: &str = "tenant_isolation";

/// The setting that holds the tenant's token until the end of a transaction.
pub const TENANT_TOKEN_SETTING: &str = "watertight.tenant";

/// The setting that named the tenant before migration `m20260101_000009_signed_tenant`.
pub const UNSIGNED_TENANT_SETTING: &str = "app.tenant_id";

/// The domain over `text` whose check makes [`TENANT_TOKEN_SETTING`].
pub const TENANT_TYPE: &str = "watertight.tenant_token";

/// The table of the migrations that sea-orm-migration has applied, unless the application names another.
pub const MIGRATION_TABLE: &str = "seaql_migrations";
