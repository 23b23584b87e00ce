//! Finds types that contain the tenant type or set a setting in a check. A value of such a type can change
//! the tenant.

use sea_orm::FromQueryResult;

use super::expected::{Expected, OWN_SCHEMA};
use super::remedy::{Remedy, RunAs, Step};
use super::report::{Check, Finding};
use crate::operations::ConnectError;
use crate::tenant::{Inspection, TENANT_TYPE};
use watertight_schema::sql;

#[derive(FromQueryResult)]
struct User {
    schema: String,
    name: String,
    /// The kind as in `pg_type.typtype`, or `v` for the rows of a view and `t` for the rows of a table.
    kind: String,
    /// The columns of a table that contain the type.
    columns: Vec<String>,
}

#[derive(FromQueryResult)]
struct Domain {
    schema: String,
    name: String,
    definition: String,
}

pub(super) async fn check(
    inspection: &mut Inspection,
    expected: Expected<'_>,
    findings: &mut Vec<Finding>,
) -> Result<(), ConnectError> {
    let mut report = |schema: &str, name: &str, problem: String, remedy: String| {
        if schema != OWN_SCHEMA {
            let (severity, check) = (expected.without_row_security(), Check::TenantType);
            let remedy = Remedy::sql(Step::Objects, RunAs::Superuser, remedy);
            findings.push(Finding::new(severity, check, format!("{schema}.{name}"), problem, remedy));
        }
    };
    let users: Vec<User> = inspection.ask(USERS, [TENANT_TYPE.into()]).await?;
    for User { schema, name, kind, columns } in users {
        let quoted = format!("{}.{}", sql::identifier(&schema), sql::identifier(&name));
        let (what, remedy) = match kind.as_str() {
            "d" => ("is a domain over", format!("DROP DOMAIN {quoted};")),
            "v" => ("is a view with a column of", format!("DROP VIEW {quoted};")),
            "t" => {
                let drop = |column: &String| format!("DROP COLUMN {}", sql::identifier(column));
                let columns = columns.iter().map(drop).collect::<Vec<_>>().join(", ");
                ("is a table with a column of", format!("ALTER TABLE {quoted} {columns};"))
            }
            _ => ("contains", format!("DROP TYPE {quoted};")),
        };
        let problem =
            format!("{what} {TENANT_TYPE}, so a value of it can set the tenant for row-level security");
        report(&schema, &name, problem, remedy);
    }
    let domains: Vec<Domain> = inspection.ask(DOMAINS, [TENANT_TYPE.into()]).await?;
    for Domain { schema, name, definition } in domains {
        let problem = format!(
            "changes settings in its check, {definition}, so a value of it can set the tenant for row-level \
             security"
        );
        let remedy = format!("DROP DOMAIN {}.{};", sql::identifier(&schema), sql::identifier(&name));
        report(&schema, &name, problem, remedy);
    }
    Ok(())
}

/// Selects the types and tables that contain a type, at any depth. Array types are excluded, because each
/// type has one.
const USERS: &str = "WITH RECURSIVE carriers AS (\
    SELECT u.oid FROM pg_catalog.pg_type t JOIN pg_catalog.pg_namespace n ON n.oid = t.typnamespace, \
        unnest(ARRAY[t.oid, t.typarray]) AS u (oid) WHERE n.nspname || '.' || t.typname = $1 AND u.oid <> 0 \
    UNION SELECT u.oid FROM carriers c CROSS JOIN LATERAL (\
        SELECT t.oid, t.typarray FROM pg_catalog.pg_type t WHERE t.typtype = 'd' AND t.typbasetype = c.oid \
        UNION ALL SELECT t.oid, t.typarray FROM pg_catalog.pg_attribute a \
            JOIN pg_catalog.pg_type t ON t.typrelid = a.attrelid \
            WHERE a.atttypid = c.oid AND a.attnum > 0 AND NOT a.attisdropped \
        UNION ALL SELECT t.oid, t.typarray FROM pg_catalog.pg_range r \
            JOIN pg_catalog.pg_type t ON t.oid IN (r.rngtypid, r.rngmultitypid) WHERE r.rngsubtype = c.oid\
        ) AS x, unnest(ARRAY[x.oid, x.typarray]) AS u (oid) WHERE u.oid <> 0) \
    SELECT n.nspname::text AS schema, t.typname::text AS name, \
        CASE WHEN r.relkind IN ('v', 'm') THEN 'v' WHEN r.relkind IN ('r', 'p', 'f') THEN 't' ELSE t.typtype::text END AS kind, \
        ARRAY(SELECT a.attname::text FROM pg_catalog.pg_attribute a WHERE a.attrelid = t.typrelid AND a.attnum > 0 \
            AND NOT a.attisdropped AND a.atttypid IN (SELECT oid FROM carriers) ORDER BY a.attnum) AS columns \
    FROM carriers c JOIN pg_catalog.pg_type t ON t.oid = c.oid \
    JOIN pg_catalog.pg_namespace n ON n.oid = t.typnamespace \
    LEFT JOIN pg_catalog.pg_class r ON r.oid = t.typrelid \
    WHERE n.nspname || '.' || t.typname <> $1 AND t.typtype <> 'm' \
    AND NOT EXISTS (SELECT FROM pg_catalog.pg_type e WHERE e.typarray = t.oid) ORDER BY 1, 2";

/// Selects the domains with a check that sets a setting, except the tenant type.
const DOMAINS: &str = "SELECT n.nspname::text AS schema, t.typname::text AS name, \
    pg_get_constraintdef(k.oid) AS definition \
    FROM pg_catalog.pg_constraint k JOIN pg_catalog.pg_type t ON t.oid = k.contypid \
    JOIN pg_catalog.pg_namespace n ON n.oid = t.typnamespace \
    WHERE pg_get_constraintdef(k.oid) LIKE '%set_config(%' AND n.nspname || '.' || t.typname <> $1 ORDER BY 1, 2";
