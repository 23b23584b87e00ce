//! The currency of the amounts of imported appointments and bookings.
//!
//! Earlier rows have none, except appointments whose payments name one: the amount alone does not show it.

use async_trait::async_trait;
use sea_orm_migration::prelude::*;

use crate::migration::{TenantMigration, unforced};
use crate::{Settings, TableError, TableSet};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

const TABLES: [&str; 2] = ["appointments", "local_bookings"];

#[async_trait]
impl TenantMigration for Migration {
    async fn down(&self, manager: &SchemaManager, settings: &Settings) -> Result<(), DbErr> {
        let schema = settings.schema_sql(TableSet::History);
        for table in TABLES {
            let sql = format!("ALTER TABLE {schema}.{table} DROP COLUMN currency");
            manager.get_connection().execute_unprepared(&sql).await?;
        }
        Ok(())
    }

    fn statements(&self, settings: &Settings) -> Result<Option<Vec<String>>, TableError> {
        let schema = settings.schema_sql(TableSet::History);
        let mut statements: Vec<String> = TABLES
            .iter()
            .map(|table| {
                format!(
                    "ALTER TABLE {schema}.{table} ADD COLUMN currency varchar(3), \
                     ADD CONSTRAINT {table}_currency_check CHECK (currency ~ '^[A-Z]{{3}}$')"
                )
            })
            .collect();
        statements.extend(currencies_of_earlier_rows(settings));
        Ok(Some(statements))
    }
}

/// The SQL that copies the currency of payments to their appointments.
pub(crate) fn currencies_of_earlier_rows(settings: &Settings) -> Vec<String> {
    let schema = settings.schema_sql(TableSet::History);
    let tables = ["appointments", "payments"].map(|table| format!("{schema}.{table}"));
    let copied = format!(
        "UPDATE {schema}.appointments AS a SET currency = p.currency FROM (SELECT tenant_id, appointment_id, \
         min(currency) AS currency FROM {schema}.payments GROUP BY tenant_id, appointment_id \
         HAVING min(currency) = max(currency)) AS p WHERE p.tenant_id = a.tenant_id AND p.appointment_id = a.id \
         AND p.currency ~ '^[A-Z]{{3}}$'"
    );
    unforced(&tables, [copied])
}
