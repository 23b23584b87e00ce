//! The role of an inviter, kept with the invitation.
//!
//! An invitation by an administrator who has lost that role since must not make an administrator. The names of roles
//! are the application's, so the database cannot rank them: it keeps the role that the inviter had, and an invitation
//! can be accepted as long as the inviter has it.

use async_trait::async_trait;
use sea_orm_migration::prelude::*;

use crate::{
    Settings, TableError,
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
        let sql = "ALTER TABLE auth.invitations DROP COLUMN created_by_role";
        manager.get_connection().execute_unprepared(sql).await.map(drop)
    }

    /// Invitations from before get the role that their inviter has now. The policies bind the owner, too, hence the
    /// `NO FORCE` until the end of the transaction.
    fn statements(&self, _: &Settings) -> Result<Option<Vec<String>>, TableError> {
        let statements = [
            "ALTER TABLE auth.invitations ADD COLUMN created_by_role varchar(32)",
            "ALTER TABLE auth.users NO FORCE ROW LEVEL SECURITY",
            "ALTER TABLE auth.invitations NO FORCE ROW LEVEL SECURITY",
            "UPDATE auth.invitations SET created_by_role = users.role FROM auth.users \
             WHERE users.tenant_id = invitations.tenant_id AND users.id = invitations.created_by",
            "ALTER TABLE auth.invitations FORCE ROW LEVEL SECURITY",
            "ALTER TABLE auth.users FORCE ROW LEVEL SECURITY",
        ];
        Ok(Some(statements.map(str::to_owned).into()))
    }
}
