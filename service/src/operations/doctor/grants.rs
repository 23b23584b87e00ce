//! Checks the privileges of the application's role: what statements need, and what row-level security does not limit.

use std::collections::{BTreeMap, BTreeSet};

use sea_orm::FromQueryResult;

use super::expected::Expected;
use super::remedy::{Remedy, RunAs, Step};
use super::report::{Check, Finding, Severity};
use crate::operations::ConnectError;
use crate::operations::inspection::catalog::{Catalog, Relation, about};
use crate::tenant::{Inspection, Ownership, TableName};
use watertight_schema::sql;

/// The tables of watertight that the migrations let an application read and append to, and not change.
///
/// A test compares the list with a freshly migrated database.
const APPEND_ONLY: [&str; 2] = ["audit_events", "booking_payments"];

/// The privileges that statements of tenants use.
const ROWS: [&str; 4] = ["SELECT", "INSERT", "UPDATE", "DELETE"];

/// A privilege on a table that the role has itself, through another role or through `PUBLIC`.
#[derive(FromQueryResult)]
struct Grant {
    oid: i64,
    grantee: String,
    privilege: String,
    /// Whether it is on the table and not on a column.
    is_whole: bool,
    is_grantable: bool,
}

#[derive(FromQueryResult)]
struct Default {
    owner: String,
    schema: Option<String>,
    grantee: String,
    privilege: String,
}

#[derive(FromQueryResult)]
struct Verifier {
    executable: bool,
}

/// The privileges that statements on a table need. For an application's table, its registration asks for reading.
pub(super) fn needed(expected: Expected<'_>, table: &TableName) -> &'static str {
    if expected.registry.is_outbox(table) {
        "INSERT"
    } else if !expected.is_own(table) {
        "SELECT"
    } else if APPEND_ONLY.contains(&table.name.as_str()) {
        "SELECT, INSERT"
    } else {
        "SELECT, INSERT, UPDATE, DELETE"
    }
}

pub(super) async fn check(
    inspection: &mut Inspection,
    catalog: &Catalog,
    expected: Expected<'_>,
    findings: &mut Vec<Finding>,
) -> Result<(), ConnectError> {
    schemas(catalog, expected, findings);
    verifier(inspection, catalog, expected, findings).await?;
    if catalog.privileged_roles.iter().any(|role| role.is_current && role.is_superuser) {
        // No privilege limits a superuser.
        return Ok(());
    }
    let grants: Vec<Grant> = inspection.ask(&about(&catalog.subject, GRANTS), []).await?;
    for relation in catalog.relations.iter().filter(|relation| expected.is_tenants_table(relation)) {
        let grants: Vec<&Grant> = grants.iter().filter(|grant| grant.oid == relation.oid).collect();
        table(catalog, expected, relation, &grants, findings);
    }
    default_privileges(inspection, catalog, expected, findings).await
}

fn schemas(catalog: &Catalog, expected: Expected<'_>, findings: &mut Vec<Finding>) {
    let role = &catalog.subject;
    let registered = |relation: &&Relation| expected.ownership(relation).is_some() && !relation.schema_usable;
    let hidden: BTreeSet<String> =
        catalog.relations.iter().filter(registered).map(|relation| relation.name().schema).collect();
    for schema in hidden {
        let grant =
            format!("GRANT USAGE ON SCHEMA {} TO {};", sql::identifier(&schema), sql::identifier(role));
        findings.push(Finding::new(
            Severity::Error,
            Check::SchemaUsage,
            schema,
            format!("is the schema of registered tables, but {role} may not use it"),
            Remedy::owner(Step::GrantUsage, grant),
        ));
    }
}

/// The policies call the function that verifies the tenant, with the privileges of the role.
async fn verifier(
    inspection: &mut Inspection,
    catalog: &Catalog,
    expected: Expected<'_>,
    findings: &mut Vec<Finding>,
) -> Result<(), ConnectError> {
    let role = &catalog.subject;
    let found: Vec<Verifier> = inspection.ask(&about(role, VERIFIER), []).await?;
    if found.iter().any(|function| !function.executable) {
        let name = watertight_schema::isolation::TENANT_FUNCTION;
        findings.push(Finding::new(
            expected.without_row_security(),
            Check::MissingGrant,
            name,
            format!("is called by every tenant policy, but {role} may not execute it"),
            Remedy::owner(
                Step::GrantUsage,
                format!("GRANT EXECUTE ON FUNCTION {name} TO {};", sql::identifier(role)),
            ),
        ));
    }
    Ok(())
}

fn table(
    catalog: &Catalog,
    expected: Expected<'_>,
    relation: &Relation,
    grants: &[&Grant],
    findings: &mut Vec<Finding>,
) {
    let (table, name) = (relation.quoted(), relation.name());
    let is_append_only = expected.is_own(&name) && APPEND_ONLY.contains(&name.name.as_str());
    let is_outbox = expected.registry.is_outbox(&name);
    let allowed: &[&str] = match (is_outbox, is_append_only) {
        (true, _) => &["INSERT"],
        (false, true) => &["SELECT", "INSERT"],
        (false, false) => &ROWS,
    };
    let mut grantees: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for grant in grants {
        let is_public = grant.grantee == "PUBLIC";
        if is_public || !allowed.contains(&grant.privilege.as_str()) {
            grantees.entry(&grant.grantee).or_default().insert(&grant.privilege);
        }
    }
    for (grantee, privileges) in grantees {
        let list = privileges.iter().copied().collect::<Vec<_>>().join(", ");
        let revoke = format!("REVOKE {list} ON TABLE {table} FROM {};", role_in_sql(grantee));
        let mut remedy = Remedy::owner(Step::Revoke, revoke);
        if let Some(kept) = kept(catalog, &table, grants, grantee, allowed) {
            remedy = remedy.with(kept);
        }
        let (severity, reason) = reason(expected, grantee, &privileges, allowed);
        let problem = format!("grants {list} to {grantee}: {reason}");
        findings.push(Finding::new(severity, Check::SurplusGrant, name.to_string(), problem, remedy));
    }
    let passed_on: BTreeSet<&str> =
        grants.iter().filter(|grant| grant.is_grantable).map(|grant| grant.grantee.as_str()).collect();
    for grantee in passed_on {
        let revoke =
            format!("REVOKE GRANT OPTION FOR ALL ON TABLE {table} FROM {} CASCADE;", role_in_sql(grantee));
        findings.push(Finding::new(
            Severity::Warning,
            Check::SurplusGrant,
            name.to_string(),
            format!("lets {grantee} grant its privileges to other roles"),
            Remedy::owner(Step::Revoke, revoke),
        ));
    }
}

/// The grant of the privileges that the role has through `PUBLIC` alone, and keeps.
fn kept(
    catalog: &Catalog,
    table: &str,
    grants: &[&Grant],
    grantee: &str,
    allowed: &[&str],
) -> Option<Remedy> {
    if grantee != "PUBLIC" {
        return None;
    }
    let has = |privilege: &str, is_public: bool| {
        grants.iter().any(|grant| {
            grant.is_whole && grant.privilege == privilege && (grant.grantee == "PUBLIC") == is_public
        })
    };
    let kept: Vec<&str> =
        allowed.iter().copied().filter(|privilege| has(privilege, true) && !has(privilege, false)).collect();
    let role = sql::identifier(&catalog.subject);
    let grant = || format!("GRANT {} ON TABLE {table} TO {role};", kept.join(", "));
    (!kept.is_empty()).then(|| Remedy::owner(Step::KeepPrivileges, grant()))
}

fn reason(
    expected: Expected<'_>,
    grantee: &str,
    privileges: &BTreeSet<&str>,
    allowed: &[&str],
) -> (Severity, &'static str) {
    if privileges.contains("TRUNCATE") {
        (
            expected.without_row_security(),
            "TRUNCATE removes the rows of all tenants, and row-level security does not limit it",
        )
    } else if privileges.iter().any(|privilege| ROWS.contains(privilege) && !allowed.contains(privilege)) {
        (Severity::Warning, "tenants do not need these privileges on a table to which they only append")
    } else if grantee == "PUBLIC" {
        (Severity::Warning, "every role of the server has these privileges")
    } else {
        (
            Severity::Warning,
            "no statement of a tenant needs these privileges, and row-level security does not limit them",
        )
    }
}

async fn default_privileges(
    inspection: &mut Inspection,
    catalog: &Catalog,
    expected: Expected<'_>,
    findings: &mut Vec<Finding>,
) -> Result<(), ConnectError> {
    let defaults: Vec<Default> = inspection.ask(&about(&catalog.subject, DEFAULTS), []).await?;
    let mut surplus: BTreeMap<(String, Option<String>, String), BTreeSet<String>> = BTreeMap::new();
    for Default { owner, schema, grantee, privilege } in defaults {
        if grantee == "PUBLIC" || !ROWS.contains(&privilege.as_str()) {
            surplus.entry((owner, schema, grantee)).or_default().insert(privilege);
        }
    }
    for ((owner, schema, grantee), privileges) in surplus {
        let list = privileges.into_iter().collect::<Vec<_>>().join(", ");
        let place = schema
            .as_ref()
            .map(|schema| format!(" IN SCHEMA {}", sql::identifier(schema)))
            .unwrap_or_default();
        let revoke = format!(
            "ALTER DEFAULT PRIVILEGES FOR ROLE {}{place} REVOKE {list} ON TABLES FROM {};",
            sql::identifier(&owner),
            role_in_sql(&grantee)
        );
        let owns = |relation: &Relation| relation.owner == owner && expected.is_tenants(relation);
        let run_as = if catalog.relations.iter().any(owns) { RunAs::Owner } else { RunAs::Superuser };
        let of = schema.map(|schema| format!(" in schema {schema}")).unwrap_or_default();
        findings.push(Finding::new(
            Severity::Warning,
            Check::DefaultPrivileges,
            owner,
            format!("grants {list} on its future tables{of} to {grantee}"),
            Remedy::sql(Step::Revoke, run_as, revoke),
        ));
    }
    Ok(())
}

pub(super) fn role_in_sql(grantee: &str) -> String {
    if grantee == "PUBLIC" { grantee.to_owned() } else { sql::identifier(grantee) }
}

/// Whether a relation is registered or belongs to tenants, so that its privileges are checked.
pub(super) fn is_checked(expected: Expected<'_>, relation: &Relation) -> bool {
    matches!(expected.ownership(relation), Some(Ownership::Tenant | Ownership::Shared))
        || expected.is_tenants(relation)
}

const GRANTS: &str = "SELECT c.oid::int8 AS oid, \
    CASE WHEN a.grantee = 0 THEN 'PUBLIC' ELSE pg_get_userbyid(a.grantee)::text END AS grantee, \
    a.privilege_type AS privilege, a.is_whole, a.is_grantable FROM pg_catalog.pg_class c CROSS JOIN LATERAL ( \
        SELECT x.grantee, x.privilege_type, x.is_grantable, true AS is_whole FROM aclexplode(c.relacl) x \
        UNION ALL SELECT x.grantee, x.privilege_type, x.is_grantable, false FROM pg_catalog.pg_attribute t, \
            aclexplode(t.attacl) x WHERE t.attrelid = c.oid AND NOT t.attisdropped) a \
    WHERE c.relkind IN ('r', 'p') AND a.grantee <> c.relowner \
    AND (a.grantee = 0 OR pg_has_role({ROLE}, a.grantee, 'USAGE')) ORDER BY 1, 2, 3";

const DEFAULTS: &str = "SELECT pg_get_userbyid(d.defaclrole)::text AS owner, n.nspname::text AS schema, \
    CASE WHEN a.grantee = 0 THEN 'PUBLIC' ELSE pg_get_userbyid(a.grantee)::text END AS grantee, \
    a.privilege_type AS privilege FROM pg_catalog.pg_default_acl d \
    LEFT JOIN pg_catalog.pg_namespace n ON n.oid = d.defaclnamespace CROSS JOIN LATERAL aclexplode(d.defaclacl) a \
    WHERE d.defaclobjtype = 'r' AND a.grantee <> d.defaclrole \
    AND (a.grantee = 0 OR pg_has_role({ROLE}, a.grantee, 'USAGE')) ORDER BY 1, 2, 3, 4";

const VERIFIER: &str = "SELECT has_function_privilege({ROLE}, p.oid, 'EXECUTE') AS executable \
    FROM pg_catalog.pg_proc p JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace \
    WHERE n.nspname = 'watertight' AND p.proname = 'tenant' AND p.pronargs = 0";
