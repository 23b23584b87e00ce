//! Malformed table sets are an error when the migrations run, whatever is applied.

use anyhow::Result;
use sea_orm_migration::MigratorTraitSelf;
use watertight_migration::{Settings, SettingsError, TableSet, TableSetError, TableSets, TenantMigrator};

use super::{empty, migrate, migrator, objects};

fn reserved() -> Settings {
    Settings::from_env().with_table_sets(TableSets::all().in_schema(TableSet::Auth, "pg_mine"))
}

#[tokio::test]
async fn malformed_table_sets_are_refused_and_nothing_is_created() -> Result<()> {
    let (_database, owner, before) = empty().await?;
    assert!(matches!(
        reserved().check(),
        Err(SettingsError::TableSets(TableSetError::Schema { set: TableSet::Auth, .. }))
    ));
    let error = TenantMigrator::new(reserved()).up(&owner, None).await.unwrap_err().to_string();
    assert!(error.contains("\"pg_mine\" cannot be the schema of auth"), "{error}");
    let mut created: Vec<String> = objects(&owner).await?.difference(&before).cloned().collect();
    created.retain(|name| name != super::MIGRATION_TABLE);
    assert_eq!(created, [""; 0]);
    Ok(())
}

#[tokio::test]
async fn malformed_table_sets_are_refused_where_everything_is_applied() -> Result<()> {
    let (_database, owner, _) = empty().await?;
    migrate(&owner, "all").await?;
    let applied = objects(&owner).await?;
    let migrations = migrator("all").get_applied_migrations(&owner).await?.len();
    for steps in [None, Some(1)] {
        let up = TenantMigrator::new(reserved()).up(&owner, steps).await;
        assert!(up.unwrap_err().to_string().contains("pg_mine"));
        let down = TenantMigrator::new(reserved()).down(&owner, steps).await;
        assert!(down.unwrap_err().to_string().contains("pg_mine"));
    }
    assert_eq!(objects(&owner).await?, applied);
    assert_eq!(migrator("all").get_applied_migrations(&owner).await?.len(), migrations);
    Ok(())
}
