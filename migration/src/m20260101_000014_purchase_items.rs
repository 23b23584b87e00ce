//! The identity of a purchase: the checkout session and the number of the item in it.

use async_trait::async_trait;
use sea_orm_migration::prelude::*;

use crate::migration::{TenantMigration, unforced};
use crate::{Settings, TableError, TableSet};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

const TABLES: [&str; 2] = ["gift_certificates", "packages"];

#[async_trait]
impl TenantMigration for Migration {
    async fn down(&self, manager: &SchemaManager, settings: &Settings) -> Result<(), DbErr> {
        let schema = settings.schema_sql(TableSet::Certificates);
        let mut statements = without_identities(settings);
        statements.extend(TABLES.map(|table| {
            format!("ALTER TABLE {schema}.{table} DROP COLUMN item, DROP COLUMN request_digest")
        }));
        for sql in statements {
            manager.get_connection().execute_unprepared(&sql).await?;
        }
        Ok(())
    }

    fn statements(&self, settings: &Settings) -> Result<Option<Vec<String>>, TableError> {
        let schema = settings.schema_sql(TableSet::Certificates);
        let mut statements: Vec<String> = TABLES
            .iter()
            .map(|table| {
                format!(
                    "ALTER TABLE {schema}.{table} ADD COLUMN item integer NOT NULL DEFAULT 1, \
                     ADD COLUMN request_digest bytea, \
                     ADD CONSTRAINT {table}_item_check CHECK (item >= 1), \
                     ADD CONSTRAINT {table}_request_digest_check CHECK (octet_length(request_digest) = 32)"
                )
            })
            .collect();
        statements.extend(identities_of_earlier_rows(settings));
        Ok(Some(statements))
    }
}

/// The SQL that numbers earlier purchases with the same session, and makes session and number unique.
pub(crate) fn identities_of_earlier_rows(settings: &Settings) -> Vec<String> {
    let schema = settings.schema_sql(TableSet::Certificates);
    let of_table = |table: &&str| {
        let name = format!("{schema}.{table}");
        let numbered = format!(
            "UPDATE {name} AS p SET item = n.item FROM (SELECT tenant_id, id, row_number() OVER \
             (PARTITION BY tenant_id, stripe_session_id ORDER BY created_at, id) AS item FROM {name} \
             WHERE stripe_session_id IS NOT NULL) AS n \
             WHERE n.tenant_id = p.tenant_id AND n.id = p.id AND n.item > 1"
        );
        let mut sql = unforced(std::slice::from_ref(&name), [numbered]);
        sql.push(format!(
            "ALTER TABLE {name} ADD CONSTRAINT {table}_stripe_session_id_item_key \
             UNIQUE (tenant_id, stripe_session_id, item)"
        ));
        sql
    };
    TABLES.iter().flat_map(of_table).collect()
}

pub(crate) fn without_identities(settings: &Settings) -> Vec<String> {
    let schema = settings.schema_sql(TableSet::Certificates);
    let dropping = |table: &&str| {
        format!("ALTER TABLE {schema}.{table} DROP CONSTRAINT {table}_stripe_session_id_item_key")
    };
    TABLES.iter().map(dropping).collect()
}
