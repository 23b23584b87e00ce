//! A message that a worker is handling.

use std::fmt;

use sea_orm::{EntityTrait, Statement, TransactionSession};
use uuid::Uuid;

use super::statements::Claim;
use crate::tenant::error::OutboxError;
use crate::tenant::statement::ScopedStatement;
use crate::tenant::transaction::TenantTransaction;

/// A message with the transaction of its tenant. Dropping it without [`done`](Self::done) rolls the transaction back,
/// and the message is due again later.
///
/// ```no_run
/// # async fn example<E: sea_orm::EntityTrait>(outbox: watertight::Outbox<E>) -> Result<(), watertight::Error> {
/// if let Some(delivery) = outbox.next().await? {
///     println!("{:?} of tenant {}", delivery.message(), delivery.tenant().tenant_id());
///     delivery.done().await?;
/// }
/// # Ok(())
/// # }
/// ```
#[must_use = "a message is due again unless `done` is called"]
pub struct Delivery<E: EntityTrait> {
    transaction: TenantTransaction,
    message: E::Model,
    claim: Claim,
    delete: Statement,
}

impl<E: EntityTrait> Delivery<E> {
    pub(super) const fn new(
        transaction: TenantTransaction,
        message: E::Model,
        claim: Claim,
        delete: Statement,
    ) -> Self {
        Self { transaction, message, claim, delete }
    }

    /// The message.
    pub const fn message(&self) -> &E::Model {
        &self.message
    }

    /// The transaction of the message's tenant. [`done`](Self::done) commits it.
    pub const fn tenant(&self) -> &TenantTransaction {
        &self.transaction
    }

    /// The ID of the message, which is the same in every attempt.
    #[must_use]
    pub const fn id(&self) -> Uuid {
        self.claim.id
    }

    /// The number of this attempt, from 1.
    #[must_use]
    pub const fn attempt(&self) -> u32 {
        self.claim.attempt
    }

    /// Rolls the transaction back and waits for it. A delivery that is dropped is rolled back in the background.
    pub(super) async fn roll_back(self) -> Result<(), OutboxError> {
        Ok(TransactionSession::rollback(self.transaction).await?)
    }

    /// Deletes the message and commits the transaction.
    ///
    /// ```no_run
    /// # async fn example<E: sea_orm::EntityTrait>(delivery: watertight::Delivery<E>) -> Result<(), watertight::Error> {
    /// delivery.done().await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`OutboxError::Database`], after which the changes are rolled back. If the connection is lost during the commit, it
    /// is unknown whether the message was handled. The next attempt then finds out: the message is gone or not.
    pub async fn done(self) -> Result<(), OutboxError> {
        self.transaction.verbatim(ScopedStatement::verbatim(self.delete)).await?;
        Ok(TransactionSession::commit(self.transaction).await?)
    }
}

impl<E: EntityTrait> fmt::Debug for Delivery<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Delivery")
            .field("id", &self.claim.id)
            .field("tenant_id", &self.claim.tenant)
            .field("attempt", &self.claim.attempt)
            .finish_non_exhaustive()
    }
}
