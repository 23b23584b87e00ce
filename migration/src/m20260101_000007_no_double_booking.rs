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

/// The tables whose rows may not overlap, each with its condition.
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
        let schema = settings.schema_sql(TableSet::Booking);
        let exclusions = TABLES.iter().map(|(table, condition)| {
            let [by_range, _] = definitions(settings, condition);
            format!("ALTER TABLE {schema}.{table} ADD CONSTRAINT {table}_overlap_excl {by_range}")
        });
        Ok(Some(std::iter::once(range_over_uuid(&range(settings))).chain(exclusions).collect()))
    }
}

pub(crate) fn range(settings: &Settings) -> String {
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
pub(crate) fn dollar_quotes(name: &str) -> &'static str {
    if name.contains('$') { "$watertight_range$" } else { "$$" }
}

/// The constraint, compared by ranges and, for Citus, with the operators of `btree_gist`.
pub(crate) fn definitions(settings: &Settings, condition: &str) -> [String; 2] {
    let range = range(settings);
    let exclusion = |compared: &str| {
        format!("EXCLUDE USING gist ({compared}, tstzrange(datetime, end_time) WITH &&) WHERE ({condition})")
    };
    let by_range = format!(
        "{range}(tenant_id, tenant_id, '[]') WITH &&, \
         {range}(coalesce(practitioner_id, tenant_id), coalesce(practitioner_id, tenant_id), '[]') WITH &&"
    );
    [exclusion(&by_range), exclusion("tenant_id WITH =, coalesce(practitioner_id, tenant_id) WITH =")]
}

pub(crate) fn dropping(settings: &Settings, table: &str) -> String {
    let schema = settings.schema_sql(TableSet::Booking);
    format!("ALTER TABLE {schema}.{table} DROP CONSTRAINT IF EXISTS {table}_overlap_excl")
}
