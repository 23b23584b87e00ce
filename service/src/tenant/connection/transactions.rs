//! The methods of `TransactionTrait` on a connection. Callers need no trait in scope.

use std::fmt;
use std::pin::Pin;

use sea_orm::{AccessMode, DbErr, IsolationLevel, TransactionError, TransactionOptions, TransactionTrait};
use tracing::instrument;

use super::TenantConnection;
use crate::tenant::scope::TenantScope;
use crate::tenant::transaction::TenantTransaction;
use crate::tenant::transaction_settings::TransactionSettings;

/// Transactions, with the methods of a `DatabaseConnection`.
impl TenantConnection {
    /// Begins a transaction of the tenant.
    ///
    /// ```no_run
    /// # async fn example(tenant: watertight::TenantConnection) -> Result<(), sea_orm::DbErr> {
    /// let transaction = tenant.begin().await?;
    /// transaction.execute_unprepared("DELETE FROM reviews").await?;
    /// transaction.commit().await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// The error of the pool or the server.
    pub async fn begin(&self) -> Result<TenantTransaction, DbErr> {
        TransactionTrait::begin(self).await
    }

    /// Begins a transaction with an isolation level and an access mode.
    ///
    /// ```no_run
    /// use sea_orm::{AccessMode, EntityTrait, IsolationLevel};
    /// use watertight::entity::public::{bookings, clients};
    ///
    /// # async fn example(tenant: watertight::TenantConnection) -> Result<(), sea_orm::DbErr> {
    /// let (level, mode) = (Some(IsolationLevel::RepeatableRead), Some(AccessMode::ReadOnly));
    /// let snapshot = tenant.begin_with_config(level, mode).await?;
    /// let clients = clients::Entity::find().all(&snapshot).await?;
    /// let bookings = bookings::Entity::find().all(&snapshot).await?;
    /// # Ok(())
    /// # }
    /// ```
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

    /// Begins a transaction with options.
    ///
    /// # Errors
    /// As [`begin`](Self::begin).
    pub async fn begin_with_options(&self, options: TransactionOptions) -> Result<TenantTransaction, DbErr> {
        TransactionTrait::begin_with_options(self, options).await
    }

    /// Begins a transaction with settings, in the same round trip as [`begin`](Self::begin).
    ///
    /// ```no_run
    /// use std::time::Duration;
    /// use watertight::TransactionSettings;
    ///
    /// # async fn example(tenant: watertight::TenantConnection) -> Result<(), sea_orm::DbErr> {
    /// let limits = TransactionSettings::new().statement_timeout(Duration::from_secs(5));
    /// let transaction = tenant.begin_with_settings(&limits).await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// A [`Refusal`](crate::Refusal) of an invalid value, or the error of the pool or the server, for example for an
    /// unknown time zone or constraint.
    #[instrument(level = "debug", skip_all, fields(tenant_id = %self.tenant_id()))]
    pub async fn begin_with_settings(
        &self,
        settings: &TransactionSettings,
    ) -> Result<TenantTransaction, DbErr> {
        let statements = settings.statements(self.scope.server_version())?;
        let following =
            if statements.is_empty() { String::new() } else { format!("; {}", statements.join("; ")) };
        let session = self.scope.begin_with(settings.options(), &following).await?;
        let scope = TenantScope { fixed: settings.is_fixed(), ..self.scope.clone() };
        Ok(TenantTransaction::new(scope, session))
    }

    /// Runs an async closure in a transaction with settings: `Ok` commits it, `Err` rolls it back.
    ///
    /// ```no_run
    /// use sea_orm::{DbErr, EntityTrait, TransactionError};
    /// use watertight::TransactionSettings;
    /// use watertight::entity::public::clients;
    ///
    /// # async fn example(tenant: watertight::TenantConnection) -> Result<(), TransactionError<DbErr>> {
    /// let settings = TransactionSettings::new().work_mem(64 << 20);
    /// let clients = tenant
    ///     .transaction_with_settings_async(&settings, async |transaction| {
    ///         clients::Entity::find().all(transaction).await
    ///     })
    ///     .await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// The error of the callback, or those of [`begin_with_settings`](Self::begin_with_settings).
    pub async fn transaction_with_settings_async<F, T, E>(
        &self,
        settings: &TransactionSettings,
        callback: F,
    ) -> Result<T, TransactionError<E>>
    where
        F: for<'c> AsyncFnOnce(&'c TenantTransaction) -> Result<T, E> + Send,
        T: Send,
        E: fmt::Display + fmt::Debug + Send,
    {
        self.begin_with_settings(settings).await?.run_async(callback).await
    }

    /// Runs a callback in a transaction: `Ok` commits it, `Err` rolls it back.
    ///
    /// ```no_run
    /// # use sea_orm::{DbErr, TransactionError};
    /// # async fn example(tenant: watertight::TenantConnection) -> Result<(), TransactionError<DbErr>> {
    /// tenant
    ///     .transaction(|transaction| {
    ///         Box::pin(async move {
    ///             transaction.execute_unprepared("DELETE FROM reviews").await?;
    ///             transaction.execute_unprepared("DELETE FROM packages").await
    ///         })
    ///     })
    ///     .await?;
    /// # Ok(())
    /// # }
    /// ```
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

    /// Runs a callback in a transaction with an isolation level and an access mode.
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

    /// Runs an async closure in a transaction. The closure can borrow from its surroundings.
    ///
    /// ```no_run
    /// use sea_orm::{DbErr, EntityTrait, PaginatorTrait};
    /// use watertight::entity::public::{clients, services};
    ///
    /// # async fn example(tenant: watertight::TenantConnection) -> Result<(), Box<dyn std::error::Error>> {
    /// let mut counts = Vec::new();
    /// tenant
    ///     .transaction_async(async |transaction| {
    ///         counts.push(services::Entity::find().count(transaction).await?);
    ///         counts.push(clients::Entity::find().count(transaction).await?);
    ///         Ok::<(), DbErr>(())
    ///     })
    ///     .await?;
    /// # Ok(())
    /// # }
    /// ```
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

    /// Runs an async closure in a transaction with an isolation level and an access mode.
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
