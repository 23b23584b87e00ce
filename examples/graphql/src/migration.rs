//! The application's migrations, which follow the core of watertight's.

use async_trait::async_trait;
use sea_orm_migration::{prelude::*, schema::*};
use watertight_migration::{
    ForeignKeyAction, Settings, TableSets, TenantForeignKey, TenantMigrator, TenantTable,
};

/// The settings of the environment, without watertight's own tables.
fn settings() -> Settings {
    Settings::from_env().with_table_sets(TableSets::none())
}

/// Applies the core of watertight's migrations, and then the application's.
#[must_use]
pub fn migrator() -> TenantMigrator {
    TenantMigrator::new(settings()).then(|| vec![Box::new(CreateProjects)])
}

fn tables() -> [TenantTable; 2] {
    let project = TenantForeignKey::column("project_id").to("public", "projects");
    [
        TenantTable::new("public", "projects").col(string_len("name", 80)).unique(["name"]),
        TenantTable::new("public", "tasks")
            .col(uuid("project_id"))
            .col(string_len("title", 200))
            .foreign_key(project.on_delete(ForeignKeyAction::Cascade)),
    ]
}

struct CreateProjects;

impl MigrationName for CreateProjects {
    fn name(&self) -> &'static str {
        "m20260301_000001_create_projects"
    }
}

#[async_trait]
impl MigrationTrait for CreateProjects {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for table in tables() {
            table.create(manager, &settings()).await?;
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for table in tables().iter().rev() {
            table.drop(manager).await?;
        }
        Ok(())
    }
}
