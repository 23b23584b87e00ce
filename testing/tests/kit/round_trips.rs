//! The counting proxy.

use anyhow::Result;
use sea_orm::{ConnectOptions, EntityTrait, PaginatorTrait};
use watertight_testing::CountingProxy;

use crate::application::{builder, project, two_tenants};

#[tokio::test]
async fn statements_are_counted_on_the_wire() -> Result<()> {
    let tenants = two_tenants().await?;
    let (database, ..) = tenants.connect().await?;
    let proxy = CountingProxy::start(&database.app_url()).await?;
    let mut options = ConnectOptions::new(proxy.url(&database.app_url())?);
    options.max_connections(1).test_before_acquire(false);
    let tenant = builder().connect(options).await?.tenant(tenants.tenants()[0]);

    assert_eq!(project::Entity::find().count(&tenant).await?, 2);
    let (two, turns) = proxy.count_round_trips(project::Entity::find().count(&tenant)).await;
    assert_eq!((two?, turns), (2, 1));
    let in_transaction = async {
        let transaction = tenant.begin().await?;
        project::Entity::find().count(&transaction).await?;
        let two = project::Entity::find().count(&transaction).await?;
        transaction.commit().await?;
        anyhow::Ok(two)
    };
    let (two, turns) = proxy.count_round_trips(in_transaction).await;
    assert_eq!((two?, turns), (2, 4), "BEGIN, two statements, COMMIT");
    let (refused, turns) = proxy.count_round_trips(tenant.execute_unprepared("TRUNCATE projects")).await;
    assert!(refused.is_err() && turns == 0, "a refused statement was sent");
    Ok(())
}

#[tokio::test]
async fn the_url_keeps_the_role_the_password_and_the_options() -> Result<()> {
    let proxy = CountingProxy::start("postgres://db.example/shop").await?;
    let url = proxy.url("postgres://app:s%40cret@db.example:6000/shop?host=/run/pg&sslmode=disable")?;
    assert_eq!(url, format!("postgres://app:s%40cret@127.0.0.1:{}/shop?sslmode=disable", proxy.port()));
    assert_eq!(
        proxy.url("postgres://app@h/shop?host=/run")?,
        format!("postgres://app@127.0.0.1:{}/shop", proxy.port())
    );
    assert!(proxy.url("shop").is_err());
    Ok(())
}
