//! An error instead of no rows, where the owner of tenant tables reads or changes them without a tenant.

use async_trait::async_trait;
use sea_orm_migration::prelude::*;

use crate::migration::TenantMigration;
use crate::{Settings, TableError, tenant_context};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait]
impl TenantMigration for Migration {
    async fn down(&self, manager: &SchemaManager, settings: &Settings) -> Result<(), DbErr> {
        for statement in tenant_context::removed(settings.tenant_type()) {
            manager.get_connection().execute_unprepared(&statement).await?;
        }
        Ok(())
    }

    fn statements(&self, settings: &Settings) -> Result<Option<Vec<String>>, TableError> {
        Ok(Some(tenant_context::installed(settings.tenant_type())))
    }
}
