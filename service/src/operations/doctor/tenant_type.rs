//! Checks the tenant type. The conversion of a value to it sets the tenant for row-level security.

use sea_orm::FromQueryResult;

use super::expected::{Expected, OWN_SCHEMA};
use super::remedy::{Remedy, Step};
use super::report::{Check, Finding};
use crate::operations::ConnectError;
use crate::operations::inspection::catalog::{Catalog, about};
use crate::tenant::{Inspection, TENANT_TYPE};
use watertight_schema::sql;

/// The check of the domain as the migrations write it and as PostgreSQL prints it.
const WRITTEN: &str = "CHECK (pg_catalog.set_config('watertight.tenant', VALUE, true) IS NOT NULL)";
const PRINTED: &str = "CHECK ((set_config('watertight.tenant'::text, VALUE, true) IS NOT NULL))";

#[derive(FromQueryResult)]
struct Domain {
    base: String,
    schema_usable: bool,
    usable: bool,
    checks: Vec<String>,
}

pub(super) async fn check(
    inspection: &mut Inspection,
    catalog: &Catalog,
    expected: Expected<'_>,
    findings: &mut Vec<Finding>,
) -> Result<(), ConnectError> {
    let query = "SELECT format_type(t.typbasetype, NULL) AS base, \
               has_schema_privilege({ROLE}, n.oid, 'USAGE') AS schema_usable, \
               has_type_privilege({ROLE}, t.oid, 'USAGE') AS usable, \
               ARRAY(SELECT pg_get_constraintdef(c.oid) FROM pg_catalog.pg_constraint c \
                     WHERE c.contypid = t.oid AND c.contype = 'c') AS checks \
               FROM pg_catalog.pg_type t JOIN pg_catalog.pg_namespace n ON n.oid = t.typnamespace \
               WHERE n.nspname || '.' || t.typname = $1";
    let found: Vec<Domain> = inspection.ask(&about(&catalog.subject, query), [TENANT_TYPE.into()]).await?;
    let made =
        format!("CREATE DOMAIN {TENANT_TYPE} AS text NOT NULL CONSTRAINT tenant_token_setting {WRITTEN};");
    let role = sql::identifier(&catalog.subject);
    let usage = || Remedy::owner(Step::GrantUsage, format!("GRANT USAGE ON DOMAIN {TENANT_TYPE} TO PUBLIC;"));
    let schema_usage =
        || Remedy::owner(Step::GrantUsage, format!("GRANT USAGE ON SCHEMA {OWN_SCHEMA} TO {role};"));
    let (problem, remedy) = match found.as_slice() {
        [] => ("is missing, but statements need it", Remedy::owner(Step::Objects, made)),
        [domain] if domain.base != "text" || domain.checks != [PRINTED] => (
            "does not set the tenant for row-level security, so statements see no rows",
            Remedy::owner(Step::Objects, format!("DROP DOMAIN {TENANT_TYPE};")).and(Step::Objects, made),
        ),
        [domain] if !domain.usable && !domain.schema_usable => {
            ("cannot be used by the role, but statements need it", usage().with(schema_usage()))
        }
        [domain] if !domain.usable => ("cannot be used by the role, but statements need it", usage()),
        [domain] if !domain.schema_usable => {
            ("cannot be used by the role, because the role may not use its schema", schema_usage())
        }
        _ => return Ok(()),
    };
    findings.push(Finding::new(
        expected.without_row_security(),
        Check::TenantType,
        TENANT_TYPE,
        problem,
        remedy,
    ));
    Ok(())
}
