//! The application's migrations, which follow the core of watertight's.

use async_trait::async_trait;
use sea_orm_migration::{prelude::*, schema::*};
use watertight_migration::{Settings, TableSets, TenantMigrator, TenantTable};

/// The settings of the environment, without watertight's own tables.
pub(crate) fn settings() -> Settings {
    Settings::from_env().with_table_sets(TableSets::none())
}

/// Applies the core of watertight's migrations, and then the application's.
pub(crate) fn migrator() -> TenantMigrator {
    TenantMigrator::new(settings()).then(|| vec![Box::new(CreateLetters)])
}

fn tables() -> [TenantTable; 2] {
    [
        TenantTable::new("public", "messages").col(string_len("client", 80)).outbox(crate::WORKER),
        TenantTable::new("public", "letters")
            .col(string_len("client", 80))
            .col(big_integer("number"))
            .unique(["number"]),
    ]
}

struct CreateLetters;

impl MigrationName for CreateLetters {
    fn name(&self) -> &'static str {
        "m20260301_000001_create_letters"
    }
}

#[async_trait]
impl MigrationTrait for CreateLetters {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for table in tables() {
            table.create(manager, &settings()).await?;
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for table in tables() {
            table.drop(manager).await?;
        }
        Ok(())
    }
}
