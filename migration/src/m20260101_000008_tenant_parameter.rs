//! A type that names the tenant of the statement that a value is bound to.
//!
//! PostgreSQL converts bound values before it runs the statement, and the conversion to a domain evaluates
//! the domain's check. The check of this domain sets the setting that the policies read, until the end of the
//! transaction: a statement outside a transaction carries its tenant in the same message. No column has this
//! type.

use async_trait::async_trait;
use sea_orm_migration::prelude::*;
use watertight_schema::isolation::{SIGNED_TENANT_MIGRATION, UNSIGNED_TENANT_SETTING};

use crate::migration::{TenantMigration, run_statements};
use crate::{Settings, TableError, TableSet, applied};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait]
impl TenantMigration for Migration {
    async fn up(&self, manager: &SchemaManager, settings: &Settings) -> Result<(), DbErr> {
        // The signed token has replaced the type in a database that gets this table set later.
        if applied::contains(manager, settings, SIGNED_TENANT_MIGRATION).await? == Some(true) {
            return Ok(());
        }
        run_statements(manager, settings, self.statements(settings)?).await
    }

    async fn down(&self, manager: &SchemaManager, settings: &Settings) -> Result<(), DbErr> {
        manager.get_connection().execute_unprepared(&drop_domain(settings)).await.map(drop)
    }

    fn statements(&self, settings: &Settings) -> Result<Option<Vec<String>>, TableError> {
        Ok(Some(vec![drop_domain(settings), create_domain(settings)]))
    }
}

/// The SQL that drops the type, which may exist: `fresh` drops tables and leaves types.
pub(crate) fn drop_domain(settings: &Settings) -> String {
    format!("DROP DOMAIN IF EXISTS {}", domain(settings))
}

pub(crate) fn create_domain(settings: &Settings) -> String {
    format!(
        "CREATE DOMAIN {} AS uuid NOT NULL CONSTRAINT watertight_tenant_setting \
         CHECK (set_config('{UNSIGNED_TENANT_SETTING}', VALUE::text, true) IS NOT NULL)",
        domain(settings)
    )
}

fn domain(settings: &Settings) -> String {
    format!("{}.watertight_tenant", settings.schema_sql(TableSet::Auth))
}
