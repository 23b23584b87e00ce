//! The functions of the example, judged by `watertight-testing`: each has the same result and the same effect next to
//! another tenant as alone.

use sea_orm::{DbErr, EntityTrait, QueryOrder};
use sea_orm_migration::MigratorTraitSelf;
use tokio::sync::OnceCell;
use watertight::{Reason, TenantConnection};
use watertight_testing::{Template, TestError, TestServer, TwoTenants, assert_refused};

use crate::{add_project, add_task, builder, migration, project, task};

async fn template() -> Result<&'static Template, TestError> {
    static TEMPLATE: OnceCell<Template> = OnceCell::const_new();
    TEMPLATE
        .get_or_try_init(|| async {
            let server = TestServer::shared().await?;
            Template::create(server, |owner| async move { migration::migrator().up(&owner, None).await })
                .await
        })
        .await
}

async fn fixtures(tenant: TenantConnection, number: u32) -> anyhow::Result<()> {
    let project = add_project(&tenant, &format!("Bridge {number}")).await?;
    add_task(&tenant, &project, "Survey the banks").await?;
    Ok(())
}

async fn tenants() -> Result<TwoTenants, TestError> {
    TwoTenants::prepare(template().await?, builder()).fixtures(fixtures).await
}

#[tokio::test]
async fn tasks_are_listed_with_projects_of_their_tenant() -> Result<(), TestError> {
    let titles = |tenant: TenantConnection| async move {
        let tasks = task::Entity::find().find_also_related(project::Entity).order_by_asc(task::Column::Title);
        let tasks = tasks.all(&tenant).await?;
        Ok::<_, DbErr>(
            tasks.into_iter().map(|(task, project)| (task.title, project.map(|it| it.name))).collect(),
        )
    };
    let listed: Result<Vec<_>, _> = tenants().await?.assert_isolated(titles).await;
    assert_eq!(listed, Ok(vec![("Survey the banks".to_owned(), Some("Bridge 1".to_owned()))]));
    Ok(())
}

/// The new rows have random ids, which the judge compares by their places.
#[tokio::test]
async fn adding_a_project_with_a_task_changes_one_tenant() -> Result<(), TestError> {
    let add = |tenant: TenantConnection| async move {
        // A name of the other tenant is free.
        let project = add_project(&tenant, "Bridge 2").await.map_err(|error| error.to_string())?;
        let task = add_task(&tenant, &project, "Order the steel").await.map_err(|error| error.to_string())?;
        Ok::<_, String>((project, task))
    };
    let added = tenants().await?.assert_isolated(add).await;
    assert!(added.is_ok_and(|(project, task)| task.project_id == project.id));
    Ok(())
}

#[tokio::test]
async fn a_table_that_is_not_registered_is_refused() -> Result<(), TestError> {
    let (_database, tenant, _) = tenants().await?.connect().await?;
    let result = tenant.execute_unprepared("DELETE FROM clients").await;
    assert_refused(result, |reason| matches!(reason, Reason::UnknownTable(_)));
    Ok(())
}
