//! No practitioner is in two places at once, whatever program writes the rows.
//!
//! An exclusion constraint compares with operators of `GiST`, which has none for `uuid` without the extension
//! `btree_gist`. A range over `uuid` that holds one value needs no extension. Citus takes no exclusion constraint that
//! does not compare the distribution column with `=`: `Distribution` makes these anew, with the extension.

use async_trait::async_trait;
use sea_orm_migration::prelude::*;

use crate::{
    Settings, TableError,
    migration::{TenantMigration, run_statements},
};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

/// `fresh` drops tables and leaves types.
const RANGE_OVER_UUID: &str = "DO $$ BEGIN IF to_regtype('public.uuidrange') IS NULL THEN \
    CREATE TYPE public.uuidrange AS RANGE (subtype = uuid); END IF; END $$";

/// What may not overlap, by table and condition. A row without a practitioner takes up the business as a whole.
pub(crate) const TABLES: [(&str, &str); 2] =
    [("bookings", "status <> 'cancelled'"), ("slot_reservations", "released_at IS NULL")];

#[async_trait]
impl TenantMigration for Migration {
    async fn up(&self, manager: &SchemaManager, settings: &Settings) -> Result<(), DbErr> {
        run_statements(self, manager, settings).await
    }

    async fn down(&self, manager: &SchemaManager, _: &Settings) -> Result<(), DbErr> {
        let db = manager.get_connection();
        for (table, _) in TABLES {
            db.execute_unprepared(&dropping(table)).await?;
        }
        db.execute_unprepared("DROP TYPE public.uuidrange").await?;
        Ok(())
    }

    fn statements(&self, _: &Settings) -> Result<Option<Vec<String>>, TableError> {
        let compared = "public.uuidrange(tenant_id, tenant_id, '[]') WITH &&, \
            public.uuidrange(coalesce(practitioner_id, tenant_id), coalesce(practitioner_id, tenant_id), '[]') WITH &&";
        let exclusions = TABLES.iter().map(|(table, condition)| exclusion(table, compared, condition));
        Ok(Some(std::iter::once(RANGE_OVER_UUID.to_owned()).chain(exclusions).collect()))
    }
}

fn exclusion(table: &str, compared: &str, condition: &str) -> String {
    format!(
        "ALTER TABLE public.{table} ADD CONSTRAINT {table}_overlap_excl EXCLUDE USING gist (\
         {compared}, tstzrange(datetime, end_time) WITH &&) WHERE ({condition})"
    )
}

/// The constraint of a table, compared with what `btree_gist` gives.
pub(crate) fn by_equality(table: &str) -> Option<String> {
    let compared = "tenant_id WITH =, coalesce(practitioner_id, tenant_id) WITH =";
    let (table, condition) = TABLES.iter().find(|(name, _)| *name == table)?;
    Some(exclusion(table, compared, condition))
}

pub(crate) fn dropping(table: &str) -> String {
    format!("ALTER TABLE public.{table} DROP CONSTRAINT IF EXISTS {table}_overlap_excl")
}
