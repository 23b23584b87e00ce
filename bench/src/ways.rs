//! The connections of each way.

use anyhow::Result;
use sea_orm::DatabaseConnection;
use sea_orm::sqlx::PgPool;
use watertight::{Layers, TenantConnection, Watertight};

use crate::operation::{Operation, Way};
use crate::world::{POOL, World, by_hand, options, with_auth};
use crate::{floor, hand, ours};

/// The four ways, each with its own pool.
///
/// The hand-written ways and rewriting alone have a role that bypasses row-level security. Watertight with
/// its default layers has the application's role.
pub(crate) struct Ways {
    sqlx: PgPool,
    sea_orm: DatabaseConnection,
    rewriting: TenantConnection,
    watertight: TenantConnection,
}

impl Ways {
    pub(crate) async fn connect(world: &World) -> Result<Self> {
        let privileged = world.database.maintenance_url()?;
        Self::connect_to(world, &privileged, &world.database.app_url(), POOL).await
    }

    /// Connects through a proxy, by other URLs of the same database.
    pub(crate) async fn connect_to(
        world: &World,
        privileged: &str,
        app: &str,
        connections: u32,
    ) -> Result<Self> {
        let rewriting = with_auth(Watertight::builder().dangerous_layers(Layers::RewritingOnly))?;
        let rewriting = rewriting.connect(options(privileged, connections)).await?;
        let watertight = with_auth(Watertight::builder())?.connect(options(app, connections)).await?;
        Ok(Self {
            sqlx: by_hand(privileged, connections).await?.get_postgres_connection_pool().clone(),
            sea_orm: by_hand(privileged, connections).await?,
            rewriting: rewriting.tenant(world.tenant),
            watertight: watertight.tenant(world.tenant),
        })
    }

    /// Runs an operation and returns the number of rows.
    pub(crate) async fn run(&self, way: Way, operation: Operation, world: &World, n: usize) -> Result<usize> {
        match way {
            Way::Sqlx => floor::run(operation, &self.sqlx, world, n).await,
            Way::SeaOrm => hand::run(operation, &self.sea_orm, world, n).await,
            Way::Rewriting => ours::run(operation, &self.rewriting, world, n).await,
            Way::Watertight => ours::run(operation, &self.watertight, world, n).await,
        }
    }
}
