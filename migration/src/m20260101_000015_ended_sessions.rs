//! A trigger that ends a user's sessions when the user is deactivated, locked by an administrator, or gets another
//! password, role or permissions, by any program.
//!
//! The trigger changes rows of another table, which Citus does not support. A cluster has no such trigger; the operations
//! end the sessions themselves.

use async_trait::async_trait;
use sea_orm_migration::prelude::*;
use watertight_schema::sql::literal;

use crate::migration::TenantMigration;
use crate::{Settings, TableError, TableSet};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

/// The trigger's name, and that of its function.
pub(crate) const NAME: &str = "standing_ends_sessions";

/// A login can replace a cheap hash by one of the same password, and sets `last_login_at` in the same statement.
const CONDITION: &str = "OLD.is_active AND NOT NEW.is_active \
    OR NEW.is_locked AND NEW.locked_until IS NULL AND NOT (OLD.is_locked AND OLD.locked_until IS NULL) \
    OR NEW.role <> OLD.role OR NEW.permissions IS DISTINCT FROM OLD.permissions \
    OR NEW.password_hash <> OLD.password_hash AND NEW.last_login_at IS NOT DISTINCT FROM OLD.last_login_at";

pub(crate) fn function(settings: &Settings) -> String {
    format!("{}.{NAME}", settings.schema_sql(TableSet::Auth))
}

/// The SQL that drops the trigger.
pub(crate) fn dropping(settings: &Settings) -> String {
    format!("DROP TRIGGER IF EXISTS {NAME} ON {}.users", settings.schema_sql(TableSet::Auth))
}

#[async_trait]
impl TenantMigration for Migration {
    async fn down(&self, manager: &SchemaManager, settings: &Settings) -> Result<(), DbErr> {
        for sql in [dropping(settings), format!("DROP FUNCTION {}()", function(settings))] {
            manager.get_connection().execute_unprepared(&sql).await?;
        }
        Ok(())
    }

    fn statements(&self, settings: &Settings) -> Result<Option<Vec<String>>, TableError> {
        let (schema, function) = (settings.schema_sql(TableSet::Auth), function(settings));
        let body = literal(&format!(
            "BEGIN DELETE FROM {schema}.sessions WHERE tenant_id = NEW.tenant_id AND user_id = NEW.id; RETURN NULL; END"
        ));
        let trigger = format!(
            "CREATE TRIGGER {NAME} AFTER UPDATE ON {schema}.users FOR EACH ROW WHEN ({CONDITION}) \
             EXECUTE FUNCTION {function}()"
        );
        let users = literal(&format!("{schema}.users"));
        // The catalog of Citus exists on clusters only, hence the statement in a text.
        let unless_distributed = literal(&format!(
            "DECLARE distributed boolean = FALSE; BEGIN IF to_regclass('pg_catalog.pg_dist_partition') IS NOT NULL THEN \
             EXECUTE 'SELECT EXISTS (SELECT FROM pg_catalog.pg_dist_partition WHERE logicalrelid = $1)' INTO distributed \
             USING {users}::regclass; END IF; IF NOT distributed THEN {trigger}; END IF; END"
        ));
        Ok(Some(vec![
            format!("CREATE OR REPLACE FUNCTION {function}() RETURNS trigger LANGUAGE plpgsql AS {body}"),
            format!("DO {unless_distributed}"),
        ]))
    }
}
