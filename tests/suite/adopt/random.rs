//! An adoption of random rows keeps their number and their values.

use anyhow::Result;

use super::values::{Values, assert_carried};
use super::{adoption, original, plant, texts};

#[tokio::test]
async fn random_rows_of_several_tenants_are_carried_over() -> Result<()> {
    for _ in 0..3 {
        let seed = fastrand::f64();
        println!("seed {seed}");
        let (_database, owner) = original().await?;
        let sql = format!("SELECT setseed({seed}); {}", include_str!("random.sql"));
        plant(&owner, &sql).await?;
        let before = Values::of_the_original(&owner).await?;
        assert!(before.rows > 1000, "{}", before.rows);
        let report = adoption().run(&owner).await?;
        assert_eq!(report.tables.iter().map(|table| table.rows).sum::<u64>(), before.rows);
        assert_carried(&before, &Values::adopted(&owner).await?);
        owner_sees_no_row_without_a_tenant(&owner).await?;
    }
    Ok(())
}

async fn owner_sees_no_row_without_a_tenant(owner: &sea_orm::DatabaseConnection) -> Result<()> {
    for table in watertight_migration::tables(&watertight_migration::Settings::default()) {
        let select = format!("SELECT count(*)::text FROM {}.{}", table.schema(), table.name());
        match texts(owner, &select).await {
            Ok(rows) => assert_eq!(rows, ["0"], "{select}"),
            Err(error) => assert!(error.to_string().contains("no tenant is set"), "{select}: {error}"),
        }
    }
    Ok(())
}
