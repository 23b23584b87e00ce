//! Shared tables, whose rows every tenant reads.

use sea_orm_migration::prelude::SchemaManager;
use sea_orm_migration::sea_orm::{ConnectionTrait, DbErr};
use watertight_schema::sql;

use crate::catalog::tables_named;
use crate::error::migration_error;
use crate::name::{self, Name};
use crate::{Settings, access};

/// The rights of the application's role on a shared table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SharedAccess {
    /// To read. Another role writes the rows.
    Read,
    /// To read, insert, update and delete. Tenants only read; the connection without a tenant changes rows.
    ReadAndWrite,
}

/// Lets the application's role use a shared table, which has no tenant column.
///
/// Examples are countries, plans and the list of tenants. It takes every privilege of `PUBLIC` and of the role first. Register the table with `Builder::shared_table`. A serial column
/// needs `GRANT USAGE` on its sequence besides; an identity column does not.
///
/// ```
/// use watertight_migration::{Settings, SharedAccess, sea_orm_migration, share};
/// use sea_orm_migration::{prelude::*, schema::*};
///
/// #[derive(DeriveMigrationName)]
/// pub struct Migration;
///
/// #[async_trait::async_trait]
/// impl MigrationTrait for Migration {
///     async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
///         let mut tenants = Table::create();
///         tenants.table("tenants").col(uuid("id").primary_key()).col(string_uniq("host"));
///         manager.create_table(tenants).await?;
///         share(manager, &Settings::from_env(), ("public", "tenants"), SharedAccess::ReadAndWrite).await
///     }
/// }
/// ```
///
/// # Errors
///
/// [`DbErr::Migration`] for a table that does not exist or has row-level security, as a tenant table has, and when the
/// application's role does not exist.
pub async fn share(
    manager: &SchemaManager<'_>,
    settings: &Settings,
    (schema, table): (&str, &str),
    access: SharedAccess,
) -> Result<(), DbErr> {
    name::check("schema", schema)?;
    name::check("table", table)?;
    let name = Name::new(schema, table);
    access::require_role(manager, settings).await?;
    let db = manager.get_connection();
    let Some(found) = tables_named(db, [&name]).await?.into_iter().next() else {
        return Err(migration_error(format!("table {name} does not exist; create it before it is shared")));
    };
    if found.protected {
        return Err(migration_error(format!(
            "table {name} has row-level security, so it is no shared table; register it as a tenant table, or disable \
             row-level security if its rows belong to all tenants"
        )));
    }
    let (quoted, role) = (name.quoted(), sql::identifier(settings.app_role()));
    let rights = match access {
        SharedAccess::Read => "SELECT",
        SharedAccess::ReadAndWrite => "SELECT, INSERT, UPDATE, DELETE",
    };
    for statement in [
        access::schema_grant(settings, schema),
        format!("REVOKE ALL ON TABLE {quoted} FROM PUBLIC, {role}"),
        format!("GRANT {rights} ON TABLE {quoted} TO {role}"),
    ] {
        db.execute_unprepared(&statement).await?;
    }
    Ok(())
}
