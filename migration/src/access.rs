//! Schemas, and the rights of the application's role on objects other than tables.

use sea_orm_migration::{
    prelude::*,
    sea_orm::{DbBackend, Statement},
};

use watertight_schema::isolation::TENANT_POLICY;
use watertight_schema::sql;

use crate::{Settings, name};

/// Creates a schema for tenant tables unless it exists, and lets the application's role use it.
///
/// # Errors
///
/// [`DbErr::Migration`] when the application's role does not exist, or the error of the database.
///
/// ```no_run
/// # use watertight_migration::{Settings, create_schema, sea_orm_migration::prelude::*};
/// # async fn up(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
/// create_schema(manager, &Settings::from_env(), "billing").await
/// # }
/// ```
pub async fn create_schema(
    manager: &SchemaManager<'_>,
    settings: &Settings,
    schema: &str,
) -> Result<(), DbErr> {
    name::check("schema", schema)?;
    require_role(manager, settings).await?;
    let there = exists(manager, "SELECT FROM pg_namespace WHERE nspname = $1", schema).await?;
    // `IF NOT EXISTS` requires the right to create schemas even if the schema exists.
    if !there {
        run(manager, create_schema_sql(schema)).await?;
    }
    run(manager, schema_grant(settings, schema)).await
}

fn create_schema_sql(schema: &str) -> String {
    format!("CREATE SCHEMA {}", sql::identifier(schema))
}

/// The SQL that creates a schema unless it exists.
pub(crate) fn schema_if_missing(schema: &str) -> String {
    let name = sql::literal(&sql::identifier(schema));
    let block = format!(
        "BEGIN IF pg_catalog.to_regnamespace({name}) IS NULL THEN {}; END IF; END",
        create_schema_sql(schema)
    );
    format!("DO {}", sql::literal(&block))
}

/// The SQL that lets the application's role use a schema.
pub(crate) fn schema_grant(settings: &Settings, schema: &str) -> String {
    format!("GRANT USAGE ON SCHEMA {} TO {}", sql::identifier(schema), sql::identifier(settings.app_role()))
}

/// The SQL that lets the application's role see which migrations are applied.
pub(crate) fn migration_table_grant(settings: &Settings) -> String {
    format!(
        "GRANT SELECT ON TABLE {} TO {}",
        sql::identifier(settings.migration_table()),
        sql::identifier(settings.app_role())
    )
}

/// Revokes the grant of [`create_schema`], and drops the schema if it is empty.
///
/// The schema `public` is never dropped. A schema with other objects stays.
///
/// # Errors
///
/// The error of the database.
///
/// ```no_run
/// # use watertight_migration::{Settings, drop_schema, sea_orm_migration::prelude::*};
/// # async fn down(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
/// drop_schema(manager, &Settings::from_env(), "billing").await
/// # }
/// ```
pub async fn drop_schema(
    manager: &SchemaManager<'_>,
    settings: &Settings,
    schema: &str,
) -> Result<(), DbErr> {
    name::check("schema", schema)?;
    if !exists(manager, "SELECT FROM pg_namespace WHERE nspname = $1", schema).await? {
        return Ok(());
    }
    let used = exists(
        manager,
        "SELECT FROM pg_depend d JOIN pg_namespace n ON n.oid = d.refobjid \
         WHERE d.refclassid = 'pg_namespace'::regclass AND n.nspname = $1",
        schema,
    )
    .await?;
    let quoted = sql::identifier(schema);
    if role_exists(manager, settings).await? {
        let role = sql::identifier(settings.app_role());
        run(manager, format!("REVOKE USAGE ON SCHEMA {quoted} FROM {role}")).await?;
    }
    if used || schema == "public" {
        return Ok(());
    }
    run(manager, format!("DROP SCHEMA {quoted}")).await
}

/// Lets the application's role read the applied migrations, so that the application can refuse to start on a
/// schema of another version.
pub(crate) async fn grant_migration_table(
    manager: &SchemaManager<'_>,
    settings: &Settings,
) -> Result<(), DbErr> {
    name::check("table", settings.migration_table())?;
    let table = sql::identifier(settings.migration_table());
    // A migration that is run by hand has no migrator that creates the table.
    if exists(manager, "SELECT WHERE to_regclass($1) IS NOT NULL", &table).await? {
        run(manager, migration_table_grant(settings)).await?;
    }
    Ok(())
}

/// Revokes the grant of [`grant_migration_table`].
pub(crate) async fn revoke_migration_table(
    manager: &SchemaManager<'_>,
    settings: &Settings,
) -> Result<(), DbErr> {
    let table = sql::identifier(settings.migration_table());
    if role_exists(manager, settings).await?
        && exists(manager, "SELECT WHERE to_regclass($1) IS NOT NULL", &table).await?
    {
        run(manager, format!("REVOKE SELECT ON TABLE {table} FROM {}", sql::identifier(settings.app_role())))
            .await?;
    }
    Ok(())
}

/// Returns an error with instructions when the application's role does not exist.
///
/// The migrations do not create the role, so that the owner of the tables needs no right to create roles.
pub(crate) async fn require_role(manager: &SchemaManager<'_>, settings: &Settings) -> Result<(), DbErr> {
    if role_exists(manager, settings).await? {
        return Ok(());
    }
    Err(DbErr::Migration(format!(
        "the application's role {role:?} does not exist, so it cannot be granted access to the tables; as a \
         role that can create roles, run: CREATE ROLE {quoted} LOGIN NOSUPERUSER NOBYPASSRLS; or set \
         {variable} to the role of the application",
        role = settings.app_role(),
        quoted = sql::identifier(settings.app_role()),
        variable = Settings::APP_ROLE_VARIABLE,
    )))
}

/// Returns an error with instructions when the role of a worker does not exist.
pub(crate) async fn require_worker(
    manager: &SchemaManager<'_>,
    settings: &Settings,
    worker: &str,
) -> Result<(), DbErr> {
    if exists(manager, "SELECT FROM pg_roles WHERE rolname = $1", worker).await? {
        return Ok(());
    }
    Err(DbErr::Migration(format!(
        "the role {worker:?} of the outbox's worker does not exist, so it cannot be granted access to the messages; \
         as a role that can create roles, run: CREATE ROLE {} LOGIN NOSUPERUSER NOBYPASSRLS IN ROLE {}",
        sql::identifier(worker),
        sql::identifier(settings.app_role()),
    )))
}

/// Refuses a database with tables of an earlier installation.
///
/// The `fresh` of sea-orm-migration drops the tables of one schema only, and forgets all applied migrations.
pub(crate) async fn refuse_leftovers(
    manager: &SchemaManager<'_>,
    schema: &str,
    table: &str,
) -> Result<(), DbErr> {
    let name = sql::qualified(schema, table);
    if !exists(manager, "SELECT WHERE to_regclass($1) IS NOT NULL", &name).await? {
        return Ok(());
    }
    Err(DbErr::Migration(format!(
        "table {name} exists, but no migration is recorded as applied; if `fresh` of another migrator left it \
         behind, build that migrator on watertight_migration::TenantMigrator, whose `fresh` drops the tenant \
         tables of every schema; if the tables are no longer needed, run: DROP SCHEMA {schema} CASCADE",
        schema = sql::identifier(schema),
    )))
}

/// The schema and name of every tenant table that the migrating role may drop.
pub(crate) async fn tenant_tables(manager: &SchemaManager<'_>) -> Result<Vec<(String, String)>, DbErr> {
    let statement = Statement::from_sql_and_values(
        DbBackend::Postgres,
        "SELECT n.nspname AS schema, c.relname AS name FROM pg_policy p \
         JOIN pg_class c ON c.oid = p.polrelid JOIN pg_namespace n ON n.oid = c.relnamespace \
         WHERE p.polname = $1 AND NOT c.relispartition AND pg_has_role(c.relowner, 'USAGE')",
        [TENANT_POLICY.into()],
    );
    let rows = manager.get_connection().query_all_raw(statement).await?;
    rows.iter().map(|row| Ok((row.try_get("", "schema")?, row.try_get("", "name")?))).collect()
}

async fn role_exists(manager: &SchemaManager<'_>, settings: &Settings) -> Result<bool, DbErr> {
    name::check("role", settings.app_role())?;
    exists(manager, "SELECT FROM pg_roles WHERE rolname = $1", settings.app_role()).await
}

async fn exists(manager: &SchemaManager<'_>, sql: &str, name: &str) -> Result<bool, DbErr> {
    let statement = Statement::from_sql_and_values(DbBackend::Postgres, sql, [name.into()]);
    Ok(manager.get_connection().query_one_raw(statement).await?.is_some())
}

async fn run(manager: &SchemaManager<'_>, sql: String) -> Result<(), DbErr> {
    manager.get_connection().execute_unprepared(&sql).await.map(drop)
}
