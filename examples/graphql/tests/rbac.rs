//! SeaORM's role-based access control over the connection of a tenant.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use anyhow::Result;
use sea_orm::rbac::schema::{RbacCreateTablesParams, create_tables};
use sea_orm::rbac::{RbacContext, RbacUserId};
use sea_orm::{DatabaseConnection, DbErr, EntityTrait, PaginatorTrait, Set, TransactionTrait};
use sea_orm_migration::MigratorTraitSelf;
use uuid::Uuid;
use watertight::TenantDatabase;
use watertight_graphql::entities::{project, task};
use watertight_graphql::{builder, migrator};
use watertight_tests::{TestDatabase, new_tenant};

/// The connection of a request with the rules that were loaded once.
fn with_rules(rules: &DatabaseConnection, database: &TenantDatabase) -> DatabaseConnection {
    let mut db = rules.clone();
    db.inner = database.inner.clone();
    db
}

#[tokio::test]
async fn rules_and_tenants_hold_at_once() -> Result<()> {
    let database = TestDatabase::empty().await?;
    let owner = database.owner().await?;
    migrator().up(&owner, None).await?;
    create_tables(&owner, RbacCreateTablesParams::default()).await?;
    let mut rules = RbacContext::load(&owner).await?;
    rules.add_tables(&owner, &["projects", "tasks"]).await?;
    rules.add_crud_permissions(&owner).await?;
    rules.add_roles(&owner, &["planner"]).await?;
    rules.add_role_permissions(&owner, "planner", &["select", "insert"], &["projects"]).await?;
    rules.assign_user_role(&owner, &[(1, "planner")]).await?;
    owner.load_rbac().await?;

    let water = database.water_with(builder()).await?;
    let (north, south) = (water.tenant(new_tenant()?), water.tenant(new_tenant()?));
    let new = |name: &str| project::ActiveModel {
        id: Set(Uuid::new_v4()),
        name: Set(name.to_owned()),
        ..Default::default()
    };
    project::Entity::insert(new("South")).exec(&south).await?;

    let of_north = north.database_connection();
    let planner = with_rules(&owner, &of_north).restricted_for(RbacUserId(1))?;
    project::Entity::insert(new("North")).exec(&planner).await?;
    let transaction = planner.begin().await?;
    project::Entity::insert(new("Both")).exec(&transaction).await?;
    transaction.commit().await?;
    let names: Vec<_> =
        project::Entity::find().all(&planner).await?.into_iter().map(|project| project.name).collect();
    assert_eq!(names.len(), 2);
    assert!(!names.contains(&"South".to_owned()));
    let refused = task::Entity::find().count(&planner).await.unwrap_err();
    assert!(matches!(refused, DbErr::AccessDenied { .. }), "{refused}");
    let refused = project::Entity::delete_many().exec(&planner).await.unwrap_err();
    assert!(matches!(refused, DbErr::AccessDenied { .. }), "{refused}");
    of_north.finish()?;
    owner.close().await?;
    Ok(())
}
