//! A migration that knows the installation's settings.

use async_trait::async_trait;
use sea_orm_migration::{MigrationName, MigrationTrait, prelude::*};

use crate::{Settings, TenantTable};

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

/// Makes tables, each after those it refers to.
pub(crate) async fn create_all(
    manager: &SchemaManager<'_>,
    settings: &Settings,
    tables: &[TenantTable],
) -> Result<(), DbErr> {
    for table in tables {
        table.create(manager, settings).await?;
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
