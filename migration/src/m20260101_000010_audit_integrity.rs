//! The time of an audit event, bound to the clock of the database.
//!
//! The application's role inserts events, so any SQL that runs through a tenant's connection can. The policy keeps
//! such a statement from writing an event into the future, or into a past that has been read already. It restricts that
//! role alone: an import, an adoption and a restore keep the times of old events.

use async_trait::async_trait;
use sea_orm_migration::prelude::*;
use watertight_schema::sql;

use crate::migration::TenantMigration;
use crate::{Settings, TableError, TableSet, name};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait]
impl TenantMigration for Migration {
    async fn down(&self, manager: &SchemaManager, settings: &Settings) -> Result<(), DbErr> {
        let sql = format!("DROP POLICY audit_clock ON {}.audit_events", settings.schema_sql(TableSet::Auth));
        manager.get_connection().execute_unprepared(&sql).await.map(drop)
    }

    /// A buffered event has the time at which it was logged, at most a day before it is written. The hour and
    /// the second allow for the network and for adjustments of the clock.
    fn statements(&self, settings: &Settings) -> Result<Option<Vec<String>>, TableError> {
        name::check("role", settings.app_role())?;
        let policy = format!(
            r#"CREATE POLICY audit_clock ON {schema}.audit_events AS RESTRICTIVE FOR INSERT TO {role}
                   WITH CHECK ("timestamp" BETWEEN clock_timestamp() - INTERVAL '25 hours'
                                               AND clock_timestamp() + INTERVAL '1 second')"#,
            schema = settings.schema_sql(TableSet::Auth),
            role = sql::identifier(settings.app_role())
        );
        Ok(Some(vec![policy]))
    }
}
