#![doc = include_str!("../../docs/links.md")]
#![doc = include_str!("../../docs/doctor.md")]

mod crossing;
mod defaults;
mod expected;
mod extensions;
mod functions;
mod grants;
mod indexes;
mod key_remedies;
mod keys;
mod migrations;
mod own_indexes;
mod pooler;
mod remedy;
mod report;
mod roles;
mod sarif;
mod security;
mod sequences;
mod shape;
mod tenant_keys;
mod tenant_type;
mod tenant_type_users;
mod transport;
mod views;

use sea_orm::sqlx::PgPool;

pub(crate) use self::expected::Expected;
pub use self::migrations::CORE_MIGRATIONS;
pub(crate) use self::migrations::Migrations;
pub use self::remedy::{RemedyStatement, RunAs, Step};
pub use self::report::{Check, DoctorFailed, Finding, Report, Severity};
use crate::operations::ConnectError;
use crate::operations::inspection::catalog::Catalog;
use crate::operations::inspection::connect_checks;
use crate::operations::inspection::isolable::ReadByView;
use crate::tenant::Inspection;

/// Runs every check on a database, without changing it.
pub(crate) async fn examine(pool: &PgPool, expected: Expected<'_>) -> Result<Report, ConnectError> {
    let mut inspection = Inspection::begin(pool).await?;
    connect_checks::check_examined_role(&mut inspection, expected.application_role).await?;
    let mut catalog = Catalog::read(&mut inspection, expected.application_role).await?;
    catalog.mark_tenants(expected.tenant_type(), |name| expected.tenant_column(name).to_owned());
    let mut findings = Vec::new();
    roles::check(&catalog, expected, &mut findings);
    security::check(&catalog, expected, &mut findings);
    keys::check(&catalog, expected, &mut findings);
    indexes::check(&catalog, expected, &mut findings);
    let read = ReadByView::all(&mut inspection, expected.registry).await?;
    shape::check(&catalog, expected, &read, &mut findings);
    grants::check(&mut inspection, &catalog, expected, &mut findings).await?;
    sequences::check(&mut inspection, &catalog, expected, &mut findings).await?;
    crossing::check(&mut inspection, &catalog, expected, &mut findings).await?;
    tenant_type::check(&mut inspection, &catalog, expected, &mut findings).await?;
    tenant_keys::check(&mut inspection, expected, &mut findings).await?;
    tenant_type_users::check(&mut inspection, expected, &mut findings).await?;
    functions::check(&mut inspection, &catalog, expected, &mut findings).await?;
    views::check(&mut inspection, &catalog, expected, &mut findings).await?;
    defaults::check(&mut inspection, &catalog, expected, &pool.connect_options(), &mut findings).await?;
    migrations::check(&mut inspection, &catalog, expected, &mut findings).await?;
    drop(inspection);
    pooler::check(pool, expected, &mut findings).await?;
    transport::check(&pool.connect_options(), &mut findings);
    findings.sort_unstable();
    let tenant_tables =
        catalog.relations.iter().filter(|relation| expected.is_tenants_table(relation)).count();
    let server = catalog.server;
    Ok(Report {
        database: server.database,
        role: server.role,
        application_role: catalog.subject,
        server_version: server.version,
        tenant_tables,
        findings,
    })
}
