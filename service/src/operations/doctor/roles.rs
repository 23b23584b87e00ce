//! Checks for roles that bypass row-level security or can disable it.

use std::collections::BTreeSet;

use super::expected::Expected;
use super::remedy::{Remedy, RunAs, Step};
use super::report::{Check, Finding, Severity};
use crate::operations::inspection::catalog::{Catalog, Relation};
use watertight_schema::sql;

pub(super) fn check(catalog: &Catalog, expected: Expected<'_>, findings: &mut Vec<Finding>) {
    let current = &catalog.subject;
    let check = Check::PrivilegedRole;
    let mut is_superuser = false;
    for role in &catalog.privileged_roles {
        let privilege = if role.is_superuser { "a superuser" } else { "BYPASSRLS" };
        let named = sql::identifier(&role.role);
        is_superuser |= role.is_current && role.is_superuser;
        let (severity, problem, remedy) = if role.is_current {
            (
                expected.without_row_security(),
                format!("is {privilege}, so row-level security does not apply to it"),
                // SQL that took the privilege from the only superuser could not be undone.
                Remedy::action(format!(
                    "connect as another role: CREATE ROLE .. LOGIN NOSUPERUSER NOBYPASSRLS; or ALTER ROLE {named} NOSUPERUSER NOBYPASSRLS;"
                )),
            )
        } else if role.is_reachable && !is_superuser {
            (
                expected.without_row_security(),
                format!("is {privilege}, and {current} can become it with SET ROLE"),
                Remedy::sql(
                    Step::Revoke,
                    RunAs::Superuser,
                    format!("REVOKE {named} FROM {};", sql::identifier(current)),
                ),
            )
        } else {
            (
                Severity::Note,
                format!("is {privilege}: a login as this role sees the rows of all tenants"),
                Remedy::action(format!(
                    "keep it for maintenance and for backups with pg_dump, or ALTER ROLE {named} NOSUPERUSER NOBYPASSRLS;"
                )),
            )
        };
        findings.push(Finding::new(severity, check, &role.role, problem, remedy));
    }
    backups(catalog, expected, findings);
    let owned = |relation: &&Relation| relation.owned && expected.is_tenants_table(relation);
    let owned = catalog.relations.iter().filter(owned).count();
    if owned > 0 && !is_superuser {
        findings.push(Finding::new(
            Severity::Warning,
            Check::OwnedTables,
            current,
            format!("owns {owned} tenant tables, or can become their owner, so it can remove their policies"),
            Remedy::action("let the application log in as a role that only has privileges on the tables"),
        ));
    }
}

/// Reports the owners as which `pg_dump` fails, and names the roles for backups.
fn backups(catalog: &Catalog, expected: Expected<'_>, findings: &mut Vec<Finding>) {
    let privileged: Vec<&str> = catalog.privileged_roles.iter().map(|role| role.role.as_str()).collect();
    let tables = catalog.relations.iter().filter(|relation| expected.is_tenants_table(relation));
    let owners: BTreeSet<&str> = tables
        .filter(|relation| relation.row_security && relation.row_security_forced)
        .map(|relation| relation.owner.as_str())
        .filter(|owner| !privileged.contains(owner))
        .collect();
    findings.extend(owners.into_iter().map(|owner| {
        let action = match privileged.as_slice() {
            [] => format!(
                "run pg_dump as a role that bypasses row-level security: CREATE ROLE .. LOGIN BYPASSRLS IN ROLE {};",
                sql::identifier(owner)
            ),
            roles => format!("run pg_dump as a role that bypasses row-level security: {}", roles.join(", ")),
        };
        Finding::new(
            Severity::Note,
            Check::Backups,
            owner,
            "owns tenant tables and is bound by row-level security, so pg_dump as this role fails",
            Remedy::action(action),
        )
    }));
}
