//! Policies over a tenant that is verified where the environment has a key for it, in place of a setting that any SQL can
//! make.

use async_trait::async_trait;
use sea_orm_migration::prelude::*;

use crate::{
    Settings, TableError, TenantKey, identifier,
    migration::{TenantMigration, run_statements},
    tenant_context, tenant_keys,
};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait]
impl TenantMigration for Migration {
    async fn up(&self, manager: &SchemaManager, settings: &Settings) -> Result<(), DbErr> {
        let keys = TenantKey::from_env()?;
        run_statements(self, manager, settings).await?;
        for key in &keys {
            tenant_keys::add(manager.get_connection(), key).await?;
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager, _: &Settings) -> Result<(), DbErr> {
        for statement in tenant_context::reverted() {
            manager.get_connection().execute_unprepared(&statement).await?;
        }
        Ok(())
    }

    fn statements(&self, settings: &Settings) -> Result<Option<Vec<String>>, TableError> {
        identifier::check("role", settings.app_role())?;
        let mut statements = tenant_context::statements(settings);
        // Without a key nothing could be verified, and tenants would see nothing.
        if TenantKey::from_env().is_ok_and(|keys| keys.is_empty()) {
            statements.extend(tenant_context::Mode::Unsigned.statements());
        }
        Ok(Some(statements))
    }
}
