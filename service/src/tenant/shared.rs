//! The state that all handles of an application share.

#[cfg(feature = "auth")]
use std::any::Any;
use std::sync::Arc;

use sea_orm::DbErr;
use sea_orm::sqlx::PgPool;

use super::layers::Layers;
use super::names::Names;
use super::pooled::{Generation, PooledConnection};
use super::report_only::ReportOnly;
use super::rewrite::Rewriter;
use super::signing::TenantSigner;
use super::unnamed::ResultTypes;

/// The state that all handles share.
#[expect(clippy::struct_excessive_bools, reason = "independent facts of the database")]
pub(crate) struct Shared {
    pub(crate) pool: PgPool,
    pub(crate) rewriter: Rewriter,
    pub(crate) layers: Layers,
    pub(crate) signer: TenantSigner,
    /// Whether statements are not checked. Such a statement can change the state of its connection, so no
    /// other tenant gets the connection.
    pub(crate) hostile_sql: bool,
    pub(crate) transaction_pooler: bool,
    /// The known result types of statements that do not stay prepared.
    pub(crate) result_types: Arc<ResultTypes>,
    pub(crate) read_only: bool,
    /// Set in report-only mode.
    pub(crate) report_only: Option<ReportOnly>,
    /// Whether tenant tables are distributed over a Citus cluster.
    pub(crate) distributed: bool,
    pub(crate) names: Names,
    pub(crate) generation: Generation,
    /// The settings of authentication, whose type is defined above this floor.
    #[cfg(feature = "auth")]
    pub(crate) auth: Box<dyn Any + Send + Sync>,
}

impl Shared {
    pub(super) async fn connection(&self) -> Result<PooledConnection, DbErr> {
        let mut connection = self.generation.acquire(&self.pool).await?;
        if self.hostile_sql {
            connection.close_on_drop();
        }
        Ok(connection)
    }
}
