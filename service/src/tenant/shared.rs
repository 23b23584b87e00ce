//! The state that all handles of an application share.

use std::sync::Arc;

use sea_orm::DbErr;
use sea_orm::sqlx::pool::PoolConnection;
use sea_orm::sqlx::{PgPool, Postgres};

use super::driver::acquire_error;
#[cfg(feature = "auth")]
use super::extensions::Extensions;
use super::layers::Layers;
use super::names::Names;
use super::rewrite::Rewriter;
use super::signing::TenantSigner;
use super::unnamed::ResultTypes;

/// The state that all handles share.
#[expect(clippy::struct_excessive_bools, reason = "facts of the database, each its own")]
pub(crate) struct Shared {
    pub(crate) pool: PgPool,
    pub(crate) rewriter: Rewriter,
    pub(crate) layers: Layers,
    pub(crate) signer: TenantSigner,
    /// Whether statements are any SQL at all: such a statement can leave behind on its connection what acts on the next
    /// tenant's statements, so no other gets the connection.
    pub(crate) hostile_sql: bool,
    pub(crate) transaction_pooler: bool,
    /// What is known of the results of statements, for those that are not kept prepared.
    pub(crate) result_types: Arc<ResultTypes>,
    pub(crate) read_only: bool,
    /// Whether tenant tables are spread over the machines of a Citus cluster.
    pub(crate) distributed: bool,
    pub(crate) names: Names,
    #[cfg(feature = "auth")]
    pub(crate) extensions: Extensions,
}

impl Shared {
    pub(super) async fn connection(&self) -> Result<PoolConnection<Postgres>, DbErr> {
        let mut connection = self.pool.acquire().await.map_err(acquire_error)?;
        if self.hostile_sql {
            connection.close_on_drop();
        }
        Ok(connection)
    }
}
