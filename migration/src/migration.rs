//! A migration that receives the installation's settings.

use async_trait::async_trait;
use sea_orm_migration::{MigrationName, MigrationTrait, prelude::*};

use crate::{Settings, TableError, TableSets, TenantTable, access};

/// A migration that receives the [`Settings`] instead of reading them itself.
///
/// Every plain [`MigrationTrait`] implements it, so that the list can contain the migrations that
/// `sea-orm-cli migrate generate` creates.
#[async_trait]
pub(crate) trait TenantMigration: MigrationName + Send + Sync {
    /// The tables that the migration creates, each after the tables that it refers to.
    fn tables(&self, _: &TableSets) -> Vec<TenantTable> {
        Vec::new()
    }

    /// The SQL that applies the migration in existing schemas, or `None` when it cannot be known without running it.
    fn statements(&self, settings: &Settings) -> Result<Option<Vec<String>>, TableError> {
        statements_of(settings, &self.tables(settings.table_sets())).map(Some)
    }

    /// Applies the migration.
    async fn up(&self, manager: &SchemaManager, settings: &Settings) -> Result<(), DbErr> {
        run_statements(manager, settings, self.statements(settings)?).await
    }

    /// Rolls the migration back.
    async fn down(&self, manager: &SchemaManager, settings: &Settings) -> Result<(), DbErr> {
        drop_all(manager, &self.tables(settings.table_sets())).await
    }

    /// The transaction mode of the migration, with the meaning of [`MigrationTrait::use_transaction`].
    fn use_transaction(&self) -> Option<bool> {
        None
    }
}

#[async_trait]
impl<M: MigrationTrait> TenantMigration for M {
    fn statements(&self, _: &Settings) -> Result<Option<Vec<String>>, TableError> {
        Ok(None)
    }

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

/// The SQL that creates tables of watertight, each after the tables that it refers to.
pub(crate) fn statements_of(settings: &Settings, tables: &[TenantTable]) -> Result<Vec<String>, TableError> {
    let mut all = Vec::new();
    for table in tables {
        all.extend(table.own().statements(settings)?);
    }
    Ok(all)
}

/// The SQL of changes to the rows of all tenants in tables, named as SQL names them.
///
/// The policies bind the owner, too, hence the `NO FORCE` until the changes are done.
pub(crate) fn unforced(tables: &[String], changes: impl IntoIterator<Item = String>) -> Vec<String> {
    let force = |word: &'static str| {
        tables.iter().map(move |table| format!("ALTER TABLE {table} {word} ROW LEVEL SECURITY"))
    };
    force("NO FORCE").chain(changes).chain(force("FORCE")).collect()
}

/// Runs the SQL of [`TenantMigration::statements`].
pub(crate) async fn run_statements(
    manager: &SchemaManager<'_>,
    settings: &Settings,
    statements: Option<Vec<String>>,
) -> Result<(), DbErr> {
    access::require_role(manager, settings).await?;
    for statement in statements.unwrap_or_default() {
        manager.get_connection().execute_unprepared(&statement).await?;
    }
    Ok(())
}

/// Drops tables in the opposite order to that in which they were created.
pub(crate) async fn drop_all(manager: &SchemaManager<'_>, tables: &[TenantTable]) -> Result<(), DbErr> {
    for table in tables.iter().rev() {
        table.drop(manager).await?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::configured::Configured;

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
