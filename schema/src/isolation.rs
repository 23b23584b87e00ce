//! Names of the database objects that isolation needs.

use crate::sql;

/// The schema of the tenant's type, functions and keys.
pub const SCHEMA: &str = "watertight";

/// The tenant column of watertight's own tables, and by default of those of an application.
pub const TENANT_COLUMN: &str = "tenant_id";

/// The environment variable that names the tenant column of an application's tables.
pub const TENANT_COLUMN_VARIABLE: &str = "WATERTIGHT_TENANT_COLUMN";

/// The name of the policy of every tenant table.
pub const TENANT_POLICY: &str = "tenant_isolation";

/// The name of the policy that lets every tenant read the rows for everyone of a table.
pub const EVERYONE_POLICY: &str = "rows_for_everyone";

/// The policies of an outbox table for its worker, each with its command.
///
/// With them the worker reads, delays and deletes the messages of all tenants.
pub const OUTBOX_POLICIES: [(&str, &str); 3] =
    [("outbox_select", "SELECT"), ("outbox_update", "UPDATE"), ("outbox_delete", "DELETE")];

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

/// The table of the last number of each tenant and series.
pub const NUMBERS_TABLE: &str = "watertight.numbers";

/// The migration that creates [`NUMBERS_TABLE`].
pub const NUMBERS_MIGRATION: &str = "m20260101_000018_numbers";

/// The migration that creates the isolation schema. It belongs to no table set and is always applied.
pub const SIGNED_TENANT_MIGRATION: &str = "m20260101_000009_signed_tenant";

/// The migrations that belong to no table set and are always applied.
pub const CORE_MIGRATIONS: &[&str] = &[
    SIGNED_TENANT_MIGRATION,
    "m20260101_000017_owner_without_tenant",
    NUMBERS_MIGRATION,
    "m20260101_000019_cross_tenant_access",
];

/// The condition of every tenant table's policy.
///
/// The planner evaluates the sub-select once per statement and table, however many rows are read or written, and an
/// index serves the comparison.
pub const TENANT_CONDITION: &str = "tenant_id = (SELECT watertight.tenant())";

/// [`TENANT_CONDITION`] as PostgreSQL prints it.
pub const TENANT_CONDITION_PRINTED: &str = "(tenant_id = ( SELECT watertight.tenant() AS tenant))";

/// [`TENANT_CONDITION`] for a tenant column of another name.
///
/// ```
/// use watertight_schema::isolation::{TENANT_CONDITION, tenant_condition};
///
/// assert_eq!(tenant_condition("tenant_id"), TENANT_CONDITION);
/// assert_eq!(tenant_condition("Org"), "\"Org\" = (SELECT watertight.tenant())");
/// ```
#[must_use]
pub fn tenant_condition(column: &str) -> String {
    TENANT_CONDITION.replacen(TENANT_COLUMN, &short_identifier(column), 1)
}

/// The forms in which PostgreSQL prints [`tenant_condition`], or [`CLUSTER_CONDITION`] for this column.
///
/// A column of type `varchar` is printed with a cast.
///
/// ```
/// use watertight_schema::isolation::{TENANT_CONDITION_PRINTED, printed_conditions};
///
/// assert!(printed_conditions("tenant_id").contains(&TENANT_CONDITION_PRINTED.to_owned()));
/// assert!(printed_conditions("org").contains(&"(org = watertight.tenant())".to_owned()));
/// ```
#[must_use]
pub fn printed_conditions(column: &str) -> Vec<String> {
    let mut names = vec![sql::identifier(column)];
    // Any other name is printed with quotes, and without them it could be another expression.
    if is_lower_case(column) {
        names.push(column.to_owned());
    }
    names.extend(names.clone().iter().map(|name| format!("({name})::text")));
    let forms = [TENANT_CONDITION_PRINTED, CLUSTER_CONDITION_PRINTED].into_iter();
    forms.flat_map(|form| names.iter().map(move |name| form.replacen(TENANT_COLUMN, name, 1))).collect()
}

/// An identifier without quotes if it surely needs none.
fn short_identifier(name: &str) -> String {
    let keyword = name.starts_with("current_") || ["session_user", "system_user"].contains(&name);
    if is_lower_case(name) && name.contains('_') && !keyword {
        name.to_owned()
    } else {
        sql::identifier(name)
    }
}

fn is_lower_case(name: &str) -> bool {
    name.starts_with(|first: char| first.is_ascii_lowercase())
        && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
}

/// The condition on a Citus cluster, which allows no sub-select in a policy.
pub const CLUSTER_CONDITION: &str = "tenant_id = watertight.tenant()";

/// [`CLUSTER_CONDITION`] as PostgreSQL prints it.
pub const CLUSTER_CONDITION_PRINTED: &str = "(tenant_id = watertight.tenant())";

/// The condition before migration `m20260101_000009_signed_tenant`.
pub const UNSIGNED_CONDITION: &str = "tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid";

/// [`UNSIGNED_CONDITION`] as PostgreSQL prints it.
pub const UNSIGNED_CONDITION_PRINTED: &str =
    "(tenant_id = (NULLIF(current_setting('app.tenant_id'::text, true), ''::text))::uuid)";

/// A scalar subquery that selects the tenant column of the relation `c` of `pg_class`, or null.
///
/// It is the column on which the policy [`TENANT_POLICY`] depends. The catalog records the dependency.
pub const TENANT_COLUMN_OF_POLICY: &str = "(SELECT min(a.attname::text) FROM pg_catalog.pg_policy p \
    JOIN pg_catalog.pg_depend d ON d.classid = 'pg_catalog.pg_policy'::regclass AND d.objid = p.oid \
        AND d.refclassid = 'pg_catalog.pg_class'::regclass AND d.refobjid = p.polrelid AND d.refobjsubid > 0 \
    JOIN pg_catalog.pg_attribute a ON a.attrelid = d.refobjid AND a.attnum = d.refobjsubid \
    WHERE p.polrelid = c.oid AND p.polname = 'tenant_isolation')";

/// The default name of the table in which sea-orm-migration records applied migrations.
pub const MIGRATION_TABLE: &str = "seaql_migrations";
