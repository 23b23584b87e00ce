//! The migrations that sea-orm-migration has recorded as applied.

use sea_orm_migration::{prelude::*, sea_orm::ConnectionTrait};
use watertight_schema::sql;

use crate::{Settings, query};

/// The names, or `None` when the database has no table of them: migrations can be run without a migrator.
pub(crate) async fn names(
    db: &impl ConnectionTrait,
    settings: &Settings,
) -> Result<Option<Vec<String>>, DbErr> {
    let table = sql::identifier(settings.migration_table());
    if query::rows(db, "SELECT WHERE to_regclass($1) IS NOT NULL", [table.clone().into()]).await?.is_empty() {
        return Ok(None);
    }
    query::column(db, &format!("SELECT version::text FROM {table} ORDER BY version"), []).await.map(Some)
}

/// Returns true if a migration is recorded, or `None` when the database has no migration table.
pub(crate) async fn contains(
    manager: &SchemaManager<'_>,
    settings: &Settings,
    name: &str,
) -> Result<Option<bool>, DbErr> {
    let names = names(manager.get_connection(), settings).await?;
    Ok(names.map(|names| names.iter().any(|other| other == name)))
}
