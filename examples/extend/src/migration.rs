//! The application's migrations, which follow watertight's.

use async_trait::async_trait;
use sea_orm_migration::{prelude::*, schema::*};
use watertight_migration::{ForeignKeyAction, Settings, TenantForeignKey, TenantMigrator, TenantTable};

/// Applies watertight's migrations, and then the application's.
#[must_use]
pub fn migrator() -> TenantMigrator {
    TenantMigrator::new(Settings::from_env())
        .then(|| vec![Box::new(CreateLoyaltyCards), Box::new(AddBirthday)])
}

/// A tenant table. `TenantTable` adds the tenant's column, keys that contain it, row-level security and
/// grants.
fn loyalty_cards() -> TenantTable {
    TenantTable::new("public", "loyalty_cards")
        .col(uuid("client_id"))
        .col(integer("stamps").default(0))
        .col(timestamp_with_time_zone_default_now("created_at"))
        .unique(["client_id"])
        .foreign_key(
            TenantForeignKey::column("client_id")
                .to("public", "clients")
                .on_delete(ForeignKeyAction::Cascade),
        )
        .between("stamps", 0, 10)
}

struct CreateLoyaltyCards;

impl MigrationName for CreateLoyaltyCards {
    fn name(&self) -> &'static str {
        "m20260201_000001_create_loyalty_cards"
    }
}

#[async_trait]
impl MigrationTrait for CreateLoyaltyCards {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        loyalty_cards().create(manager, &Settings::from_env()).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        loyalty_cards().drop(manager).await
    }
}

/// Adds a column to a table of watertight. The table's policy and grants cover it.
struct AddBirthday;

impl MigrationName for AddBirthday {
    fn name(&self) -> &'static str {
        "m20260201_000002_add_birthday_to_clients"
    }
}

#[async_trait]
impl MigrationTrait for AddBirthday {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let clients = (Alias::new("public"), Alias::new("clients"));
        manager.alter_table(Table::alter().table(clients).add_column(date_null("birthday")).to_owned()).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let clients = (Alias::new("public"), Alias::new("clients"));
        manager.alter_table(Table::alter().table(clients).drop_column("birthday").to_owned()).await
    }
}
