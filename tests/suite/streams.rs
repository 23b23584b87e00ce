//! Streams return rows one by one, and their connection returns to the pool whatever the reader does.

use anyhow::Result;
use futures_util::TryStreamExt;
use sea_orm::{ActiveModelTrait, ConnectOptions, EntityTrait, PaginatorTrait, QueryOrder};
use watertight::Watertight;
use watertight::entity::public::services;
use watertight_tests::{TestDatabase, new_tenant};

use crate::rows;

#[tokio::test]
async fn a_stream_returns_the_tenants_own_rows() -> Result<()> {
    let database = TestDatabase::create().await?;
    let (clinic, studio) = database.two_tenants().await?;
    for index in 0..5 {
        rows::service(&format!("Massage {index}")).insert(&clinic).await?;
        rows::service(&format!("Yoga {index}")).insert(&studio).await?;
    }
    let ordered = || services::Entity::find().order_by_asc(services::Column::Name);
    let streamed: Vec<_> = ordered().stream(&clinic).await?.try_collect().await?;
    assert_eq!(streamed, ordered().all(&clinic).await?);

    let transaction = studio.begin().await?;
    let streamed: Vec<_> = ordered().stream(&transaction).await?.try_collect().await?;
    assert_eq!(streamed, ordered().all(&transaction).await?);
    Ok(())
}

#[tokio::test]
async fn a_stream_dropped_halfway_returns_a_clean_connection() -> Result<()> {
    let database = TestDatabase::create().await?;
    let mut options = ConnectOptions::new(database.app_url());
    options.max_connections(1);
    let water = Watertight::connect(options).await?;
    let (clinic, studio) = (water.tenant(new_tenant()?), water.tenant(new_tenant()?));
    for index in 0..50 {
        rows::service(&format!("Massage {index}")).insert(&clinic).await?;
    }
    for _ in 0..3 {
        let mut stream = services::Entity::find().stream(&clinic).await?;
        assert!(stream.try_next().await?.is_some());
        drop(stream);
        assert_eq!(services::Entity::find().count(&studio).await?, 0);
    }
    assert_eq!(services::Entity::find().count(&clinic).await?, 50);
    Ok(())
}
