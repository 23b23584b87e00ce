//! Changes of rows in migrations, for all tenants at once or for each.
//!
//! Forced row-level security binds the owner, who runs the migrations.

use std::pin::Pin;

use sea_orm_migration::prelude::*;
use sea_orm_migration::sea_orm::prelude::Uuid;
use sea_orm_migration::sea_orm::{ConnectionTrait, DbErr, Value};
use watertight_schema::isolation::TENANT_TOKEN_SETTING;
use watertight_schema::{TenantType, sql};

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
/// It returns the number of tenants, and gives the change the tenant's key as a value to bind. During the change, row-level security shows the rows of the tenant in every tenant table, as in the application. The
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
    F: for<'c> FnMut(&'c SchemaManager<'static>, Value) -> ChangeFuture<'c, ()> + Send,
{
    let names = names(tables);
    let transaction = manager.begin().await?;
    let db = transaction.get_connection();
    let unforced = Unforced::begin(&transaction, &names).await?;
    let (tenant_type, columns) = tenant_columns(&catalog::tables_named(db, &names).await?)?;
    let selects: Vec<String> = columns
        .iter()
        .map(|(column, table)| {
            format!("SELECT t.{column} AS id FROM {table} t WHERE t.{column} <> {}", tenant_type.reserved())
        })
        .collect();
    let sql = format!("SELECT DISTINCT u.id::text FROM ({}) u ORDER BY 1", selects.join(" UNION ALL "));
    let tenants = query::column(db, &sql, []).await?;
    unforced.end(&transaction).await?;

    let read = format!("SELECT coalesce(pg_catalog.current_setting('{TENANT_TOKEN_SETTING}', true), '')");
    let before: String = query::one(db, &read).await?;
    let mut done = 0;
    for tenant in tenants {
        let tenant = key(tenant_type, &tenant)?;
        query::rows(db, "SELECT watertight.enter($1)", [tenant.clone()]).await?;
        change(&transaction, tenant).await?;
        done += 1;
    }
    let restore = format!("SELECT pg_catalog.set_config('{TENANT_TOKEN_SETTING}', $1, true)");
    query::rows(db, &restore, [before.into()]).await?;
    transaction.commit().await?;
    Ok(done)
}

/// The type of the tenant's key, and the tenant column of each table, as SQL writes both.
fn tenant_columns(tables: &[Table]) -> Result<(TenantType, Vec<(String, String)>), DbErr> {
    let types = tables.iter().filter_map(|table| table.tenant_type.as_deref());
    let found = types.map(TenantType::of_column).collect::<Option<Vec<_>>>().unwrap_or_default();
    let Some(tenant_type) = found.first().copied().filter(|first| found.iter().all(|one| one == first))
    else {
        return Err(migration_error(
            "the tenant columns of the tables have different types, or a type that no tenant's key can have; use uuid, \
             bigint, integer or text",
        ));
    };
    let column =
        |table: &Table| Some((sql::identifier(table.tenant_column.as_deref()?), table.id().quoted()));
    Ok((tenant_type, tables.iter().filter_map(column).collect()))
}

/// The key of a tenant, from the text that the server prints.
fn key(tenant_type: TenantType, text: &str) -> Result<Value, DbErr> {
    let unreadable = |error: &dyn std::fmt::Display| {
        migration_error(format!("the tenant {text:?} is unreadable: {error}"))
    };
    Ok(match tenant_type {
        TenantType::BigInt => text.parse::<i64>().map_err(|error| unreadable(&error))?.into(),
        TenantType::Integer => text.parse::<i32>().map_err(|error| unreadable(&error))?.into(),
        TenantType::Text => text.into(),
        _ => Uuid::parse_str(text).map_err(|error| unreadable(&error))?.into(),
    })
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
            "table {quoted} has no tenant column, so row-level security does not hide its rows; leave it out"
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
