#![doc = include_str!("../../docs/doctor.md")]

mod crossing;
mod defaults;
mod extensions;
mod functions;
mod indexes;
mod keys;
mod migrations;
mod own_indexes;
mod pooler;
mod report;
mod roles;
mod security;
mod shape;
mod tenant_keys;
mod tenant_type;
mod tenant_type_users;
mod transport;
mod views;

use sea_orm::sqlx::PgPool;

pub use self::migrations::CORE_MIGRATIONS;
pub(crate) use self::migrations::Migrations;
pub use self::report::{Check, DoctorFailed, Finding, Report, Severity};
use crate::operations::ConnectError;
use crate::operations::inspection::catalog::{Catalog, Relation};
use crate::tenant::Layers;
use crate::tenant::{Inspection, Ownership, Registry};

/// What a database is held against.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Expected<'a> {
    pub(crate) registry: &'a Registry,
    pub(crate) layers: Layers,
    pub(crate) transaction_pooler: bool,
    pub(crate) migrations: &'a Migrations,
}

impl Expected<'_> {
    /// How bad it is that the second layer does not hold.
    const fn without_row_security(&self) -> Severity {
        if self.layers.row_security() { Severity::Error } else { Severity::Warning }
    }

    /// How bad it is that a statement can reach an object that rewriting does not see.
    const fn without_rewriting(&self) -> Severity {
        if self.layers.row_security() { Severity::Warning } else { Severity::Error }
    }

    fn ownership(&self, relation: &Relation) -> Option<Ownership> {
        self.registry.ownership(&relation.name())
    }

    /// Whether the rows belong to tenants: because the application says so, or because they say so.
    fn is_tenants(&self, relation: &Relation) -> bool {
        relation.is_table()
            && match self.ownership(relation) {
                Some(ownership) => ownership == Ownership::Tenant,
                None => relation.has_tenant,
            }
    }

    /// Whether it is a table of tenants, and no part of one.
    fn is_tenants_table(&self, relation: &Relation) -> bool {
        self.is_tenants(relation) && !(relation.is_partition && self.ownership(relation).is_none())
    }
}

/// The schema of watertight's own functions and types, in which only the owner of the tables creates objects.
const OWN_SCHEMA: &str = "watertight";

/// The tenant tables and their partitions, as the catalog numbers them.
fn tenant_tables(catalog: &Catalog, expected: Expected<'_>) -> Vec<i64> {
    let tenants = catalog.relations.iter().filter(|relation| expected.is_tenants(relation));
    tenants.map(|relation| relation.oid).collect()
}

/// Looks at a database as it is. Nothing is changed.
pub(crate) async fn examine(pool: &PgPool, expected: Expected<'_>) -> Result<Report, ConnectError> {
    let mut inspection = Inspection::begin(pool).await?;
    let catalog = Catalog::read(&mut inspection).await?;
    let mut findings = Vec::new();
    roles::check(&catalog, expected, &mut findings);
    security::check(&catalog, expected, &mut findings);
    keys::check(&catalog, expected, &mut findings);
    indexes::check(&catalog, expected, &mut findings);
    shape::check(&catalog, expected, &mut findings);
    crossing::check(&mut inspection, &catalog, expected, &mut findings).await?;
    tenant_type::check(&mut inspection, expected, &mut findings).await?;
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
        server_version: server.version,
        tenant_tables,
        findings,
    })
}
