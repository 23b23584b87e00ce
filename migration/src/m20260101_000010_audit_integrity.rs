//! The time of an audit event, bound to the clock of the database.
//!
//! The application's role inserts events, so any SQL that runs through a tenant's connection can. The policy keeps
//! such a statement from writing an event into the future, or into a past that has been read already. It restricts that
//! role alone: an import, an adoption and a restore keep the times of old events.

use async_trait::async_trait;
use sea_orm_migration::prelude::*;

use crate::{
    Settings, TableError, identifier,
    migration::{TenantMigration, run_statements},
};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait]
impl TenantMigration for Migration {
    async fn up(&self, manager: &SchemaManager, settings: &Settings) -> Result<(), DbErr> {
        run_statements(self, manager, settings).await
    }

    async fn down(&self, manager: &SchemaManager, _: &Settings) -> Result<(), DbErr> {
        let sql = "DROP POLICY audit_clock ON auth.audit_events";
        manager.get_connection().execute_unprepared(sql).await.map(drop)
    }

    /// A buffered event is dated when it was logged, at most a day before it is written; the hour and the second are for
    /// the way to the database and for its clock being set.
    fn statements(&self, settings: &Settings) -> Result<Option<Vec<String>>, TableError> {
        identifier::check("role", settings.app_role())?;
        let policy = format!(
            r#"CREATE POLICY audit_clock ON auth.audit_events AS RESTRICTIVE FOR INSERT TO {role}
                   WITH CHECK ("timestamp" BETWEEN clock_timestamp() - INTERVAL '25 hours'
                                               AND clock_timestamp() + INTERVAL '1 second')"#,
            role = identifier::quote(settings.app_role())
        );
        Ok(Some(vec![policy]))
    }
}
