//! Checks that keep values out of the tables that the application cannot read, such as infinite times.
//!
//! One value that cannot be read would fail every list that contains its row. Each table set has a migration of its own.

use async_trait::async_trait;
use sea_orm_migration::{MigrationName, prelude::*};
use watertight_schema::sql::{identifier, literal};

use crate::migration::TenantMigration;
use crate::{Settings, TableError, TableSet, TenantTable, list, readable};

/// The migration of a table set.
pub(crate) struct Migration(pub(crate) TableSet);

/// The most rows that a refusal names.
const NAMED: usize = 20;

impl MigrationName for Migration {
    fn name(&self) -> &str {
        match self.0 {
            TableSet::Auth => "m20260101_000015_readable_auth",
            TableSet::Booking => "m20260101_000015_readable_booking",
            TableSet::Certificates => "m20260101_000015_readable_certificates",
            TableSet::Content => "m20260101_000015_readable_content",
            TableSet::Intake => "m20260101_000015_readable_intake",
            _ => "m20260101_000015_readable_history",
        }
    }
}

#[async_trait]
impl TenantMigration for Migration {
    async fn down(&self, manager: &SchemaManager, settings: &Settings) -> Result<(), DbErr> {
        for table in self.earlier_tables(settings) {
            let drops: Vec<String> = readable::conditions(&table)
                .iter()
                .map(|(column, _)| format!("DROP CONSTRAINT {}", check_name(&table, column)))
                .collect();
            if !drops.is_empty() {
                let sql = format!("ALTER TABLE {} {}", table.quoted(), drops.join(", "));
                manager.get_connection().execute_unprepared(&sql).await?;
            }
        }
        Ok(())
    }

    fn statements(&self, settings: &Settings) -> Result<Option<Vec<String>>, TableError> {
        Ok(Some(self.earlier_tables(settings).iter().filter_map(adding).collect()))
    }
}

impl Migration {
    /// The tables of the set that earlier migrations have created.
    fn earlier_tables(&self, settings: &Settings) -> Vec<TenantTable> {
        let earlier = list().into_iter().filter(|migration| {
            migration.name() < self.name() && TableSet::of_migration(migration.name()) == Some(self.0)
        });
        earlier.flat_map(|migration| migration.tables(settings.table_sets())).collect()
    }
}

fn check_name(table: &TenantTable, column: &str) -> String {
    identifier(&format!("{}_{column}_readable_check", table.name()))
}

/// The SQL that adds the checks of a table, or names the rows that break them.
fn adding(table: &TenantTable) -> Option<String> {
    let conditions = readable::conditions(table);
    if conditions.is_empty() {
        return None;
    }
    let quoted = table.quoted();
    let checks: Vec<String> = conditions
        .iter()
        .map(|(column, condition)| {
            format!("ADD CONSTRAINT {} CHECK ({condition})", check_name(table, column))
        })
        .collect();
    let key: Vec<String> = table.key_columns().into_iter().map(identifier).collect();
    let key = std::iter::once("tenant_id".to_owned()).chain(key).collect::<Vec<_>>().join(", ");
    let found: Vec<String> = conditions
        .iter()
        .map(|(column, condition)| {
            format!(
                "SELECT {} || concat_ws(', ', {key}) AS line FROM {quoted} WHERE NOT ({condition})",
                literal(&format!("{column} of "))
            )
        })
        .collect();
    // The policies bind the owner, too, hence the `NO FORCE` until the transaction is rolled back.
    let block = format!(
        "DECLARE unreadable text; BEGIN ALTER TABLE {quoted} {}; EXCEPTION WHEN check_violation THEN \
         ALTER TABLE {quoted} NO FORCE ROW LEVEL SECURITY; \
         SELECT string_agg(line, '; ') INTO unreadable FROM ({} LIMIT {NAMED}) AS found; \
         RAISE check_violation USING MESSAGE = {} || unreadable, HINT = {}; END",
        checks.join(", "),
        found.join(" UNION ALL "),
        literal(&format!("rows of {} have values that the application cannot read: ", table.full_name())),
        literal("UPDATE these values, or DELETE the rows. MIGRATING.md lists the rules."),
    );
    Some(format!("DO {}", literal(&block)))
}
