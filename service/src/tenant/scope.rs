//! Scopes statements of the application to a tenant.

use std::sync::Arc;

use sea_orm::{AccessMode, DbErr, Statement, TransactionOptions, Value};
use tracing::{trace, warn};

use super::id::TenantId;
use super::long_lists;
use super::parameter::{TenantParameters, marker};
use super::pg_transaction::PgTransaction;
use super::refusal::{Reason, Refusal, StatementKind};
use super::rewrite::{Plan, SettingUse};
use super::shared::Shared;
use super::statement::ScopedStatement;

/// A tenant and the shared state, for connections and transactions.
#[derive(Clone)]
pub(super) struct TenantScope {
    pub(super) shared: Arc<Shared>,
    pub(super) tenant: TenantId,
    /// Whether SQL cannot change the settings of the transaction.
    pub(super) fixed: bool,
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
            let sql = verbatim(&statement.sql, values.len(), &parameters);
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
            .and_then(|plan| plan.check(self.tenant, &values).map(|()| plan));
        let plan = match plan {
            Ok(plan) => plan,
            Err(refusal) if self.reports(&statement.sql, values.len(), &refusal) => {
                let sql = verbatim(&statement.sql, values.len(), &parameters);
                return Ok(ScopedStatement::new(sql, values, parameters, false, unnamed).unchecked());
            }
            Err(refusal) => {
                warn!(tenant_id = %self.tenant, statement = refusal.statement.name(), "refused");
                return Err(refusal.into());
            }
        };
        trace!(statement = plan.kind.name(), "scoped");
        if let Some(settings) = plan.settings {
            self.allow_setting(plan.kind, settings, may_wait)?;
            return Ok(ScopedStatement::of_setting(Arc::clone(&plan.sql), unnamed));
        }
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

    /// Whether a refused statement is sent all the same, in report-only mode.
    fn reports(&self, text: &str, values: usize, refusal: &Refusal) -> bool {
        let mode = self.shared.report_only.as_ref();
        mode.is_some_and(|mode| mode.reports(self.tenant, text, values, refusal))
    }

    /// Refuses a change of a setting where it has no effect, or where the transaction does not allow it.
    fn allow_setting(&self, kind: StatementKind, settings: SettingUse, alone: bool) -> Result<(), Refusal> {
        match settings {
            SettingUse::Changes if alone => Err(Refusal::new(kind, Reason::OutsideTransaction)),
            SettingUse::Changes if self.fixed => Err(Refusal::new(kind, Reason::FixedSettings)),
            SettingUse::Shows | SettingUse::Changes => Ok(()),
        }
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

    /// The version of the server, if it is known.
    pub(super) fn server_version(&self) -> Option<u32> {
        self.shared.rewriter.snapshot().server_version()
    }

    pub(super) async fn begin(&self, options: TransactionOptions) -> Result<PgTransaction, DbErr> {
        self.begin_with(options, "").await
    }

    /// Begins a transaction and runs the statements of its settings, in the same round trip.
    pub(super) async fn begin_with(
        &self,
        mut options: TransactionOptions,
        settings: &str,
    ) -> Result<PgTransaction, DbErr> {
        self.check_type()?;
        if self.shared.read_only {
            options.access_mode = Some(AccessMode::ReadOnly);
        }
        let on_cluster =
            (self.shared.distributed && self.shared.layers.row_security()).then_some(self.tenant);
        PgTransaction::begin_with(self.shared.connection().await?, on_cluster, options, settings).await
    }
}

/// The text of the application, with the comment about the bound values.
fn verbatim(text: &str, values: usize, parameters: &TenantParameters) -> Arc<str> {
    format!("{text}{}", marker(values, parameters.token.is_some())).into()
}
