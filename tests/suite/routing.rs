//! Tenants in two databases, on two servers.

use std::sync::Arc;

use anyhow::Result;
use sea_orm::{ActiveModelTrait, EntityTrait, PaginatorTrait};
use watertight::InvalidInput;
use watertight::RoutingError;
use watertight::entity::public::services;
use watertight::routing::{StaticRouter, TenantRouter};
use watertight::{TenantConnection, TenantId, Watertight};
use watertight_tests::{TestDatabase, new_tenant};

use crate::rows;

/// A database on each server.
struct Two {
    east: TestDatabase,
    west: TestDatabase,
}

impl Two {
    async fn create() -> Result<Self> {
        Ok(Self { east: TestDatabase::create().await?, west: TestDatabase::create_on_second().await? })
    }

    async fn router(&self, east: &[TenantId], west: &[TenantId]) -> Result<StaticRouter> {
        let router = StaticRouter::builder()
            .tenants("west", west.iter().copied())
            .database("east", self.east.water().await?)
            .database("west", self.west.water().await?)
            .tenants("east", east.iter().copied());
        Ok(router.build()?)
    }
}

async fn names(tenant: &TenantConnection) -> Result<Vec<String>> {
    let mut names: Vec<_> =
        services::Entity::find().all(tenant).await?.into_iter().map(|row| row.name).collect();
    names.sort_unstable();
    Ok(names)
}

#[tokio::test]
async fn every_tenant_is_routed_to_its_own_database_and_unknown_tenants_to_none() -> Result<()> {
    let two = Two::create().await?;
    let (clinic, studio, stranger) = (new_tenant()?, new_tenant()?, new_tenant()?);
    let router = two.router(&[clinic], &[studio]).await?;
    assert_eq!(router.databases().map(|(name, _)| name).collect::<Vec<_>>(), ["east", "west"]);
    for tenant in [clinic, studio] {
        let connection = router.route(tenant).await?;
        assert_eq!(connection.tenant_id(), tenant);
        rows::service("Massage").insert(&connection).await?;
        assert_eq!(names(&connection).await?, ["Massage"]);
    }
    // Each tenant's rows are in its own database, and in no other.
    for (database, own, other) in [(&two.east, clinic, studio), (&two.west, studio, clinic)] {
        let water = database.water().await?;
        assert_eq!(services::Entity::find().count(&water.tenant(own)).await?, 1);
        assert_eq!(services::Entity::find().count(&water.tenant(other)).await?, 0);
    }
    let error = router.route(stranger).await.unwrap_err();
    assert!(matches!(error, RoutingError::UnroutedTenant { tenant } if tenant == stranger), "{error}");
    // One database alone has every tenant.
    assert_eq!(two.east.water().await?.route(stranger).await?.tenant_id(), stranger);
    Ok(())
}

#[tokio::test]
async fn concurrent_tenants_see_only_their_own_rows() -> Result<()> {
    let two = Two::create().await?;
    let tenants = (0..8).map(|_| new_tenant()).collect::<Result<Vec<_>>>()?;
    let (east, west) = tenants.split_at(4);
    let router = Arc::new(two.router(east, west).await?);
    for tenant in &tenants {
        rows::service(&tenant.to_string()).insert(&router.tenant(*tenant)?).await?;
    }
    let tasks: Vec<_> = (0..64)
        .map(|n| {
            let (router, tenant) = (Arc::clone(&router), tenants[n % tenants.len()]);
            tokio::spawn(async move {
                for _ in 0..10 {
                    assert_eq!(names(&router.route(tenant).await?).await?, [tenant.to_string()]);
                }
                anyhow::Ok(())
            })
        })
        .collect();
    for task in tasks {
        task.await??;
    }
    Ok(())
}

#[tokio::test]
async fn a_tenant_moves_from_one_server_to_the_other() -> Result<()> {
    let two = Two::create().await?;
    let (clinic, neighbor) = (new_tenant()?, new_tenant()?);
    let router = two.router(&[clinic, neighbor], &[]).await?;
    for (tenant, name) in [(clinic, "Massage"), (clinic, "Sauna"), (neighbor, "Yoga")] {
        rows::service(name).insert(&router.tenant(tenant)?).await?;
    }

    let out = two.router(&[neighbor], &[]).await?;
    assert!(matches!(out.tenant(clinic), Err(RoutingError::UnroutedTenant { .. })));
    let from = Watertight::builder().maintenance(&two.east.owner().await?).await?;
    let to = Watertight::builder().maintenance(&two.west.owner().await?).await?;
    let mut lines = Vec::new();
    from.export(clinic, &mut lines, |_| ()).await?;
    to.import(clinic, lines.as_slice(), |_| ()).await?;
    let moved = two.router(&[neighbor], &[clinic]).await?;
    assert_eq!(names(&moved.tenant(clinic)?).await?, ["Massage", "Sauna"]);
    let erased = from.erase(clinic, |_| ()).await?;
    assert!(erased.tables.iter().all(|table| table.remaining == 0));

    assert_eq!(names(&moved.tenant(clinic)?).await?, ["Massage", "Sauna"]);
    assert_eq!(names(&moved.tenant(neighbor)?).await?, ["Yoga"]);
    assert_eq!(names(&router.tenant(clinic)?).await?, [] as [String; 0], "nothing is left behind");
    Ok(())
}

#[tokio::test]
async fn invalid_routes_are_reported() -> Result<()> {
    let database = TestDatabase::create().await?;
    let water = database.water().await?;
    let tenant = new_tenant()?;
    let one = || StaticRouter::builder().database("east", water.clone());
    let two = || one().database("west", water.clone());
    for (router, what, told) in [
        (StaticRouter::builder(), "router", "has no database"),
        (one().database("east", water.clone()), "database", "is added twice"),
        (one().tenants("north", [tenant]), "database", "is not in the router"),
        (one().others("north"), "database", "is not in the router"),
        (two().others("east").others("west"), "database", "is the second"),
        (two().tenants("east", [tenant]).tenants("west", [tenant]), "tenant", "\"east\" and \"west\""),
    ] {
        match router.build() {
            Err(RoutingError::InvalidInput(InvalidInput { what: found, reason, .. })) => {
                assert_eq!(found, what);
                assert!(reason.contains(told), "{reason}");
            }
            other => panic!("{told}: {other:?}"),
        }
    }
    // A tenant may be named twice, and an unnamed tenant is in the database of the others.
    let router = two().tenants("east", [tenant, tenant]).others("west").build()?;
    assert_eq!(router.tenant(new_tenant()?)?.tenant_id().to_string().len(), 36);
    assert_eq!(router.tenant(tenant)?.tenant_id(), tenant);
    Ok(())
}
