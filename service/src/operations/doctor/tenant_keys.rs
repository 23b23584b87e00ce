//! Checks that only the owner can read the tenant keys, sign tenants, and waive signatures.

use sea_orm::FromQueryResult;

use super::expected::Expected;
use super::remedy::{Remedy, Step};
use super::report::{Check, Finding, Severity};
use crate::operations::ConnectError;
use crate::tenant::Inspection;

#[derive(FromQueryResult)]
struct Privilege {
    object: String,
    kind: String,
    grantee: String,
}

#[derive(FromQueryResult)]
struct Verification {
    signed: bool,
}

/// Selects the privileges that roles other than the owner have on the keys and on the signing function.
const PRIVILEGES: &str = "SELECT c.oid::regclass::text AS object, 'TABLE' AS kind, \
        CASE WHEN a.grantee = 0 THEN 'PUBLIC' ELSE quote_ident(a.grantee::regrole::text) END AS grantee \
    FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace \
    CROSS JOIN LATERAL ( \
        SELECT (aclexplode(c.relacl)).grantee \
        UNION SELECT (aclexplode(attacl)).grantee FROM pg_catalog.pg_attribute WHERE attrelid = c.oid \
    ) a \
    WHERE n.nspname = 'watertight' AND c.relname = 'tenant_keys' AND a.grantee <> c.relowner \
    UNION \
    SELECT p.oid::regprocedure::text, 'FUNCTION', \
        CASE WHEN a.grantee = 0 THEN 'PUBLIC' ELSE quote_ident(a.grantee::regrole::text) END \
    FROM pg_catalog.pg_proc p JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace \
    CROSS JOIN LATERAL aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) a \
    WHERE n.nspname = 'watertight' AND p.proname = 'enter' AND a.grantee <> p.proowner \
    ORDER BY 1, 3";

const VERIFICATION: &str = "SELECT p.prosecdef AS signed FROM pg_catalog.pg_proc p \
    JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace \
    WHERE n.nspname = 'watertight' AND p.proname = 'tenant' AND p.pronargs = 0";

pub(super) async fn check(
    inspection: &mut Inspection,
    expected: Expected<'_>,
    findings: &mut Vec<Finding>,
) -> Result<(), ConnectError> {
    for Privilege { object, kind, grantee } in inspection.ask(PRIVILEGES, []).await? {
        findings.push(Finding::new(
            expected.without_row_security(),
            Check::TenantKeys,
            &object,
            format!("can be used by {grantee}, which can therefore set any tenant for row-level security"),
            Remedy::owner(Step::Revoke, format!("REVOKE ALL ON {kind} {object} FROM {grantee};")),
        ));
    }
    for Verification { signed } in inspection.ask(VERIFICATION, []).await? {
        if !signed {
            findings.push(Finding::new(
                Severity::Warning,
                Check::TenantKeys,
                "watertight.tenant()",
                "does not verify the tenant's signature, so any SQL can set any tenant for row-level security",
                Remedy::action(
                    "run `watertight keys require` as the owner; a Citus cluster does not support signatures",
                ),
            ));
        }
    }
    Ok(())
}
