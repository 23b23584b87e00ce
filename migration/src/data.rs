//! Changes of rows in migrations, for all tenants at once or for each.
//!
//! Forced row-level security binds the owner, who runs the migrations.

use std::pin::Pin;

use sea_orm_migration::prelude::*;
use sea_orm_migration::sea_orm::prelude::Uuid;
use sea_orm_migration::sea_orm::{ConnectionTrait, DbErr};
use watertight_schema::isolation::{TENANT_COLUMN, TENANT_TOKEN_SETTING};
use watertight_schema::sql;

use crate::catalog::{self, Table};
use crate::error::migration_error;
use crate::name::Name;
use crate::query;

/// The future of a change, as `Box::pin(async move { .. })` makes it.
pub type ChangeFuture<'c, T> = Pin<Box<dyn Future<Output = Result<T, DbErr>> + Send + 'c>>;

/// Runs a change that reads and writes the rows of all tenants in the named tables.
///
/// Row-level security does not bind the owner in these tables until the change has ended. In every other tenant table it
/// does, and a statement that uses one of them fails. The tables are locked exclusively until the migration has ended. If
/// the change fails, everything is rolled back, in a migration without a transaction, too.
///
/// ```
/// use watertight_migration::{for_all_tenants, sea_orm_migration};
/// use sea_orm_migration::{prelude::*, sea_orm::ConnectionTrait};
///
/// #[derive(DeriveMigrationName)]
/// pub struct Migration;
///
/// #[async_trait::async_trait]
/// impl MigrationTrait for Migration {
///     async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
///         let trimmed = "UPDATE clients SET phone = trim(phone)";
///         for_all_tenants(manager, [("public", "clients")], |manager| {
///             Box::pin(async move { manager.get_connection().execute_unprepared(trimmed).await.map(drop) })
///         })
///         .await
///     }
/// }
/// ```
///
/// # Errors
///
/// [`DbErr::Migration`] for a table that does not exist, is not a tenant table, or belongs to another role; the errors of
/// the change.
pub async fn for_all_tenants<T, F>(
    manager: &SchemaManager<'_>,
    tables: impl IntoIterator<Item = (impl Into<String>, impl Into<String>)> + Send,
    change: F,
) -> Result<T, DbErr>
where
    T: Send,
    F: for<'c> FnOnce(&'c SchemaManager<'static>) -> ChangeFuture<'c, T> + Send,
{
    let names = names(tables);
    let transaction = manager.begin().await?;
    let unforced = Unforced::begin(&transaction, &names).await?;
    let result = change(&transaction).await?;
    unforced.end(&transaction).await?;
    transaction.commit().await?;
    Ok(result)
}

/// Runs a change once for each tenant that has rows in the named tables.
///
/// It returns the number of tenants. During the change, row-level security shows the rows of the tenant in every tenant table, as in the application. The
/// named tables are locked exclusively until the migration has ended. If the change fails for one tenant, the changes for
/// all tenants are rolled back.
///
/// ```
/// use watertight_migration::{for_each_tenant, sea_orm_migration};
/// use sea_orm_migration::{prelude::*, sea_orm::ConnectionTrait};
///
/// #[derive(DeriveMigrationName)]
/// pub struct Migration;
///
/// #[async_trait::async_trait]
/// impl MigrationTrait for Migration {
///     async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
///         let numbered = "UPDATE clients SET notes = 'client ' || n.number FROM \
///                         (SELECT id, row_number() OVER (ORDER BY created_at) AS number FROM clients) AS n \
///                         WHERE n.id = clients.id";
///         let tenants = for_each_tenant(manager, [("public", "clients")], |manager, _tenant| {
///             Box::pin(async move { manager.get_connection().execute_unprepared(numbered).await.map(drop) })
///         })
///         .await?;
///         println!("{tenants} tenants changed");
///         Ok(())
///     }
/// }
/// ```
///
/// # Errors
///
/// As [`for_all_tenants`].
pub async fn for_each_tenant<F>(
    manager: &SchemaManager<'_>,
    tables: impl IntoIterator<Item = (impl Into<String>, impl Into<String>)> + Send,
    mut change: F,
) -> Result<u64, DbErr>
where
    F: for<'c> FnMut(&'c SchemaManager<'static>, Uuid) -> ChangeFuture<'c, ()> + Send,
{
    let names = names(tables);
    let transaction = manager.begin().await?;
    let db = transaction.get_connection();
    let unforced = Unforced::begin(&transaction, &names).await?;
    let selects: Vec<String> = names
        .iter()
        .map(|name| format!("SELECT DISTINCT t.{TENANT_COLUMN} FROM {} t", name.quoted()))
        .collect();
    let tenants = query::rows(db, &format!("{} ORDER BY 1", selects.join(" UNION ")), []).await?;
    unforced.end(&transaction).await?;

    let read = format!("SELECT coalesce(pg_catalog.current_setting('{TENANT_TOKEN_SETTING}', true), '')");
    let before: String = query::one(db, &read).await?;
    let mut done = 0;
    for row in tenants {
        let tenant: Uuid = row.try_get_by_index(0)?;
        query::rows(db, "SELECT watertight.enter($1)", [tenant.into()]).await?;
        change(&transaction, tenant).await?;
        done += 1;
    }
    let restore = format!("SELECT pg_catalog.set_config('{TENANT_TOKEN_SETTING}', $1, true)");
    query::rows(db, &restore, [before.into()]).await?;
    transaction.commit().await?;
    Ok(done)
}

fn names(tables: impl IntoIterator<Item = (impl Into<String>, impl Into<String>)>) -> Vec<Name> {
    tables.into_iter().map(|(schema, table)| Name::new(schema, table)).collect()
}

/// Tables whose policies do not bind the owner for now, by their identifiers: the change can rename them.
struct Unforced(Vec<i64>);

impl Unforced {
    async fn begin(manager: &SchemaManager<'_>, names: &[Name]) -> Result<Self, DbErr> {
        let db = manager.get_connection();
        let found = catalog::tables_named(db, names).await?;
        let tables: Vec<&Table> = names.iter().map(|name| usable(name, &found)).collect::<Result<_, _>>()?;
        if tables.is_empty() {
            return Err(migration_error("no table is named; name the tenant tables that the change uses"));
        }
        let mut forced = Vec::new();
        for table in tables.into_iter().filter(|table| table.forced) {
            if forced.contains(&table.oid) {
                continue;
            }
            let sql = format!("ALTER TABLE {} NO FORCE ROW LEVEL SECURITY", table.id().quoted());
            db.execute_unprepared(&sql).await?;
            forced.push(table.oid);
        }
        Ok(Self(forced))
    }

    async fn end(self, manager: &SchemaManager<'_>) -> Result<(), DbErr> {
        let db = manager.get_connection();
        let named = "SELECT pg_catalog.format('%I.%I', n.nspname, c.relname) FROM pg_catalog.pg_class c \
                     JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace WHERE c.oid = ANY ($1::int8[]::oid[])";
        for table in query::column(db, named, [self.0.into()]).await? {
            db.execute_unprepared(&format!("ALTER TABLE {table} FORCE ROW LEVEL SECURITY")).await?;
        }
        Ok(())
    }
}

fn usable<'t>(name: &Name, found: &'t [Table]) -> Result<&'t Table, DbErr> {
    let quoted = sql::qualified(&name.schema, &name.name);
    let Some(table) = found.iter().find(|table| table.id() == *name) else {
        return Err(migration_error(format!("table {quoted} does not exist; correct its schema and name")));
    };
    if table.tenant_type.is_none() {
        return Err(migration_error(format!(
            "table {quoted} has no column {TENANT_COLUMN}, so row-level security does not hide its rows; leave it out"
        )));
    }
    if !table.has_owners_rights {
        return Err(migration_error(format!(
            "table {quoted} belongs to {}; run the migration as that role",
            table.owner
        )));
    }
    Ok(table)
}
