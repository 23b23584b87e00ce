//! A type whose values say whose statement they are bound to.
//!
//! PostgreSQL converts bound values before it runs the statement, and the conversion to a domain computes the domain's
//! check. The check of this one makes the setting that the policies go by, until the end of the transaction: so a
//! statement that is sent alone brings its tenant along in the same message. No column is of this type.

use async_trait::async_trait;
use sea_orm_migration::prelude::*;

use crate::{
    Settings, TENANT_SETTING, TableError,
    migration::{TenantMigration, run_statements},
};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

/// `fresh` drops tables and leaves types.
const DROP: &str = "DROP DOMAIN IF EXISTS auth.watertight_tenant";

#[async_trait]
impl TenantMigration for Migration {
    async fn up(&self, manager: &SchemaManager, settings: &Settings) -> Result<(), DbErr> {
        run_statements(self, manager, settings).await
    }

    async fn down(&self, manager: &SchemaManager, _: &Settings) -> Result<(), DbErr> {
        manager.get_connection().execute_unprepared(DROP).await.map(drop)
    }

    fn statements(&self, _: &Settings) -> Result<Option<Vec<String>>, TableError> {
        let domain = format!(
            "CREATE DOMAIN auth.watertight_tenant AS uuid NOT NULL CONSTRAINT watertight_tenant_setting \
             CHECK (set_config('{TENANT_SETTING}', VALUE::text, true) IS NOT NULL)"
        );
        Ok(Some(vec![DROP.to_owned(), domain]))
    }
}
