//! The role of an inviter, kept with the invitation.
//!
//! An invitation by an administrator who has lost that role since must not make an administrator. The names of roles
//! are the application's, so the database cannot rank them: it keeps the role that the inviter had, and an invitation
//! can be accepted as long as the inviter has it.

use async_trait::async_trait;
use sea_orm_migration::prelude::*;

use crate::migration::TenantMigration;
use crate::{Settings, TableError, TableSet};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait]
impl TenantMigration for Migration {
    async fn down(&self, manager: &SchemaManager, settings: &Settings) -> Result<(), DbErr> {
        let schema = settings.schema_sql(TableSet::Auth);
        let sql = format!("ALTER TABLE {schema}.invitations DROP COLUMN created_by_role");
        manager.get_connection().execute_unprepared(&sql).await.map(drop)
    }

    /// Earlier invitations get the role that their inviter has now. The policies bind the owner, too, hence the
    /// `NO FORCE` until the end of the transaction.
    fn statements(&self, settings: &Settings) -> Result<Option<Vec<String>>, TableError> {
        let schema = settings.schema_sql(TableSet::Auth);
        Ok(Some(vec![
            format!("ALTER TABLE {schema}.invitations ADD COLUMN created_by_role varchar(32)"),
            format!("ALTER TABLE {schema}.users NO FORCE ROW LEVEL SECURITY"),
            format!("ALTER TABLE {schema}.invitations NO FORCE ROW LEVEL SECURITY"),
            format!(
                "UPDATE {schema}.invitations SET created_by_role = users.role FROM {schema}.users \
                 WHERE users.tenant_id = invitations.tenant_id AND users.id = invitations.created_by"
            ),
            format!("ALTER TABLE {schema}.invitations FORCE ROW LEVEL SECURITY"),
            format!("ALTER TABLE {schema}.users FORCE ROW LEVEL SECURITY"),
        ]))
    }
}
