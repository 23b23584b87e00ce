//! The messages of an outbox table, for the worker that handles them.

mod delivery;
mod statements;

use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;
use std::time::Duration;

use sea_orm::{EntityTrait, FromQueryResult, TransactionOptions};

pub use self::delivery::Delivery;
use self::statements::{Claim, Statements};
use super::driver::sql_state;
use super::error::OutboxError;
use super::pg_transaction::PgTransaction;
use super::refusal::{Reason, Refusal, StatementKind};
use super::scope::TenantScope;
use super::shared::Shared;
use super::statement::ScopedStatement;
use super::transaction::TenantTransaction;
use super::unnamed::QueryAll;

/// The messages of all tenants in an [outbox table](crate::Builder::outbox_table), for a worker.
///
/// The worker connects as the role that `TenantTable::outbox` names. Each message is handled in a transaction of its
/// tenant, which also deletes the message. So changes of the database are made exactly once, however often the worker
/// fails. Everything else, such as an e-mail, happens at least once: pass the ID of the message on as an idempotency key.
///
/// Any number of workers can run. A message that was not handled is due again after a growing delay, and it is no longer
/// handled after the [last attempt](Self::max_attempts).
///
/// ```no_run
/// # mod outbox {
/// #     use sea_orm::entity::prelude::*;
/// #     #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
/// #     #[sea_orm(schema_name = "public", table_name = "outbox")]
/// #     pub struct Model {
/// #         #[sea_orm(primary_key, auto_increment = false)]
/// #         pub tenant_id: Uuid,
/// #         #[sea_orm(primary_key, auto_increment = false)]
/// #         pub id: Uuid,
/// #         pub kind: String,
/// #     }
/// #     #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
/// #     pub enum Relation {}
/// #     impl ActiveModelBehavior for ActiveModel {}
/// # }
/// use std::time::Duration;
///
/// use sea_orm::DbErr;
/// use watertight::{TenantTransaction, Watertight};
///
/// async fn handle(tenant: &TenantTransaction, message: outbox::Model) -> Result<(), DbErr> {
///     println!("{} for tenant {}", message.kind, tenant.tenant_id());
///     Ok(())
/// }
///
/// # async fn example() -> Result<(), watertight::Error> {
/// let worker = Watertight::builder()
///     .outbox_table(outbox::Entity)
///     .connect("postgres://watertight_worker@localhost/clinic")
///     .await?;
/// let outbox = worker.outbox(outbox::Entity)?;
/// loop {
///     let run = outbox.work(100, handle).await?;
///     if run.done + run.failed == 0 {
///         tokio::time::sleep(Duration::from_secs(1)).await;
///     }
/// }
/// # }
/// ```
pub struct Outbox<E> {
    shared: Arc<Shared>,
    statements: Statements,
    max_attempts: u32,
    first_delay: Duration,
    longest_delay: Duration,
    of: PhantomData<fn() -> E>,
}

/// The numbers of messages that a call of [`Outbox::work`] handled.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct OutboxRun {
    /// Messages that were handled and deleted.
    pub done: u64,
    /// Messages whose handler returned an error. They are due again later.
    pub failed: u64,
}

impl<E: EntityTrait> Outbox<E> {
    pub(crate) fn new(shared: Arc<Shared>, entity: &E) -> Result<Self, OutboxError> {
        let table = shared.rewriter.registry().table_of(entity);
        if !shared.rewriter.registry().is_outbox(&table) {
            return Err(OutboxError::NotRegistered { table: table.to_string() });
        }
        if shared.distributed {
            return Err(OutboxError::Cluster { table: table.to_string() });
        }
        let tenant_column = shared.rewriter.registry().tenant_column(&table).to_owned();
        Ok(Self {
            shared,
            statements: Statements::new(table, tenant_column),
            max_attempts: 10,
            first_delay: Duration::from_secs(30),
            longest_delay: Duration::from_hours(1),
            of: PhantomData,
        })
    }

    /// Sets the number of attempts after which a message is no longer handled; 10 by default.
    ///
    /// Such a message stays in the table, and [`stalled`](Self::stalled) counts it. To try again, set `attempts` to 0 as
    /// the worker's role.
    ///
    /// ```no_run
    /// # fn example<E: sea_orm::EntityTrait>(outbox: watertight::Outbox<E>) {
    /// let outbox = outbox.max_attempts(3);
    /// # }
    /// ```
    #[must_use]
    pub const fn max_attempts(mut self, attempts: u32) -> Self {
        self.max_attempts = attempts;
        self
    }

    /// Sets the delay after the first attempt and the longest delay; 30 seconds and an hour by default.
    ///
    /// The delay doubles with each attempt. It begins when the attempt begins. A handler may take longer: no other worker gets its message.
    ///
    /// ```no_run
    /// # fn example<E: sea_orm::EntityTrait>(outbox: watertight::Outbox<E>) {
    /// use std::time::Duration;
    ///
    /// let outbox = outbox.delays(Duration::from_secs(5), Duration::from_mins(10));
    /// # }
    /// ```
    #[must_use]
    pub const fn delays(mut self, first: Duration, longest: Duration) -> Self {
        self.first_delay = first;
        self.longest_delay = longest;
        self
    }

    /// Takes the message that has been due for the longest time, or `None` if none is due.
    ///
    /// It counts the attempt before it returns the message, so that a message that ends the process is not handled
    /// forever.
    ///
    /// ```no_run
    /// # async fn example<E: sea_orm::EntityTrait>(outbox: watertight::Outbox<E>) -> Result<(), watertight::Error> {
    /// while let Some(delivery) = outbox.next().await? {
    ///     println!("attempt {} of message {}", delivery.attempt(), delivery.id());
    ///     delivery.done().await?;
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`OutboxError::NotPermitted`] for a role that is not the worker's. [`OutboxError::Database`], with
    /// [`Reason::ReadOnly`](crate::Reason::ReadOnly) on a replica.
    pub async fn next(&self) -> Result<Option<Delivery<E>>, OutboxError> {
        while let Some(claim) = self.claim().await? {
            let transaction =
                PgTransaction::begin(self.shared.connection().await?, None, TransactionOptions::default())
                    .await?;
            let scope = TenantScope { shared: Arc::clone(&self.shared), tenant: claim.tenant, fixed: false };
            let transaction = TenantTransaction::new(scope, transaction);
            let statement = ScopedStatement::verbatim(self.statements.message::<E>(&claim));
            // Another worker may have claimed the message meanwhile, if its delay was short.
            if let Some(row) = transaction.verbatim(statement).await?.first() {
                let message = E::Model::from_query_result(row, "")?;
                let delete = self.statements.delete(&claim);
                return Ok(Some(Delivery::new(transaction, message, claim, delete)));
            }
        }
        Ok(None)
    }

    /// Handles up to `limit` due messages one after the other, and returns the number of messages handled.
    ///
    /// The handler runs in a transaction of the message's tenant. If it returns an error, its changes are rolled back
    /// and the error is logged. A failed statement is an error, too, even if the handler ignores it.
    ///
    /// ```no_run
    /// # async fn example<E: sea_orm::EntityTrait>(outbox: watertight::Outbox<E>) -> Result<(), watertight::Error> {
    /// let handle = async |tenant: &watertight::TenantTransaction, _message: E::Model| -> Result<(), sea_orm::DbErr> {
    ///     println!("a message of tenant {}", tenant.tenant_id());
    ///     Ok(())
    /// };
    /// println!("{} messages", outbox.work(10, handle).await?.done);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As [`next`](Self::next). An error of a handler is not an error of this call.
    pub async fn work<F, X>(&self, limit: u64, handler: F) -> Result<OutboxRun, OutboxError>
    where
        F: for<'c> AsyncFn(&'c TenantTransaction, E::Model) -> Result<(), X>,
        X: fmt::Display,
    {
        let mut run = OutboxRun::default();
        while run.done + run.failed < limit {
            let Some(delivery) = self.next().await? else { break };
            let (id, tenant, attempt) = (delivery.id(), delivery.tenant().tenant_id(), delivery.attempt());
            let answer = handler(delivery.tenant(), delivery.message().clone()).await;
            let problem = match answer {
                Ok(()) => delivery.done().await.map_err(|error| error.to_string()),
                Err(error) => {
                    // The loss of the connection has rolled the transaction back, too.
                    delivery.roll_back().await.ok();
                    Err(error.to_string())
                }
            };
            match problem {
                Ok(()) => run.done += 1,
                Err(error) => {
                    run.failed += 1;
                    tracing::warn!(%id, tenant_id = %tenant, attempt, error, "a message was not handled");
                }
            }
        }
        Ok(run)
    }

    /// The number of messages that are no longer handled, because they reached the last attempt.
    ///
    /// ```no_run
    /// # async fn example<E: sea_orm::EntityTrait>(outbox: watertight::Outbox<E>) -> Result<(), watertight::Error> {
    /// println!("{} messages need a look", outbox.stalled().await?);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As [`next`](Self::next).
    pub async fn stalled(&self) -> Result<u64, OutboxError> {
        let rows = self.run(self.statements.stalled(self.max_attempts)).await?;
        let count: i64 = rows.first().map_or(Ok(0), |row| row.try_get("", "count"))?;
        Ok(count.unsigned_abs())
    }

    async fn claim(&self) -> Result<Option<Claim>, OutboxError> {
        if self.shared.read_only {
            let refusal = Refusal::new(StatementKind::Update, Reason::ReadOnly);
            return Err(sea_orm::DbErr::from(refusal).into());
        }
        let claim = self.statements.claim(self.max_attempts, self.first_delay, self.longest_delay);
        let rows = self.run(claim).await?;
        rows.first().map(Claim::read).transpose()
    }

    /// Runs a statement for all tenants in a transaction of its own.
    async fn run(&self, statement: sea_orm::Statement) -> Result<Vec<sea_orm::QueryResult>, OutboxError> {
        let connection = self.shared.connection().await?;
        let mut transaction = PgTransaction::begin(connection, None, TransactionOptions::default()).await?;
        let rows = transaction.run(QueryAll, ScopedStatement::verbatim(statement)).await;
        let rows = rows.map_err(|error| match sql_state(&error).as_deref() {
            Some("42501") => OutboxError::NotPermitted { table: self.statements.table().to_string() },
            _ => error.into(),
        })?;
        transaction.commit().await?;
        Ok(rows)
    }
}

impl<E> fmt::Debug for Outbox<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Outbox").field("table", &self.statements.table()).finish_non_exhaustive()
    }
}
