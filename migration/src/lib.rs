//! Watertight's tables and row-level security as migrations of `sea-orm-migration`.
//!
//! `sea-orm-cli migrate` works in this crate, and [`Migrator`] applies the same migrations from a program. An application
//! describes its own tables with [`TenantTable`], and lists its migrations after these with [`TenantMigrator`].
//! [`Settings::with_table_sets`] chooses which of watertight's tables are created, and in which schemas. Every choice
//! includes the schema `watertight` with the functions and keys that row-level security needs.
//!
//! Two roles are involved. The role that runs the migrations owns the tables. It needs the right to create schemas in the
//! database, and no other: neither `CREATEROLE` nor `BYPASSRLS`. The application's role ([`Settings::app_role`]) has to
//! exist before:
//!
//! ```sql
//! CREATE ROLE watertight_app LOGIN NOSUPERUSER NOBYPASSRLS;
//! ```
//!
//! The policies bind the owner, too (`FORCE ROW LEVEL SECURITY`). A statement of the owner that reads or changes rows
//! without a tenant fails with SQLSTATE `WT005`. A migration changes rows with [`for_all_tenants`] or [`for_each_tenant`],
//! or names the tenant that it works for: `SELECT watertight.enter('..')`, which lasts until the end of the transaction
//! and which only the owner can call.

#![allow(clippy::wildcard_imports, reason = "migrations are written as sea-orm-cli begins them")]

mod access;
pub mod adopt;
mod applied;
mod catalog;
mod cli;
mod configured;
pub mod convert;
mod data;
pub mod distribution;
mod error;
mod migration;
mod migrator;
mod name;
mod one_at_a_time;
mod partitions;
mod protect;
mod query;
mod readable;
#[cfg(test)]
mod released;
mod script;
mod settings;
mod settings_error;
mod share;
mod tenant_context;
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
mod m20260101_000012_nights_and_buffers;
mod m20260101_000013_occupied_spans;
mod m20260101_000014_booking_payments;
mod m20260101_000014_history_currency;
mod m20260101_000014_purchase_items;
mod m20260101_000015_ended_sessions;
mod m20260101_000015_final_rows;
mod m20260101_000015_readable_values;
mod m20260101_000016_booking_contacts;
mod m20260101_000017_owner_without_tenant;
mod m20260101_000018_numbers;
mod m20260101_000019_cross_tenant_access;

pub use access::{create_schema, drop_schema};
pub use cli::{OWNER_URL_VARIABLE, run_cli, run_cli_with};
pub use data::{ChangeFuture, for_all_tenants, for_each_tenant};
pub use error::TableError;
pub use migrator::{Migrator, TenantMigrator};
pub use partitions::{HashPartitions, PartitionError};
pub use protect::protect;
pub use sea_orm_migration::{self, MigrationTrait, MigratorTrait, sea_query::ForeignKeyAction};
pub use settings::Settings;
pub use settings_error::SettingsError;
pub use share::{SharedAccess, share};
pub use tenant_table::{TenantForeignKey, TenantTable};
pub use watertight_schema::isolation::{
    SCHEMA as ISOLATION_SCHEMA, TENANT_COLUMN, TENANT_CONDITION, TENANT_POLICY, TENANT_TOKEN_SETTING,
    UNSIGNED_TENANT_SETTING as TENANT_SETTING,
};
pub use watertight_schema::{
    TableSet, TableSetError, TableSets, TenantKey, TenantKeyError, TenantType, TenantTypeError,
};

use configured::{Configured, MalformedSettings};
use migration::TenantMigration;

/// The migrations of the chosen table sets in order, to be listed before those of an application.
///
/// ```
/// use watertight_migration::{Settings, TableSets, migrations};
///
/// let names: Vec<String> = migrations(&Settings::default()).iter().map(|m| m.name().to_owned()).collect();
/// assert_eq!(names[0], "m20260101_000001_create_auth");
///
/// let isolation_alone = Settings::default().with_table_sets(TableSets::none());
/// assert_eq!(migrations(&isolation_alone).len(), 4);
/// ```
#[must_use]
pub fn migrations(settings: &Settings) -> Vec<Box<dyn MigrationTrait>> {
    let configured = |migration| -> Box<dyn MigrationTrait> {
        Box::new(Configured { migration, settings: settings.clone() })
    };
    let malformed =
        settings.check().is_err().then(|| Box::new(MalformedSettings) as Box<dyn TenantMigration>);
    chosen(settings).chain(malformed).map(configured).collect()
}

/// The tables of the chosen sets in their schemas, each after the tables that it refers to.
///
/// ```
/// use watertight_migration::{Settings, TableSet, TableSets, tables};
///
/// let sets = TableSets::none().in_schema(TableSet::Auth, "identity").with(TableSet::Booking);
/// let settings = Settings::default().with_table_sets(sets);
/// let names: Vec<String> =
///     tables(&settings).iter().map(|table| format!("{}.{}", table.schema(), table.name())).collect();
/// assert!(names.contains(&"identity.users".to_owned()) && names.contains(&"public.bookings".to_owned()));
/// assert!(!names.contains(&"public.packages".to_owned()));
/// ```
#[must_use]
pub fn tables(settings: &Settings) -> Vec<TenantTable> {
    let tables = chosen(settings).flat_map(|migration| migration.tables(settings.table_sets()));
    tables.map(|table| table.own()).collect()
}

/// The migrations of the chosen sets, and those of none.
fn chosen(settings: &Settings) -> impl Iterator<Item = Box<dyn TenantMigration>> {
    let chosen =
        |name: &str| TableSet::of_migration(name).is_none_or(|set| settings.table_sets().contains(set));
    list().into_iter().filter(move |migration| chosen(migration.name()))
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
        Box::new(m20260101_000012_nights_and_buffers::Migration),
        Box::new(m20260101_000013_occupied_spans::Migration),
        Box::new(m20260101_000014_booking_payments::Migration),
        Box::new(m20260101_000014_history_currency::Migration),
        Box::new(m20260101_000014_purchase_items::Migration),
        Box::new(m20260101_000015_ended_sessions::Migration),
        Box::new(m20260101_000015_final_rows::Migration(TableSet::Auth)),
        Box::new(m20260101_000015_final_rows::Migration(TableSet::Certificates)),
        Box::new(m20260101_000015_final_rows::Migration(TableSet::History)),
        Box::new(m20260101_000015_final_rows::Migration(TableSet::Intake)),
        Box::new(m20260101_000015_readable_values::Migration(TableSet::Auth)),
        Box::new(m20260101_000015_readable_values::Migration(TableSet::Booking)),
        Box::new(m20260101_000015_readable_values::Migration(TableSet::Certificates)),
        Box::new(m20260101_000015_readable_values::Migration(TableSet::Content)),
        Box::new(m20260101_000015_readable_values::Migration(TableSet::History)),
        Box::new(m20260101_000015_readable_values::Migration(TableSet::Intake)),
        Box::new(m20260101_000016_booking_contacts::Migration),
        Box::new(m20260101_000017_owner_without_tenant::Migration),
        Box::new(m20260101_000018_numbers::Migration),
        Box::new(m20260101_000019_cross_tenant_access::Migration),
    ]
}
