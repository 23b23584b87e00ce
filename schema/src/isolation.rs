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

/// The domain over `text` whose check sets [`TENANT_TOKEN_SETTING`].
pub const TENANT_TYPE: &str = "watertight.tenant_token";

/// The function that returns the tenant of the transaction.
pub const TENANT_FUNCTION: &str = "watertight.tenant()";

/// The table of the keys that verify tenants.
pub const TENANT_KEYS_TABLE: &str = "watertight.tenant_keys";

/// The migration that creates the isolation schema. It belongs to no table set and is always applied.
pub const SIGNED_TENANT_MIGRATION: &str = "m20260101_000009_signed_tenant";

/// The migrations that belong to no table set and are always applied.
pub const CORE_MIGRATIONS: &[&str] = &[
    SIGNED_TENANT_MIGRATION,
    "m20260101_000017_owner_without_tenant",
    "m20260101_000019_cross_tenant_access",
];

/// The condition of every tenant table's policy.
///
/// The planner evaluates the sub-select once per statement and table, however many rows are read or written, and an
/// index serves the comparison.
pub const TENANT_CONDITION: &str = "tenant_id = (SELECT watertight.tenant())";

/// [`TENANT_CONDITION`] as PostgreSQL prints it.
pub const TENANT_CONDITION_PRINTED: &str = "(tenant_id = ( SELECT watertight.tenant() AS tenant))";

/// The condition on a Citus cluster, which allows no sub-select in a policy.
pub const CLUSTER_CONDITION: &str = "tenant_id = watertight.tenant()";

/// [`CLUSTER_CONDITION`] as PostgreSQL prints it.
pub const CLUSTER_CONDITION_PRINTED: &str = "(tenant_id = watertight.tenant())";

/// The condition before migration `m20260101_000009_signed_tenant`.
pub const UNSIGNED_CONDITION: &str = "tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid";

/// [`UNSIGNED_CONDITION`] as PostgreSQL prints it.
pub const UNSIGNED_CONDITION_PRINTED: &str =
    "(tenant_id = (NULLIF(current_setting('app.tenant_id'::text, true), ''::text))::uuid)";

/// The default name of the table in which sea-orm-migration records applied migrations.
pub const MIGRATION_TABLE: &str = "seaql_migrations";
