//! Migrations that the database lacks.

use std::collections::HashSet;

use sea_orm::FromQueryResult;

use super::{Check, Expected, Finding, Severity};
use crate::operations::ConnectError;
use crate::operations::inspection::catalog::Catalog;
use crate::tenant::Inspection;

/// The migrations of `watertight-migration` that this version of watertight was made for.
pub const OWN_MIGRATIONS: [&str; 11] = [
    "m20260101_000001_create_auth",
    "m20260101_000002_create_content",
    "m20260101_000003_create_booking",
    "m20260101_000004_create_gift_certificates",
    "m20260101_000005_create_intake",
    "m20260101_000006_create_business_history",
    "m20260101_000007_no_double_booking",
    "m20260101_000008_tenant_parameter",
    "m20260101_000009_signed_tenant",
    "m20260101_000010_audit_integrity",
    "m20260101_000011_inviter_role",
];

/// Which migrations must be applied, and where that is noted.
#[derive(Debug, Clone)]
pub(crate) struct Migrations {
    pub(crate) names: Vec<String>,
    pub(crate) table: String,
}

impl Default for Migrations {
    fn default() -> Self {
        let names = OWN_MIGRATIONS.map(str::to_owned).to_vec();
        Self { names, table: "seaql_migrations".to_owned() }
    }
}

#[derive(FromQueryResult)]
struct Applied {
    version: String,
}

pub(super) async fn check(
    inspection: &mut Inspection,
    catalog: &Catalog,
    expected: Expected<'_>,
    findings: &mut Vec<Finding>,
) -> Result<(), ConnectError> {
    let Migrations { names, table } = expected.migrations;
    let (severity, check) = (Severity::Error, Check::PendingMigration);
    let noted = catalog.relations.iter().find(|relation| relation.name().name == *table && relation.readable);
    let Some(noted) = noted else {
        findings.push(Finding {
            severity,
            check,
            object: table.clone(),
            problem: format!(
                "cannot be read by {}, so nobody knows which migrations are applied",
                catalog.server.role
            ),
            remedy: "apply the migrations with the owner's role, which lets the application's role read it"
                .to_owned(),
        });
        return Ok(());
    };
    let sql = format!("SELECT version::text AS version FROM {}", noted.quoted());
    let applied: Vec<Applied> = inspection.ask(&sql, []).await?;
    let applied: HashSet<String> = applied.into_iter().map(|row| row.version).collect();
    findings.extend(names.iter().filter(|name| !applied.contains(*name)).map(|name| Finding {
        severity,
        check,
        object: name.clone(),
        problem: "is not applied".to_owned(),
        remedy: "apply the migrations with the owner's role".to_owned(),
    }));
    Ok(())
}
