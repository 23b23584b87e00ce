//! SeaORM's driver of a `TenantDatabase`.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use sea_orm::{DbErr, ExecResult, ProxyDatabaseTrait, ProxyExecResult, ProxyRow, QueryResult, Statement};
use tracing::{debug, error};

use super::options::DatabaseOptions;
use super::row;
use super::transactions::Transactions;
use crate::tenant::connection::TenantConnection;

pub(super) struct Driver {
    tenant: TenantConnection,
    transactions: Arc<Transactions>,
    options: DatabaseOptions,
}

impl Driver {
    pub(super) const fn new(
        tenant: TenantConnection,
        transactions: Arc<Transactions>,
        options: DatabaseOptions,
    ) -> Self {
        Self { tenant, transactions, options }
    }

    async fn rows(&self, statement: Statement) -> Result<Vec<QueryResult>, DbErr> {
        match self.transactions.enter()? {
            None => self.tenant.query_all_raw(statement).await,
            Some(mut turn) => turn.innermost().await?.query_all_raw(statement).await,
        }
    }

    async fn result(&self, statement: Statement) -> Result<ExecResult, DbErr> {
        match self.transactions.enter()? {
            None => self.tenant.execute_raw(statement).await,
            Some(mut turn) => turn.innermost().await?.execute_raw(statement).await,
        }
    }
}

#[async_trait]
impl ProxyDatabaseTrait for Driver {
    async fn query(&self, statement: Statement) -> Result<Vec<ProxyRow>, DbErr> {
        let rows = self.rows(statement).await?;
        rows.iter().map(|row| row::convert(row, self.options)).collect()
    }

    async fn execute(&self, statement: Statement) -> Result<ProxyExecResult, DbErr> {
        let result = self.result(statement).await?;
        // PostgreSQL returns generated keys as rows, so no last key is known here.
        Ok(ProxyExecResult { last_insert_id: 0, rows_affected: result.rows_affected() })
    }

    async fn begin(&self) {
        self.transactions.begin();
    }

    async fn commit(&self) {
        if let Err(error) = self.transactions.commit().await {
            error!(tenant_id = %self.tenant.tenant_id(), %error, "a commit failed, which SeaORM cannot report");
        }
    }

    async fn rollback(&self) {
        if let Err(error) = self.transactions.rollback().await {
            debug!(tenant_id = %self.tenant.tenant_id(), %error, "a rollback failed, so the connection was lost");
        }
    }

    fn start_rollback(&self) {
        self.transactions.abandon();
    }

    async fn ping(&self) -> Result<(), DbErr> {
        self.tenant.ping().await
    }
}

impl fmt::Debug for Driver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Driver").field("tenant_id", &self.tenant.tenant_id()).finish_non_exhaustive()
    }
}
