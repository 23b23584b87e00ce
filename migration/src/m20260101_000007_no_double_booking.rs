//! Exclusion constraints that keep a practitioner's bookings from overlapping, for every program.
//!
//! An exclusion constraint compares with operators of `GiST`, which has none for `uuid` without the extension
//! `btree_gist`. A range over `uuid` with one value needs no extension. Citus requires that an exclusion constraint
//! compares the distribution column with `=`: `Distribution` recreates these with the extension.

use async_trait::async_trait;
use sea_orm_migration::prelude::*;
use watertight_schema::sql::literal;

use crate::migration::TenantMigration;
use crate::{Settings, TableError, TableSet};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

/// The tables whose rows may not overlap, each with its condition. A row without a practitioner occupies the business as
/// a whole.
pub(crate) const TABLES: [(&str, &str); 2] =
    [("bookings", "status <> 'cancelled'"), ("slot_reservations", "released_at IS NULL")];

#[async_trait]
impl TenantMigration for Migration {
    async fn down(&self, manager: &SchemaManager, settings: &Settings) -> Result<(), DbErr> {
        let db = manager.get_connection();
        for (table, _) in TABLES {
            db.execute_unprepared(&dropping(settings, table)).await?;
        }
        db.execute_unprepared(&format!("DROP TYPE {}", range(settings))).await?;
        Ok(())
    }

    fn statements(&self, settings: &Settings) -> Result<Option<Vec<String>>, TableError> {
        let range = range(settings);
        let compared = format!(
            "{range}(tenant_id, tenant_id, '[]') WITH &&, \
             {range}(coalesce(practitioner_id, tenant_id), coalesce(practitioner_id, tenant_id), '[]') WITH &&"
        );
        let exclusions =
            TABLES.iter().map(|(table, condition)| exclusion(settings, table, &compared, condition));
        Ok(Some(std::iter::once(range_over_uuid(&range)).chain(exclusions).collect()))
    }
}

fn range(settings: &Settings) -> String {
    format!("{}.uuidrange", settings.schema_sql(TableSet::Booking))
}

/// The SQL that creates the range type unless it exists: `fresh` drops tables and leaves types.
fn range_over_uuid(range: &str) -> String {
    let (name, quotes) = (literal(range), dollar_quotes(range));
    format!(
        "DO {quotes} BEGIN IF to_regtype({name}) IS NULL THEN \
         CREATE TYPE {range} AS RANGE (subtype = uuid); END IF; END {quotes}"
    )
}

/// Dollar quotes for SQL that contains a name.
fn dollar_quotes(name: &str) -> &'static str {
    if name.contains('$') { "$watertight_range$" } else { "$$" }
}

fn exclusion(settings: &Settings, table: &str, compared: &str, condition: &str) -> String {
    let schema = settings.schema_sql(TableSet::Booking);
    format!(
        "ALTER TABLE {schema}.{table} ADD CONSTRAINT {table}_overlap_excl EXCLUDE USING gist (\
         {compared}, tstzrange(datetime, end_time) WITH &&) WHERE ({condition})"
    )
}

/// The constraint of a table, compared with the operators of `btree_gist`.
pub(crate) fn by_equality(settings: &Settings, table: &str) -> Option<String> {
    let compared = "tenant_id WITH =, coalesce(practitioner_id, tenant_id) WITH =";
    let (table, condition) = TABLES.iter().find(|(name, _)| *name == table)?;
    Some(exclusion(settings, table, compared, condition))
}

pub(crate) fn dropping(settings: &Settings, table: &str) -> String {
    let schema = settings.schema_sql(TableSet::Booking);
    format!("ALTER TABLE {schema}.{table} DROP CONSTRAINT IF EXISTS {table}_overlap_excl")
}
