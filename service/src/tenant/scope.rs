//! Scopes statements of the application to a tenant.

use std::sync::Arc;

use sea_orm::{AccessMode, DbErr, Statement, TransactionOptions, Value};
use tracing::{trace, warn};

use super::id::TenantId;
use super::long_lists;
use super::parameter::{TenantParameters, marker};
use super::pg_transaction::PgTransaction;
use super::refusal::{Reason, Refusal, StatementKind};
use super::rewrite::Plan;
use super::shared::Shared;
use super::statement::ScopedStatement;

/// A tenant and the shared state, for connections and transactions.
#[derive(Clone)]
pub(super) struct TenantScope {
    pub(super) shared: Arc<Shared>,
    pub(super) tenant: TenantId,
}

impl TenantScope {
    /// Scopes a statement to the tenant. Changed names are read again, but a transaction must not wait for
    /// this: see [`Shared::read_names_after`].
    pub(super) async fn scope(&self, statement: Statement, may_wait: bool) -> Result<ScopedStatement, DbErr> {
        let Shared { rewriter, layers, transaction_pooler, result_types, .. } = &*self.shared;
        let statement = long_lists::compact(statement);
        let unnamed = transaction_pooler.then(|| Arc::clone(result_types));
        let values = statement.values.map_or_else(Vec::new, |values| values.0);
        let parameters = self.parameters()?;
        if !layers.rewriting() {
            let sql = format!("{}{}", statement.sql, marker(values.len(), parameters.token.is_some())).into();
            return Ok(ScopedStatement::new(sql, values, parameters, false, unnamed));
        }
        self.shared.read_stale_names(may_wait).await;
        let mut plan = rewriter.plan(&statement.sql, values.len());
        if let Err(refusal) = &plan
            && self.shared.read_names_after(refusal, may_wait).await
        {
            plan = rewriter.plan(&statement.sql, values.len());
        }
        let plan = plan
            .and_then(|plan| self.allow(plan))
            .and_then(|plan| plan.check(self.tenant, &values).map(|()| plan))
            .inspect_err(|refusal| {
                warn!(tenant_id = %self.tenant, statement = refusal.statement.name(), "refused");
            })?;
        trace!(statement = plan.kind.name(), "scoped");
        let (sql, read_only) = (Arc::clone(&plan.sql), plan.read_only);
        Ok(ScopedStatement::new(sql, values, parameters, read_only, unnamed))
    }

    /// Scopes a statement of watertight itself, which is not rewritten. It names the tenant as the parameter after its
    /// values, and row-level security gets the token.
    pub(super) fn own(&self, sql: &str, values: Vec<Value>) -> Result<ScopedStatement, DbErr> {
        let Shared { transaction_pooler, result_types, .. } = &*self.shared;
        let unnamed = transaction_pooler.then(|| Arc::clone(result_types));
        let parameters = self.parameters()?;
        let sql = format!("{sql}{}", marker(values.len(), parameters.token.is_some())).into();
        Ok(ScopedStatement::new(sql, values, parameters, false, unnamed))
    }

    /// The tenant values of a statement. They are bound even if it names no tenant table, because a function
    /// it calls may use one.
    fn parameters(&self) -> Result<TenantParameters, DbErr> {
        self.check_type()?;
        // On a cluster the transaction sets the tenant.
        let by_value = self.shared.layers.row_security() && !self.shared.distributed;
        let token = by_value.then(|| self.shared.signer.token(self.tenant)).transpose()?;
        Ok(TenantParameters { tenant: self.tenant, token })
    }

    /// Refuses a write on a read-only database here, which saves the round trip to the server.
    fn allow(&self, plan: Arc<Plan>) -> Result<Arc<Plan>, Refusal> {
        let writes = matches!(
            plan.kind,
            StatementKind::Insert | StatementKind::Update | StatementKind::Delete | StatementKind::Merge
        );
        if self.shared.read_only && writes {
            return Err(Refusal::new(plan.kind, Reason::ReadOnly));
        }
        Ok(plan)
    }

    fn check_type(&self) -> Result<(), Refusal> {
        let tenant_type = self.shared.rewriter.registry().tenant_type();
        if self.tenant.tenant_type() == tenant_type {
            return Ok(());
        }
        let reason = Reason::TenantType { given: self.tenant.to_string(), tenant_type };
        Err(Refusal::new(StatementKind::Unknown, reason))
    }

    pub(super) async fn begin(&self, mut options: TransactionOptions) -> Result<PgTransaction, DbErr> {
        self.check_type()?;
        if self.shared.read_only {
            options.access_mode = Some(AccessMode::ReadOnly);
        }
        let on_cluster =
            (self.shared.distributed && self.shared.layers.row_security()).then_some(self.tenant);
        PgTransaction::begin(self.shared.connection().await?, on_cluster, options).await
    }
}
