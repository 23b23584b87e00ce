//! A read-only database, such as a replica.

use anyhow::Result;
use sea_orm::{ActiveModelTrait, ConnectionTrait, EntityTrait, PaginatorTrait};
use watertight::entity::public::services;
use watertight::{Layers, Reason, Refusal, Watertight};
use watertight_tests::{TestDatabase, new_tenant};

use crate::rows;

#[tokio::test]
async fn a_replica_is_read_and_not_written() -> Result<()> {
    let database = TestDatabase::create().await?;
    let primary = database.water().await?;
    let tenant = new_tenant()?;
    rows::service("Massage").insert(&primary.tenant(tenant)).await?;

    for layers in [Layers::RewritingAndRowSecurity, Layers::UnscopedRowSecurityOnly] {
        let replica = database.water_with(Watertight::builder().read_only().dangerous_layers(layers)).await?;
        let reader = replica.tenant(tenant);
        assert_eq!(services::Entity::find().count(&reader).await?, 1);
        let transaction = reader.begin().await?;
        assert_eq!(services::Entity::find().count(&transaction).await?, 1);

        let error = rows::service("Other").insert(&transaction).await.unwrap_err();
        let refused = Refusal::of(&error).is_some_and(|refusal| refusal.reason == Reason::ReadOnly);
        let by_the_server = error.to_string().contains("read-only transaction");
        assert_eq!(
            (refused, by_the_server),
            (layers != Layers::UnscopedRowSecurityOnly, !refused),
            "{error}"
        );
    }
    // The server refuses writes that the rewriter does not recognize.
    let replica = database.water_with(Watertight::builder().read_only()).await?;
    for sql in [
        "WITH gone AS (DELETE FROM services RETURNING id) SELECT count(*) FROM gone",
        "SELECT id FROM services FOR UPDATE",
    ] {
        let error = replica.tenant(tenant).execute_unprepared(sql).await.unwrap_err();
        assert!(error.to_string().contains("read-only transaction"), "{error}");
    }
    assert_eq!(services::Entity::find().count(&primary.tenant(tenant)).await?, 1);
    Ok(())
}

#[tokio::test]
async fn connecting_needs_no_writes() -> Result<()> {
    let database = TestDatabase::create().await?;
    let setting = "DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET default_transaction_read_only = on', \
                   current_database()); END $$";
    database.owner().await?.execute_unprepared(setting).await?;
    let replica = database.water_with(Watertight::builder().read_only().check_with_doctor()).await?;
    assert_eq!(services::Entity::find().count(&replica.tenant(new_tenant()?)).await?, 0);
    Ok(())
}
