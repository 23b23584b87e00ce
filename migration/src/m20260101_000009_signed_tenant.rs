//! Policies with a verified tenant, instead of a setting that any SQL can change. The tenant is verified if
//! the environment has a key.

use async_trait::async_trait;
use sea_orm_migration::prelude::*;

use crate::error::migration_error;
use crate::migration::{TenantMigration, run_statements};
use crate::{Settings, TableError, TableSet, TenantKey, applied, name, tenant_context, tenant_keys};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

const TENANT_PARAMETER: &str = "m20260101_000008_tenant_parameter";

#[async_trait]
impl TenantMigration for Migration {
    async fn up(&self, manager: &SchemaManager, settings: &Settings) -> Result<(), DbErr> {
        let keys = TenantKey::from_env().map_err(migration_error)?;
        run_statements(manager, settings, self.statements(settings)?).await?;
        for key in &keys {
            tenant_keys::add(manager.get_connection(), key).await?;
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager, settings: &Settings) -> Result<(), DbErr> {
        // A table set that was added later never had the type of the unsigned tenant, or is still pending.
        let with_domain = settings.table_sets().contains(TableSet::Auth)
            && applied::contains(manager, settings, TENANT_PARAMETER).await? != Some(false);
        for statement in tenant_context::reverted(settings, with_domain) {
            manager.get_connection().execute_unprepared(&statement).await?;
        }
        Ok(())
    }

    fn statements(&self, settings: &Settings) -> Result<Option<Vec<String>>, TableError> {
        name::check("role", settings.app_role())?;
        let mut statements = tenant_context::statements(settings);
        // Without a key no tenant can be verified, and tenants would see no rows.
        if TenantKey::from_env().is_ok_and(|keys| keys.is_empty()) {
            statements.extend(tenant_context::Mode::Unsigned.released(settings.tenant_type()));
        }
        Ok(Some(statements))
    }
}
