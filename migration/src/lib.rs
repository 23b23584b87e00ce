//! The database of watertight: both schemas, made so that the tenants in it cannot meet.
//!
//! As it stands, `sea-orm-cli migrate` works in this crate, and [`Migrator`] applies the same migrations from
//! a program. An application that has tables of its own describes them with [`TenantTable`], as the
//! migrations here do, and puts its migrations behind these with [`TenantMigrator`].
//!
//! Two roles are at work. The one that runs the migrations owns the tables; it has to be able to make a schema
//! in the database and needs no other right: neither to create roles nor to skip policies. The other is the
//! application's ([`Settings::app_role`]), made before by whoever may:
//!
//! ```sql
//! CREATE ROLE watertight_app LOGIN NOSUPERUSER NOBYPASSRLS;
//! ```
//!
//! The policies bind the owner, too (`FORCE ROW LEVEL SECURITY`). A migration that changes rows therefore sees none
//! until it names the tenant that it works for: `SELECT watertight.enter('..')`, which holds until the end of the
//! transaction and which only the owner can call.

#![allow(clippy::wildcard_imports, reason = "migrations are written as sea-orm-cli begins them")]

mod access;
pub mod adopt;
mod cli;
pub mod distribution;
mod error;
mod identifier;
mod migration;
mod migrator;
mod partitions;
mod settings;
mod sql;
mod tenant_context;
mod tenant_key;
pub mod tenant_keys;
mod tenant_table;

mod m20260101_000001_create_auth;
mod m20260101_000002_create_content;
mod m20260101_000003_create_booking;
mod m20260101_000004_create_gift_certificates;
mod m20260101_000005_create_intake;
mod m20260101_000006_create_business_history;
mod m20260101_000007_no_double_booking;
mod m20260101_000008_tenant_parameter;
mod m20260101_000009_signed_tenant;
mod m20260101_000010_audit_integrity;
mod m20260101_000011_inviter_role;

pub use access::{create_schema, drop_schema};
pub use cli::{OWNER_URL_VARIABLE, run_cli};
pub use error::TableError;
pub use migrator::{Migrator, TenantMigrator};
pub use partitions::{HashPartitions, PartitionError};
pub use sea_orm_migration::{self, MigrationTrait, MigratorTrait, sea_query::ForeignKeyAction};
pub use settings::Settings;
pub use tenant_context::{ISOLATION_SCHEMA, TENANT_CONDITION, TENANT_TOKEN_SETTING};
pub use tenant_key::{TenantKey, TenantKeyError};
pub use tenant_table::{TENANT_COLUMN, TENANT_POLICY, TENANT_SETTING, TenantForeignKey, TenantTable};

use migration::{Configured, TenantMigration};

/// Watertight's migrations in their order, to be listed before those of an application.
///
/// ```
/// use watertight_migration::{Settings, migrations};
///
/// let names: Vec<String> = migrations(&Settings::default()).iter().map(|m| m.name().to_owned()).collect();
/// assert_eq!(names[0], "m20260101_000001_create_auth");
/// ```
#[must_use]
pub fn migrations(settings: &Settings) -> Vec<Box<dyn MigrationTrait>> {
    let configured = |migration| -> Box<dyn MigrationTrait> {
        Box::new(Configured { migration, settings: settings.clone() })
    };
    list().into_iter().map(configured).collect()
}

/// Every tenant table that these migrations make, each after those it refers to.
///
/// ```
/// let names: Vec<String> =
///     watertight_migration::tables().iter().map(|table| format!("{}.{}", table.schema(), table.name())).collect();
/// assert!(names.contains(&"auth.users".to_owned()) && names.contains(&"public.bookings".to_owned()));
/// ```
#[must_use]
pub fn tables() -> Vec<TenantTable> {
    [
        m20260101_000001_create_auth::tables(),
        m20260101_000002_create_content::tables(),
        m20260101_000003_create_booking::tables(),
        m20260101_000004_create_gift_certificates::tables(),
        m20260101_000005_create_intake::tables(),
        m20260101_000006_create_business_history::tables(),
    ]
    .into_iter()
    .flatten()
    .collect()
}

// `sea-orm-cli migrate generate` finds this list by its shape and adds to it; nothing may follow it.
fn list() -> Vec<Box<dyn TenantMigration>> {
    vec![
        Box::new(m20260101_000001_create_auth::Migration),
        Box::new(m20260101_000002_create_content::Migration),
        Box::new(m20260101_000003_create_booking::Migration),
        Box::new(m20260101_000004_create_gift_certificates::Migration),
        Box::new(m20260101_000005_create_intake::Migration),
        Box::new(m20260101_000006_create_business_history::Migration),
        Box::new(m20260101_000007_no_double_booking::Migration),
        Box::new(m20260101_000008_tenant_parameter::Migration),
        Box::new(m20260101_000009_signed_tenant::Migration),
        Box::new(m20260101_000010_audit_integrity::Migration),
        Box::new(m20260101_000011_inviter_role::Migration),
    ]
}
