//! The methods of `TransactionTrait` and `TransactionSession` on a transaction. Callers need no trait in scope.

use std::fmt;
use std::pin::Pin;

use sea_orm::{
    AccessMode, DbErr, IsolationLevel, TransactionError, TransactionOptions, TransactionSession,
    TransactionTrait,
};

use super::TenantTransaction;

/// Commit, rollback and nested transactions, with the methods of a `DatabaseTransaction`.
impl TenantTransaction {
    /// Commits the transaction.
    ///
    /// # Errors
    /// A [`Refusal`](crate::Refusal) while a nested transaction is open, or the error of the server, such as
    /// a serialization failure.
    pub async fn commit(self) -> Result<(), DbErr> {
        TransactionSession::commit(self).await
    }

    /// Rolls the transaction back.
    ///
    /// # Errors
    /// As [`commit`](Self::commit).
    pub async fn rollback(self) -> Result<(), DbErr> {
        TransactionSession::rollback(self).await
    }

    /// Begins a nested transaction, which is a savepoint.
    ///
    /// ```no_run
    /// # async fn example(transaction: watertight::TenantTransaction) -> Result<(), sea_orm::DbErr> {
    /// let attempt = transaction.begin().await?;
    /// match attempt.execute_unprepared("UPDATE services SET display_order = display_order + 1").await {
    ///     Ok(_) => attempt.commit().await?,
    ///     // The statements before the savepoint are kept.
    ///     Err(_) => attempt.rollback().await?,
    /// }
    /// transaction.commit().await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// A [`Refusal`](crate::Refusal) while another nested transaction is open, or the error of the server.
    pub async fn begin(&self) -> Result<TenantTransaction, DbErr> {
        TransactionTrait::begin(self).await
    }

    /// Begins a nested transaction.
    ///
    /// An isolation level or an access mode is refused, because both belong to the outermost transaction.
    ///
    /// # Errors
    /// As [`begin`](Self::begin).
    pub async fn begin_with_config(
        &self,
        isolation_level: Option<IsolationLevel>,
        access_mode: Option<AccessMode>,
    ) -> Result<TenantTransaction, DbErr> {
        TransactionTrait::begin_with_config(self, isolation_level, access_mode).await
    }

    /// Begins a nested transaction, as [`begin_with_config`](Self::begin_with_config) does.
    ///
    /// # Errors
    /// As [`begin`](Self::begin).
    pub async fn begin_with_options(&self, options: TransactionOptions) -> Result<TenantTransaction, DbErr> {
        TransactionTrait::begin_with_options(self, options).await
    }

    /// Runs a callback in a nested transaction: `Ok` commits it, `Err` rolls it back.
    ///
    /// # Errors
    /// The error of the callback, or an error at the begin or the end of the transaction.
    pub async fn transaction<F, T, E>(&self, callback: F) -> Result<T, TransactionError<E>>
    where
        F: for<'c> FnOnce(&'c TenantTransaction) -> Pin<Box<dyn Future<Output = Result<T, E>> + Send + 'c>>
            + Send,
        T: Send,
        E: fmt::Display + fmt::Debug + Send,
    {
        TransactionTrait::transaction(self, callback).await
    }

    /// Runs a callback in a nested transaction with an isolation level and an access mode.
    ///
    /// # Errors
    /// As [`transaction`](Self::transaction).
    pub async fn transaction_with_config<F, T, E>(
        &self,
        callback: F,
        isolation_level: Option<IsolationLevel>,
        access_mode: Option<AccessMode>,
    ) -> Result<T, TransactionError<E>>
    where
        F: for<'c> FnOnce(&'c TenantTransaction) -> Pin<Box<dyn Future<Output = Result<T, E>> + Send + 'c>>
            + Send,
        T: Send,
        E: fmt::Display + fmt::Debug + Send,
    {
        TransactionTrait::transaction_with_config(self, callback, isolation_level, access_mode).await
    }

    /// Runs an async closure in a nested transaction. The closure can borrow from its surroundings.
    ///
    /// # Errors
    /// As [`transaction`](Self::transaction).
    pub async fn transaction_async<F, T, E>(&self, callback: F) -> Result<T, TransactionError<E>>
    where
        F: for<'c> AsyncFnOnce(&'c TenantTransaction) -> Result<T, E> + Send,
        T: Send,
        E: fmt::Display + fmt::Debug + Send,
    {
        self.begin().await?.run_async(callback).await
    }

    /// Runs an async closure in a nested transaction with an isolation level and an access mode.
    ///
    /// # Errors
    /// As [`transaction`](Self::transaction).
    pub async fn transaction_with_config_async<F, T, E>(
        &self,
        callback: F,
        isolation_level: Option<IsolationLevel>,
        access_mode: Option<AccessMode>,
    ) -> Result<T, TransactionError<E>>
    where
        F: for<'c> AsyncFnOnce(&'c TenantTransaction) -> Result<T, E> + Send,
        T: Send,
        E: fmt::Display + fmt::Debug + Send,
    {
        self.begin_with_config(isolation_level, access_mode).await?.run_async(callback).await
    }
}
