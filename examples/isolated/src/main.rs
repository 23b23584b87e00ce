//! Isolation alone: an application with two tables of its own, and none of watertight's.
//!
//! It migrates an empty database, writes rows of two tenants, and shows that neither tenant reaches the other's rows.
//! Then it runs the doctor, exports a tenant, erases it, and restores it from the export. The program checks every step
//! and exits with an error if a check fails.
//!
//! `DATABASE_OWNER_URL` names the database with the role that owns the tables, `DATABASE_URL` with the role of the
//! application. `cargo xtask examples` sets both.
#![allow(clippy::print_stdout, reason = "a program for the terminal")]

#[cfg(test)]
mod isolation;
mod migration;
mod project;
mod task;

use anyhow::{Context, Result, ensure};
use sea_orm::{ActiveModelTrait, Database, EntityTrait, PaginatorTrait, Set};
use sea_orm_migration::MigratorTraitSelf;
use uuid::Uuid;
use watertight::{Builder, Reason, Refusal, TableSets, TenantConnection, TenantId, Watertight};

#[tokio::main]
async fn main() -> Result<()> {
    let owner_url = std::env::var("DATABASE_OWNER_URL").context("set DATABASE_OWNER_URL")?;
    let owner = Database::connect(owner_url).await?;
    migration::migrator().up(&owner, None).await?;
    println!("migrated: watertight's schema for isolation, and the tables projects and tasks");

    let water = builder().connect_from_env().await?;
    let (north, south) = (tenant(&water)?, tenant(&water)?);
    let project = add_project(&north, "Bridge").await?;
    add_project(&south, "Bridge").await?;
    add_task(&north, &project, "Survey the banks").await?;
    println!("written: a project of the same name for each of two tenants, and a task");

    isolates(&north, &south, &project).await?;
    println!("isolated: each tenant reads, changes and refers to its own rows alone");

    let report = builder().doctor(&owner).await?.require_sound()?;
    println!("examined: the doctor found {} things, none of them an error", report.findings.len());

    let maintenance = builder().maintenance(&owner).await?;
    let mut export = Vec::new();
    maintenance.export(north.tenant_id(), &mut export, |_| ()).await?;
    maintenance.erase(north.tenant_id(), |_| ()).await?;
    ensure!(task::Entity::find().count(&north).await? == 0, "rows are left after the erasure");
    ensure!(project::Entity::find().count(&south).await? == 1, "the erasure reached another tenant");
    maintenance.import(north.tenant_id(), export.as_slice(), |_| ()).await?;
    ensure!(task::Entity::find().one(&north).await?.is_some(), "the task was not restored");
    println!("exported, erased and restored: {} bytes", export.len());
    water.close().await?;
    Ok(())
}

/// Registers the tables of the application, and none of watertight's.
fn builder() -> Builder {
    Watertight::builder()
        .table_sets(TableSets::none())
        .tenant_table(project::Entity)
        .tenant_table(task::Entity)
}

fn tenant(water: &Watertight) -> Result<TenantConnection> {
    Ok(water.tenant(TenantId::new(Uuid::new_v4())?))
}

async fn add_project(tenant: &TenantConnection, name: &str) -> Result<project::Model> {
    let project = project::ActiveModel { name: Set(name.to_owned()), ..Default::default() };
    Ok(project.insert(tenant).await?)
}

async fn add_task(tenant: &TenantConnection, project: &project::Model, title: &str) -> Result<task::Model> {
    let task =
        task::ActiveModel { project_id: Set(project.id), title: Set(title.to_owned()), ..Default::default() };
    Ok(task.insert(tenant).await?)
}

async fn isolates(
    north: &TenantConnection,
    south: &TenantConnection,
    project: &project::Model,
) -> Result<()> {
    ensure!(project::Entity::find().count(south).await? == 1, "a tenant reads another's projects");
    let joined = task::Entity::find().find_also_related(project::Entity).all(south).await?;
    ensure!(joined.is_empty(), "a tenant reads another's tasks");
    let deleted = project::Entity::delete_many().exec(south).await?;
    ensure!(deleted.rows_affected == 1, "a tenant deletes another's projects");
    ensure!(project::Entity::find().count(north).await? == 1, "a project is gone");
    ensure!(add_task(south, project, "Block the road").await.is_err(), "a task refers to another's project");
    add_project(south, "Tunnel").await?;
    // A table that is not registered is refused before the statement is sent.
    let refused = south.execute_unprepared("DELETE FROM clients").await.err();
    let reason = refused.as_ref().and_then(Refusal::of).map(|refusal| &refusal.reason);
    ensure!(matches!(reason, Some(Reason::UnknownTable(_))), "an unknown table was not refused");
    Ok(())
}
