//! Opening hours past midnight, and the buffer of a service.
//!
//! Hours that close at or before their opening time close on the next day. The closing time 00:00 is the end of the day.

use async_trait::async_trait;
use sea_orm_migration::prelude::*;

use crate::migration::TenantMigration;
use crate::{Settings, TableError, TableSet};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

/// The check that the migration replaces in both tables with hours.
pub(crate) const OPENS_BEFORE_CLOSES: &str = "opens_before_closes";

/// The check that replaces it.
pub(crate) const OPENS: &str = "opens < '24:00' AND (opens <> closes OR opens = '00:00')";

#[async_trait]
impl TenantMigration for Migration {
    async fn down(&self, manager: &SchemaManager, settings: &Settings) -> Result<(), DbErr> {
        let schema = settings.schema_sql(TableSet::Content);
        let mut statements = hours_of_one_day(&format!("{schema}.business_hours"), "business_hours").to_vec();
        statements.push(format!("ALTER TABLE {schema}.services DROP COLUMN buffer_minutes"));
        for sql in statements {
            manager.get_connection().execute_unprepared(&sql).await?;
        }
        Ok(())
    }

    fn statements(&self, settings: &Settings) -> Result<Option<Vec<String>>, TableError> {
        let schema = settings.schema_sql(TableSet::Content);
        let mut statements = buffer(&schema, "services").to_vec();
        statements.extend(hours_past_midnight(&format!("{schema}.business_hours"), "business_hours"));
        Ok(Some(statements))
    }
}

/// The SQL that adds the minutes that are kept free beside an appointment. Existing rows have none.
pub(crate) fn buffer(schema: &str, table: &str) -> [String; 2] {
    [
        format!("ALTER TABLE {schema}.{table} ADD COLUMN buffer_minutes integer NOT NULL DEFAULT 0"),
        format!(
            "ALTER TABLE {schema}.{table} ADD CONSTRAINT {table}_buffer_minutes_check \
             CHECK (buffer_minutes BETWEEN 0 AND 1440)"
        ),
    ]
}

/// The SQL that allows hours past midnight.
pub(crate) fn hours_past_midnight(table: &str, name: &str) -> [String; 2] {
    [
        format!("ALTER TABLE {table} DROP CONSTRAINT {name}_{OPENS_BEFORE_CLOSES}_check"),
        format!(
            "ALTER TABLE {table} ADD CONSTRAINT {name}_opens_check \
             CHECK ({OPENS})"
        ),
    ]
}

/// The SQL that allows hours of one day alone, as before.
pub(crate) fn hours_of_one_day(table: &str, name: &str) -> [String; 2] {
    [
        format!("ALTER TABLE {table} DROP CONSTRAINT {name}_opens_check"),
        format!(
            "ALTER TABLE {table} ADD CONSTRAINT {name}_{OPENS_BEFORE_CLOSES}_check CHECK (opens < closes)"
        ),
    ]
}
