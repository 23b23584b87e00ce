//! Work for many tenants: each in turn, and reports across all of them.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use anyhow::Result;
use futures_util::{StreamExt, stream};
use sea_orm::{ActiveModelTrait, DbErr, EntityTrait, PaginatorTrait};
use watertight::entity::public::services;
use watertight::{TenantConnection, TenantId, Watertight};
use watertight_tests::{TestDatabase, new_tenant};

use crate::rows;

/// As many tenants, of which the first has one service, the second two, and so on.
async fn tenants(water: &Watertight, number: usize) -> Result<Vec<TenantId>> {
    let mut tenants = Vec::new();
    for index in 0..number {
        let tenant = water.tenant(new_tenant()?);
        for name in 0..=index {
            rows::service(&format!("Service {name}")).insert(&tenant).await?;
        }
        tenants.push(tenant.tenant_id());
    }
    Ok(tenants)
}

#[tokio::test]
async fn each_tenant_gets_its_own_connection_and_its_result() -> Result<()> {
    let database = TestDatabase::create().await?;
    let water = database.water().await?;
    let ids = tenants(&water, 6).await?;
    let (running, most) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let count = |tenant: TenantConnection| {
        let (running, most) = (&running, &most);
        async move {
            most.fetch_max(running.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
            let count = services::Entity::find().count(&tenant).await;
            tokio::time::sleep(Duration::from_millis(5)).await;
            running.fetch_sub(1, Ordering::SeqCst);
            match count? {
                3 => tenant.execute_unprepared("SELECT 1 / 0").await.map(|_| 0),
                count => Ok::<_, DbErr>(count),
            }
        }
    };
    for concurrency in [0, 1, 3, 100] {
        most.store(0, Ordering::SeqCst);
        let results = water.for_each_tenant(concurrency, ids.clone(), count).await;
        assert_eq!(results.iter().map(|(tenant, _)| *tenant).collect::<Vec<_>>(), ids, "in their order");
        for (index, (tenant, result)) in results.iter().enumerate() {
            // The failure of one tenant does not stop the others.
            match result {
                Ok(count) => assert_eq!(*count, index as u64 + 1, "{tenant}"),
                Err(error) => assert_eq!(index, 2, "{tenant}: {error}"),
            }
        }
        assert!(results[2].1.is_err());
        assert!(most.load(Ordering::SeqCst) <= concurrency.clamp(1, 6), "at most {concurrency}");
        if concurrency == 3 {
            assert_eq!(most.load(Ordering::SeqCst), 3, "and no fewer");
        }
    }
    let mut counts = water.for_each_tenant_of(2, stream::iter(ids.clone()), count);
    let mut seen = Vec::new();
    while let Some((tenant, _)) = counts.next().await {
        seen.push(tenant);
    }
    seen.sort_unstable();
    let mut ids = ids;
    ids.sort_unstable();
    assert_eq!(seen, ids);
    assert!(water.for_each_tenant(4, [], count).await.is_empty());
    Ok(())
}

#[tokio::test]
async fn a_dropped_run_leaves_nothing_behind() -> Result<()> {
    let database = TestDatabase::create().await?;
    let water = database.water().await?;
    let ids = tenants(&water, 4).await?;
    let finished = Arc::new(AtomicUsize::new(0));
    let run = water.for_each_tenant(2, ids.clone(), |tenant| {
        let finished = Arc::clone(&finished);
        async move {
            let transaction = tenant.begin().await?;
            services::Entity::delete_many().exec(&transaction).await?;
            std::future::pending::<()>().await;
            transaction.commit().await?;
            finished.fetch_add(1, Ordering::SeqCst);
            Ok::<(), DbErr>(())
        }
    });
    assert!(tokio::time::timeout(Duration::from_millis(200), async { run.await }).await.is_err());
    assert_eq!(finished.load(Ordering::SeqCst), 0);
    let counts =
        water.for_each_tenant(4, ids, |tenant| async move { services::Entity::find().count(&tenant).await });
    let counts: Result<Vec<u64>, _> = counts.await.into_iter().map(|(_, count)| count).collect();
    assert_eq!(counts?, [1, 2, 3, 4]);
    Ok(())
}
