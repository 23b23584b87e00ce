//! Serves the API for two tenants: `POST http://north.localhost:8000/graphql` and `http://south.localhost:8000/graphql`.
//!
//! `DATABASE_OWNER_URL` names the database with the role that owns the tables, `DATABASE_URL` with the role of the application.
#![allow(clippy::print_stdout, reason = "a program for the terminal")]

use anyhow::{Context, Result};
use sea_orm::Database;
use sea_orm_migration::MigratorTraitSelf;
use uuid::Uuid;
use watertight::TenantId;
use watertight::web::Tenancy;
use watertight_graphql::{Api, builder, migrator, routes};

#[tokio::main]
async fn main() -> Result<()> {
    let owner = std::env::var("DATABASE_OWNER_URL").context("set DATABASE_OWNER_URL")?;
    migrator().up(&Database::connect(owner).await?, None).await?;
    let water = builder().connect_from_env().await?;
    let api = Api::new(&water)?;
    let listener = tokio::net::TcpListener::bind("127.0.0.1:8000").await?;
    println!("http://north.localhost:8000/graphql and http://south.localhost:8000/graphql");
    let (north, south) = (Uuid::from_u128(1), Uuid::from_u128(2));
    let hosts = [("north.localhost", TenantId::new(north)?), ("south.localhost", TenantId::new(south)?)];
    axum::serve(listener, routes(api, Tenancy::by_host(water, hosts)?)).await?;
    Ok(())
}
