//! The trail of connections across tenants: who read the rows of all tenants, when, and for which reason.
//!
//! The function writes the row, so a role for reports needs no right on the table. `session_user` is the role that has
//! logged in, whatever role the function runs as. Triggers keep written rows; to remove old rows, the owner disables
//! `keep_rows` in the same transaction.

use async_trait::async_trait;
use sea_orm_migration::prelude::*;
use watertight_schema::sql;

use crate::migration::TenantMigration;
use crate::{Settings, TableError, name};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

/// The table may exist, because `fresh` drops only the tables of the first schema.
const TABLE: &str = "CREATE TABLE IF NOT EXISTS watertight.cross_tenant_access (\
    id bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY, \
    accessed_at timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp(), \
    role text NOT NULL, \
    client inet, \
    application text, \
    reason text NOT NULL CHECK (pg_catalog.char_length(reason) BETWEEN 1 AND 500))";

const RECORD: &str = "CREATE OR REPLACE FUNCTION watertight.record_access(reason pg_catalog.text) \
    RETURNS pg_catalog.int8 LANGUAGE sql VOLATILE SECURITY DEFINER AS $watertight$
    INSERT INTO watertight.cross_tenant_access (role, client, application, reason)
        VALUES (session_user::pg_catalog.text, pg_catalog.inet_client_addr(),
            pg_catalog.current_setting('application_name'), $1)
        RETURNING id
$watertight$";

const KEEP: &str = "CREATE OR REPLACE FUNCTION watertight.keep_access() RETURNS trigger \
    LANGUAGE plpgsql AS $watertight$
BEGIN
    RAISE EXCEPTION USING ERRCODE = 'WT006',
        MESSAGE = 'rows of watertight.cross_tenant_access are neither changed nor deleted',
        HINT = 'To remove old rows, the owner disables the trigger keep_rows in the same transaction.';
END
$watertight$";

const TRIGGER: &str = "CREATE OR REPLACE TRIGGER keep_rows BEFORE UPDATE OR DELETE OR TRUNCATE \
    ON watertight.cross_tenant_access FOR EACH STATEMENT EXECUTE FUNCTION watertight.keep_access()";

#[async_trait]
impl TenantMigration for Migration {
    async fn down(&self, manager: &SchemaManager, _: &Settings) -> Result<(), DbErr> {
        for statement in [
            "DROP FUNCTION watertight.record_access(text)",
            "DROP TABLE watertight.cross_tenant_access",
            "DROP FUNCTION watertight.keep_access()",
        ] {
            manager.get_connection().execute_unprepared(statement).await?;
        }
        Ok(())
    }

    fn statements(&self, settings: &Settings) -> Result<Option<Vec<String>>, TableError> {
        name::check("role", settings.app_role())?;
        let role = sql::identifier(settings.app_role());
        let mut statements: Vec<String> = [TABLE, RECORD, KEEP, TRIGGER].map(str::to_owned).into();
        statements.extend([
            format!("REVOKE ALL ON TABLE watertight.cross_tenant_access FROM PUBLIC, {role}"),
            format!("REVOKE ALL ON FUNCTION watertight.record_access(text) FROM PUBLIC, {role}"),
            format!("REVOKE ALL ON FUNCTION watertight.keep_access() FROM PUBLIC, {role}"),
        ]);
        Ok(Some(statements))
    }
}
