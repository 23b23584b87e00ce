//! Checks the tenant type. The conversion of a value to it sets the tenant for row-level security.

use sea_orm::FromQueryResult;

use super::expected::Expected;
use super::report::{Check, Finding};
use crate::operations::ConnectError;
use crate::tenant::{Inspection, TENANT_TYPE};

/// The check of the domain as the migrations write it and as PostgreSQL prints it.
const WRITTEN: &str = "CHECK (pg_catalog.set_config('watertight.tenant', VALUE, true) IS NOT NULL)";
const PRINTED: &str = "CHECK ((set_config('watertight.tenant'::text, VALUE, true) IS NOT NULL))";

#[derive(FromQueryResult)]
struct Domain {
    base: String,
    usable: bool,
    checks: Vec<String>,
}

pub(super) async fn check(
    inspection: &mut Inspection,
    expected: Expected<'_>,
    findings: &mut Vec<Finding>,
) -> Result<(), ConnectError> {
    let sql = "SELECT format_type(t.typbasetype, NULL) AS base, \
               has_schema_privilege(n.oid, 'USAGE') AND has_type_privilege(t.oid, 'USAGE') AS usable, \
               ARRAY(SELECT pg_get_constraintdef(c.oid) FROM pg_catalog.pg_constraint c \
                     WHERE c.contypid = t.oid AND c.contype = 'c') AS checks \
               FROM pg_catalog.pg_type t JOIN pg_catalog.pg_namespace n ON n.oid = t.typnamespace \
               WHERE n.nspname || '.' || t.typname = $1";
    let found: Vec<Domain> = inspection.ask(sql, [TENANT_TYPE.into()]).await?;
    let made =
        format!("CREATE DOMAIN {TENANT_TYPE} AS text NOT NULL CONSTRAINT tenant_token_setting {WRITTEN};");
    let (problem, remedy) = match found.as_slice() {
        [] => ("is missing, but statements need it", made),
        [domain] if domain.base != "text" || domain.checks != [PRINTED] => (
            "does not set the tenant for row-level security, so statements see no rows",
            format!("DROP DOMAIN {TENANT_TYPE}; {made}"),
        ),
        [domain] if !domain.usable => (
            "cannot be used by the role, but statements need it",
            format!("GRANT USAGE ON DOMAIN {TENANT_TYPE} TO PUBLIC;"),
        ),
        _ => return Ok(()),
    };
    findings.push(Finding {
        severity: expected.without_row_security(),
        check: Check::TenantType,
        object: TENANT_TYPE.to_owned(),
        problem: problem.to_owned(),
        remedy,
    });
    Ok(())
}
