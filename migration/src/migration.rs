//! A migration that knows the installation's settings.

use async_trait::async_trait;
use sea_orm_migration::{MigrationName, MigrationTrait, prelude::*};

use crate::{Settings, TableError, TenantTable, access};

/// A migration that is told the [`Settings`] instead of reading them itself.
///
/// Every plain [`MigrationTrait`] is one, so that migrations made by `sea-orm-cli migrate generate` stand in
/// the same list as the ones that make tenant tables.
#[async_trait]
pub(crate) trait TenantMigration: MigrationName + Send + Sync {
    /// Applies the migration.
    async fn up(&self, manager: &SchemaManager, settings: &Settings) -> Result<(), DbErr>;

    /// Rolls the migration back.
    async fn down(&self, manager: &SchemaManager, settings: &Settings) -> Result<(), DbErr>;

    /// The SQL that makes what the migration makes, in schemas that are there: all that `up` runs besides what it has
    /// to find out first. `None` where that cannot be told without running it.
    fn statements(&self, _: &Settings) -> Result<Option<Vec<String>>, TableError> {
        Ok(None)
    }

    /// Whether it runs in a transaction, as [`MigrationTrait::use_transaction`] says it.
    fn use_transaction(&self) -> Option<bool> {
        None
    }
}

#[async_trait]
impl<M: MigrationTrait> TenantMigration for M {
    async fn up(&self, manager: &SchemaManager, _: &Settings) -> Result<(), DbErr> {
        MigrationTrait::up(self, manager).await
    }

    async fn down(&self, manager: &SchemaManager, _: &Settings) -> Result<(), DbErr> {
        MigrationTrait::down(self, manager).await
    }

    fn use_transaction(&self) -> Option<bool> {
        MigrationTrait::use_transaction(self)
    }
}

/// A migration with its settings: what a migrator runs.
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
        self.migration.up(manager, &self.settings).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        self.migration.down(manager, &self.settings).await
    }

    fn use_transaction(&self) -> Option<bool> {
        self.migration.use_transaction()
    }
}

/// The SQL that makes tables, each after those it refers to.
pub(crate) fn statements_of(settings: &Settings, tables: &[TenantTable]) -> Result<Vec<String>, TableError> {
    let mut all = Vec::new();
    for table in tables {
        all.extend(table.statements(settings)?);
    }
    Ok(all)
}

/// Runs what [`TenantMigration::statements`] gives.
pub(crate) async fn run_statements(
    migration: &impl TenantMigration,
    manager: &SchemaManager<'_>,
    settings: &Settings,
) -> Result<(), DbErr> {
    let statements = migration.statements(settings)?.unwrap_or_default();
    access::require_role(manager, settings).await?;
    for statement in statements {
        manager.get_connection().execute_unprepared(&statement).await?;
    }
    Ok(())
}

/// Drops tables in the opposite order to that in which they were made.
pub(crate) async fn drop_all(manager: &SchemaManager<'_>, tables: &[TenantTable]) -> Result<(), DbErr> {
    for table in tables.iter().rev() {
        table.drop(manager).await?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(DeriveMigrationName)]
    struct Generated;

    #[async_trait]
    impl MigrationTrait for Generated {
        async fn up(&self, _: &SchemaManager) -> Result<(), DbErr> {
            Ok(())
        }

        fn use_transaction(&self) -> Option<bool> {
            Some(false)
        }
    }

    #[test]
    fn a_plain_migration_stands_in_the_same_list() {
        let migration: Box<dyn TenantMigration> = Box::new(Generated);
        let configured = Configured { migration, settings: Settings::default() };
        assert_eq!(configured.name(), "migration");
        assert_eq!(MigrationTrait::use_transaction(&configured), Some(false));
    }
}
