//! Functions that are isolated pass, also those that create ids, times and numbers.

use anyhow::Result;
use sea_orm::{ActiveModelTrait, ColumnTrait, DbErr, EntityTrait, QueryFilter, QueryOrder};
use watertight::{TenantConnection, TenantId};
use watertight_testing::{TestError, TwoTenants};

use crate::application::{add_project, builder, fixtures, project, task, template, two_tenants};

async fn names(tenant: &TenantConnection) -> Result<Vec<String>, DbErr> {
    let projects = project::Entity::find().order_by_asc(project::Column::Name).all(tenant).await?;
    Ok(projects.into_iter().map(|project| project.name).collect())
}

#[tokio::test]
async fn a_function_that_reads_returns_its_result() -> Result<()> {
    let tenants = two_tenants().await?;
    let names = tenants.assert_isolated(|tenant| async move { names(&tenant).await }).await;
    assert_eq!(names?, ["Bridge of tenant 1", "Tunnel of tenant 1"]);
    Ok(())
}

#[tokio::test]
async fn new_ids_times_and_numbers_are_equal() -> Result<()> {
    let tenants = two_tenants().await?;
    let create = |tenant: TenantConnection| async move {
        let mut added = Vec::new();
        for name in ["Dam", "Canal", "Canal"] {
            let project = add_project(&tenant, name).await?;
            task::ActiveModel {
                project_id: sea_orm::Set(project.id),
                title: sea_orm::Set(format!("Survey of {name}")),
                ..Default::default()
            }
            .insert(&tenant)
            .await?;
            added.push(project);
        }
        Ok::<_, DbErr>(added)
    };
    let added = tenants.assert_isolated(create).await?;
    assert_eq!(added.len(), 3);
    assert_ne!(added[0].id, added[1].id);
    Ok(())
}

#[tokio::test]
async fn a_function_that_changes_and_deletes_rows_passes() -> Result<()> {
    let tenants = two_tenants().await?;
    let change = |tenant: TenantConnection| async move {
        let renamed = tenant
            .execute_unprepared(
                "UPDATE projects SET name = 'Dam' WHERE id = '00000000-0000-0000-0000-000000000001'",
            )
            .await?;
        let tunnels = project::Entity::delete_many().filter(project::Column::Name.starts_with("Tunnel"));
        Ok::<_, DbErr>((renamed.rows_affected(), tunnels.exec(&tenant).await?.rows_affected))
    };
    assert_eq!(tenants.assert_isolated(change).await?, (1, 1));
    // Another call finds the rows of the fixtures again.
    assert_eq!(tenants.assert_isolated(change).await?, (1, 1));
    Ok(())
}

#[tokio::test]
async fn an_error_is_a_result() -> Result<()> {
    let tenants = two_tenants().await?;
    let duplicate = |tenant: TenantConnection| async move {
        tenant
            .execute_unprepared(
                "INSERT INTO projects (id, name) VALUES ('00000000-0000-0000-0000-000000000001', 'x')",
            )
            .await
            .map(|done| done.rows_affected())
    };
    let result = tenants.assert_isolated(duplicate).await;
    assert!(result.as_ref().is_err_and(|error| error.to_string().contains("projects_pkey")), "{result:?}");
    Ok(())
}

#[tokio::test]
async fn both_tenants_can_be_used_by_hand() -> Result<()> {
    let (database, north, south) = two_tenants().await?.connect().await?;
    add_project(&north, "Dam").await?;
    assert_eq!(names(&north).await?, ["Bridge of tenant 1", "Dam", "Tunnel of tenant 1"]);
    assert_eq!(names(&south).await?, ["Bridge of tenant 2", "Tunnel of tenant 2"]);
    assert!(database.name().starts_with("watertight_test_"));
    Ok(())
}

#[tokio::test]
async fn the_tenants_can_be_chosen() -> Result<()> {
    let chosen: [TenantId; 2] =
        ["7b0e8d3c-5a53-4f6e-9b0e-0f8a1f0f2a11".parse()?, "50000000-5a53-4f6e-9b0e-0f8a1f0f2a11".parse()?];
    let preparation = TwoTenants::prepare(template().await?, builder()).tenants(chosen[0], chosen[1]);
    let tenants = preparation.fixtures(fixtures).await?;
    assert_eq!(tenants.tenants(), chosen);
    let id = tenants.assert_isolated(|tenant| async move { tenant.tenant_id() }).await;
    assert_eq!(id, chosen[0]);
    Ok(())
}

#[tokio::test]
async fn fixtures_of_one_tenant_alone_are_an_error() -> Result<()> {
    for (only, expected) in [(1, "public.projects"), (2, "public.projects"), (3, "any table")] {
        let prepared = TwoTenants::prepare(template().await?, builder())
            .fixtures(|tenant, number| async move {
                if number == only {
                    add_project(&tenant, "Dam").await?;
                }
                Ok::<_, DbErr>(())
            })
            .await;
        match prepared.map(drop) {
            Err(TestError::NoRows { table }) => assert_eq!(table, expected),
            other => panic!("{other:?}"),
        }
    }
    Ok(())
}

#[tokio::test]
async fn failing_fixtures_say_of_which_tenant() -> Result<()> {
    let prepared = TwoTenants::prepare(template().await?, builder())
        .fixtures(|tenant, number| async move {
            if number == 2 {
                return Err(DbErr::Custom("no more rows".to_owned()));
            }
            add_project(&tenant, "Dam").await.map(drop)
        })
        .await;
    let error = prepared.map(drop).unwrap_err();
    assert!(error.to_string().starts_with("the fixtures failed for tenant "), "{error}");
    Ok(())
}
