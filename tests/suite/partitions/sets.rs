//! Tables in the schemas of their table sets are partitioned and restored.

use anyhow::Result;
use sea_orm::TransactionTrait;
use sea_orm_migration::{MigrationTrait, MigratorTraitSelf, SchemaManager};
use watertight_migration::{HashPartitions, Settings, TableSets, TenantMigrator};
use watertight_tests::TestDatabase;

use super::try_up;
use crate::adopt::{listing, texts};

#[tokio::test]
async fn tables_of_the_chosen_sets_are_partitioned_in_their_schemas() -> Result<()> {
    for (text, divided) in [
        (
            "auth=my auth,booking=my-studio",
            vec!["\"my auth\".audit_events", "\"my auth\".sessions", "\"my-studio\".bookings"],
        ),
        ("booking=studio", vec!["studio.bookings"]),
        ("none", vec![]),
    ] {
        let sets: TableSets = text.parse::<TableSets>()?;
        let database = TestDatabase::empty().await?;
        let owner = database.owner().await?;
        TenantMigrator::new(Settings::from_env().with_table_sets(sets.clone())).up(&owner, None).await?;
        let before = listing::catalog(&owner).await?;
        try_up(&owner, HashPartitions::of_table_sets(&sets, 4)).await?;
        let partitioned = "SELECT oid::regclass::text FROM pg_class WHERE relkind = 'p' ORDER BY 1";
        assert_eq!(texts(&owner, partitioned).await?, divided, "{text}");
        let transaction = owner.begin().await?;
        HashPartitions::of_table_sets(&sets, 4).down(&SchemaManager::new(&transaction)).await?;
        transaction.commit().await?;
        listing::assert_same(&listing::catalog(&owner).await?, &before);
    }
    Ok(())
}
