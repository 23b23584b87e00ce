//! The time that a booking or a hold occupies, and several spans of hours on one date.
//!
//! A row without a practitioner occupies the whole business: the range over its null is unbounded, so it overlaps the
//! range of every practitioner. The occupied time includes the buffer after the appointment.

use async_trait::async_trait;
use sea_orm_migration::prelude::*;
use watertight_schema::sql::literal;

use crate::m20260101_000007_no_double_booking as no_double_booking;
use crate::m20260101_000012_nights_and_buffers::{buffer, hours_of_one_day, hours_past_midnight};
use crate::migration::TenantMigration;
use crate::{Settings, TableError, TableSet};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

/// The time zone makes the sum immutable, as an index requires.
const OCCUPIED: &str = "tstzrange(datetime, (end_time AT TIME ZONE 'UTC' + make_interval(mins => buffer_minutes)) \
                        AT TIME ZONE 'UTC')";

/// The practitioner as an address of 128 bits, and the network of all addresses for a row without one. Citus copies no
/// range types to its machines, and networks are part of PostgreSQL.
const PRACTITIONER_NETWORK: &str = "coalesce(regexp_replace(replace(practitioner_id::text, '-', ''), '(....)(?=.)', \
                                    E'\\\\1:', 'g')::inet, '::/0'::inet) inet_ops";

#[async_trait]
impl TenantMigration for Migration {
    async fn down(&self, manager: &SchemaManager, settings: &Settings) -> Result<(), DbErr> {
        let schema = settings.schema_sql(TableSet::Booking);
        let overrides = format!("{schema}.business_hours_overrides");
        let mut statements = hours_of_one_day(&overrides, "business_hours_overrides").to_vec();
        statements.push(format!("DROP INDEX {schema}.business_hours_overrides_date_idx"));
        statements.push(format!(
            "ALTER TABLE {overrides} ADD CONSTRAINT business_hours_overrides_date_key UNIQUE (tenant_id, date)"
        ));
        for (table, condition) in no_double_booking::TABLES {
            let [by_range, by_equality] = no_double_booking::definitions(settings, condition);
            statements.push(recreated(settings, table, &by_range, &by_equality));
            statements.push(format!("ALTER TABLE {schema}.{table} DROP COLUMN buffer_minutes"));
        }
        for sql in statements {
            manager.get_connection().execute_unprepared(&sql).await?;
        }
        Ok(())
    }

    /// Expired holds are released first, because the constraint counts a hold until it is released.
    fn statements(&self, settings: &Settings) -> Result<Option<Vec<String>>, TableError> {
        let schema = settings.schema_sql(TableSet::Booking);
        let overrides = format!("{schema}.business_hours_overrides");
        let holds = format!("{schema}.slot_reservations");
        // The policies bind the owner, too, hence the `NO FORCE` until the next statement but one.
        let mut statements = vec![
            format!("ALTER TABLE {holds} NO FORCE ROW LEVEL SECURITY"),
            format!(
                "UPDATE {holds} SET released_at = expires_at \
                 WHERE released_at IS NULL AND expires_at <= CURRENT_TIMESTAMP"
            ),
            format!("ALTER TABLE {holds} FORCE ROW LEVEL SECURITY"),
        ];
        for (table, condition) in no_double_booking::TABLES {
            statements.extend(buffer(&schema, table));
            let [by_range, by_equality] = definitions(settings, condition);
            statements.push(recreated(settings, table, &by_range, &by_equality));
        }
        statements.push(format!("ALTER TABLE {overrides} DROP CONSTRAINT business_hours_overrides_date_key"));
        statements
            .push(format!("CREATE INDEX business_hours_overrides_date_idx ON {overrides} (tenant_id, date)"));
        statements.extend(hours_past_midnight(&overrides, "business_hours_overrides"));
        Ok(Some(statements))
    }
}

/// The constraint, compared by ranges and, for Citus, with the tenant by equality.
fn definitions(settings: &Settings, condition: &str) -> [String; 2] {
    let range = no_double_booking::range(settings);
    [
        format!(
            "EXCLUDE USING gist ({range}(tenant_id, tenant_id, '[]') WITH &&, \
             {range}(practitioner_id, practitioner_id, '[]') WITH &&, {OCCUPIED} WITH &&) WHERE ({condition})"
        ),
        format!(
            "EXCLUDE USING gist (tenant_id WITH =, {PRACTITIONER_NETWORK} WITH &&, {OCCUPIED} WITH &&) \
             WHERE ({condition})"
        ),
    ]
}

/// The SQL that adds the constraint of a table on a cluster.
pub(crate) fn by_equality(settings: &Settings, table: &str) -> Option<String> {
    let (table, condition) = no_double_booking::TABLES.iter().find(|(name, _)| *name == table)?;
    let [_, by_equality] = definitions(settings, condition);
    let schema = settings.schema_sql(TableSet::Booking);
    Some(format!("ALTER TABLE {schema}.{table} ADD CONSTRAINT {table}_overlap_excl {by_equality}"))
}

/// The SQL that recreates the constraint where it is: on the table, or on each of its partitions. A cluster may have
/// dropped it.
fn recreated(settings: &Settings, table: &str, by_range: &str, by_equality: &str) -> String {
    let full_name = format!("{}.{table}", settings.schema_sql(TableSet::Booking));
    let quotes = no_double_booking::dollar_quotes(&full_name);
    let [name, by_range, by_equality] = [&full_name, by_range, by_equality].map(literal);
    format!(
        "DO {quotes} DECLARE k record; BEGIN FOR k IN SELECT c.oid::regclass::text AS part, n.conname, \
         pg_get_constraintdef(n.oid) LIKE '%(tenant_id WITH =%' AS by_equality \
         FROM pg_constraint n JOIN pg_class c ON c.oid = n.conrelid \
         WHERE n.contype = 'x' AND starts_with(n.conname, '{table}_overlap_excl') \
         AND (c.oid = {name}::regclass OR c.oid IN (SELECT inhrelid FROM pg_inherits WHERE inhparent = {name}::regclass)) \
         LOOP EXECUTE format('ALTER TABLE %s DROP CONSTRAINT %I', k.part, k.conname); \
         EXECUTE format('ALTER TABLE %s ADD CONSTRAINT %I %s', k.part, k.conname, \
         CASE WHEN k.by_equality THEN {by_equality} ELSE {by_range} END); END LOOP; \
         EXCEPTION WHEN exclusion_violation THEN RAISE exclusion_violation USING MESSAGE = \
         'rows of {table} overlap: a row without a practitioner occupies the whole business', HINT = \
         'Give each of the rows without a practitioner one, move it, or cancel or release it. MIGRATING.md has a query \
         that lists them.'; END {quotes}"
    )
}
