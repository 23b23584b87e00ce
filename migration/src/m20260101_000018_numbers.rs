//! The table of gapless numbers: for each tenant and series the last number.

use async_trait::async_trait;
use sea_orm_migration::prelude::*;
use watertight_schema::isolation::{NUMBERS_TABLE, TENANT_COLUMN, TENANT_POLICY};
use watertight_schema::sql;

use crate::migration::TenantMigration;
use crate::{Settings, TableError, name, tenant_context};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait]
impl TenantMigration for Migration {
    async fn down(&self, manager: &SchemaManager, _: &Settings) -> Result<(), DbErr> {
        let drop = format!("DROP TABLE {NUMBERS_TABLE}");
        manager.get_connection().execute_unprepared(&drop).await.map(|_| ())
    }

    fn statements(&self, settings: &Settings) -> Result<Option<Vec<String>>, TableError> {
        name::check("role", settings.app_role())?;
        let role = sql::identifier(settings.app_role());
        let tenant = settings.tenant_type();
        let policy = sql::identifier(TENANT_POLICY);
        Ok(Some(vec![
            format!(
                "CREATE TABLE {NUMBERS_TABLE} (tenant_id {tenant} NOT NULL, series text NOT NULL, \
                 value bigint NOT NULL, CONSTRAINT numbers_pkey PRIMARY KEY (tenant_id, series), \
                 CONSTRAINT numbers_tenant_id_check CHECK (tenant_id <> {}), \
                 CONSTRAINT numbers_series_check CHECK (series <> ''), \
                 CONSTRAINT numbers_value_check CHECK (value >= 0))",
                tenant.reserved()
            ),
            format!("ALTER TABLE {NUMBERS_TABLE} ENABLE ROW LEVEL SECURITY"),
            format!("ALTER TABLE {NUMBERS_TABLE} FORCE ROW LEVEL SECURITY"),
            tenant_context::create_policy(&policy, NUMBERS_TABLE, TENANT_COLUMN),
            // Default privileges of the installation may have granted more.
            format!("REVOKE ALL ON TABLE {NUMBERS_TABLE} FROM PUBLIC, {role}"),
            format!("GRANT SELECT, INSERT, UPDATE ON TABLE {NUMBERS_TABLE} TO {role}"),
        ]))
    }
}
