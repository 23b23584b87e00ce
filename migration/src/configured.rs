//! A migration with its settings.

use async_trait::async_trait;
use sea_orm_migration::{MigrationName, MigrationTrait, prelude::*};

use crate::error::migration_error;
use crate::migration::TenantMigration;
use crate::{Settings, TableSet, access, applied, chosen};

/// A migration with its settings, as a migrator runs it.
///
/// It creates the schema of a table set before the set's first migration, and grants the application's role what it needs
/// before the first migration of all.
pub(crate) struct Configured {
    pub(crate) migration: Box<dyn TenantMigration>,
    pub(crate) settings: Settings,
}

impl MigrationName for Configured {
    fn name(&self) -> &str {
        self.migration.name()
    }
}

#[async_trait]
impl MigrationTrait for Configured {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let settings = &self.settings;
        settings.check().map_err(migration_error)?;
        if let Some(schema) = self.own_schema() {
            access::create_schema(manager, settings, schema).await?;
        }
        if self.is_first() {
            access::create_schema(manager, settings, "public").await?;
            access::grant_migration_table(manager, settings).await?;
        }
        self.migration.up(manager, settings).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let settings = &self.settings;
        settings.check().map_err(migration_error)?;
        self.migration.down(manager, settings).await?;
        let others = self.others(manager).await?;
        if others.is_empty() {
            access::revoke_migration_table(manager, settings).await?;
            access::drop_schema(manager, settings, "public").await?;
        }
        if let Some(schema) = self.own_schema().filter(|schema| !self.is_shared(schema, &others)) {
            access::drop_schema(manager, settings, schema).await?;
        }
        Ok(())
    }

    fn use_transaction(&self) -> Option<bool> {
        self.migration.use_transaction()
    }
}

impl Configured {
    /// The schema of the table set that this migration is the first of. Every database has `public`.
    fn own_schema(&self) -> Option<&str> {
        let set = TableSet::of_migration(self.name())?;
        let first = set.migrations().first().is_some_and(|first| *first == self.name());
        Some(self.settings.table_sets().schema(set)).filter(|schema| first && *schema != "public")
    }

    fn is_first(&self) -> bool {
        chosen(&self.settings).next().is_some_and(|first| first.name() == self.name())
    }

    /// The other applied migrations of watertight. Without a migration table, the migrations before this one.
    async fn others(&self, manager: &SchemaManager<'_>) -> Result<Vec<String>, DbErr> {
        let ours = chosen(&self.settings).map(|migration| migration.name().to_owned());
        match applied::names(manager.get_connection(), &self.settings).await? {
            Some(applied) if applied.iter().any(|name| name == self.name()) => {
                Ok(ours.filter(|name| name != self.name() && applied.contains(name)).collect())
            }
            _ => Ok(ours.take_while(|name| name != self.name()).collect()),
        }
    }

    fn is_shared(&self, schema: &str, others: &[String]) -> bool {
        let sets = others.iter().filter_map(|name| TableSet::of_migration(name));
        sets.into_iter().any(|set| self.settings.table_sets().schema(set) == schema)
    }
}

/// A migration that reports malformed settings when no other pending migration reports them.
pub(crate) struct MalformedSettings;

impl MigrationName for MalformedSettings {
    fn name(&self) -> &'static str {
        "malformed settings"
    }
}

#[async_trait]
impl TenantMigration for MalformedSettings {
    async fn down(&self, _: &SchemaManager, settings: &Settings) -> Result<(), DbErr> {
        settings.check().map_err(migration_error)
    }
}
