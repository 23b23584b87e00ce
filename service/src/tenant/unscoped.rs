//! A connection without a tenant that refuses statements for tenant tables.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;

use async_trait::async_trait;
use sea_orm::{
    AccessMode, ConnectionTrait, DatabaseConnection, DatabaseTransaction, DbBackend, DbErr, ExecResult,
    IsolationLevel, QueryResult, QueryStream, Statement, StreamTrait, TransactionError, TransactionOptions,
    TransactionSession, TransactionStream, TransactionTrait,
};

use super::shared::Shared;

/// A connection without a tenant, for shared tables, unregistered tables and changes of the schema.
///
/// A statement that reads or changes rows of a tenant table is refused before it is sent
/// ([`Reason::TenantTableUnscoped`](crate::Reason::TenantTableUnscoped)). On the server it would find no row, without an
/// error. This includes joins and loaders that start at a shared table, such as `find_also_related`.
///
/// The text of each statement is parsed, and a text that is not understood is refused. So are settings that outlive the
/// transaction, and `BEGIN` and `COMMIT` as SQL, because the next tenant gets the pooled connection. The bodies of
/// functions are not read. Row-level security still applies to every statement.
///
/// ```no_run
/// # async fn example(water: watertight::Watertight) -> Result<(), sea_orm::DbErr> {
/// use sea_orm::ConnectionTrait;
/// use watertight::{Reason, Refusal};
///
/// let unscoped = water.unscoped();
/// unscoped.execute_unprepared("INSERT INTO postcodes (code, city) VALUES ('14850', 'Ithaca')").await?;
///
/// let refused = unscoped.execute_unprepared("SELECT email FROM auth.users").await.err();
/// let refusal = refused.as_ref().and_then(Refusal::of);
/// assert!(refusal.is_some_and(|refusal| matches!(refusal.reason, Reason::TenantTableUnscoped(_))));
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Unscoped {
    connection: DatabaseConnection,
    shared: Arc<Shared>,
}

/// A transaction of an [`Unscoped`] connection, or a savepoint inside one.
///
/// Dropping it without [`commit`](sea_orm::TransactionSession::commit) rolls it back.
///
/// ```no_run
/// # async fn example(water: watertight::Watertight) -> Result<(), sea_orm::DbErr> {
/// use sea_orm::{ConnectionTrait, TransactionSession, TransactionTrait};
///
/// let transaction = water.unscoped().begin().await?;
/// transaction.execute_unprepared("DELETE FROM postcodes").await?;
/// transaction.execute_unprepared("INSERT INTO postcodes (code, city) VALUES ('14850', 'Ithaca')").await?;
/// transaction.commit().await?;
/// # Ok(())
/// # }
/// ```
pub struct UnscopedTransaction {
    connection: DatabaseTransaction,
    shared: Arc<Shared>,
}

impl Unscoped {
    pub(crate) const fn new(connection: DatabaseConnection, shared: Arc<Shared>) -> Self {
        Self { connection, shared }
    }
}

impl fmt::Debug for Unscoped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Unscoped")
    }
}

impl fmt::Debug for UnscopedTransaction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("UnscopedTransaction")
    }
}

macro_rules! checked {
    ($checked:ty, $stream:ty) => {
        impl $checked {
            fn check(&self, sql: &str) -> Result<(), DbErr> {
                Ok(self.shared.rewriter.check_unscoped(sql)?)
            }
        }

        #[async_trait]
        impl ConnectionTrait for $checked {
            fn get_database_backend(&self) -> DbBackend {
                DbBackend::Postgres
            }

            async fn execute_raw(&self, statement: Statement) -> Result<ExecResult, DbErr> {
                self.check(&statement.sql)?;
                self.connection.execute_raw(statement).await
            }

            async fn execute_unprepared(&self, sql: &str) -> Result<ExecResult, DbErr> {
                self.check(sql)?;
                self.connection.execute_unprepared(sql).await
            }

            async fn query_one_raw(&self, statement: Statement) -> Result<Option<QueryResult>, DbErr> {
                self.check(&statement.sql)?;
                self.connection.query_one_raw(statement).await
            }

            async fn query_all_raw(&self, statement: Statement) -> Result<Vec<QueryResult>, DbErr> {
                self.check(&statement.sql)?;
                self.connection.query_all_raw(statement).await
            }
        }

        impl StreamTrait for $checked {
            type Stream<'a> = $stream;

            fn get_database_backend(&self) -> DbBackend {
                DbBackend::Postgres
            }

            fn stream_raw<'a>(
                &'a self,
                statement: Statement,
            ) -> Pin<Box<dyn Future<Output = Result<Self::Stream<'a>, DbErr>> + 'a + Send>> {
                match self.check(&statement.sql) {
                    Ok(()) => self.connection.stream_raw(statement),
                    Err(error) => Box::pin(std::future::ready(Err(error))),
                }
            }
        }

        #[async_trait]
        impl TransactionTrait for $checked {
            type Transaction = UnscopedTransaction;

            async fn begin(&self) -> Result<UnscopedTransaction, DbErr> {
                let connection = self.connection.begin().await?;
                Ok(UnscopedTransaction { connection, shared: Arc::clone(&self.shared) })
            }

            async fn begin_with_config(
                &self,
                isolation_level: Option<IsolationLevel>,
                access_mode: Option<AccessMode>,
            ) -> Result<UnscopedTransaction, DbErr> {
                let connection = self.connection.begin_with_config(isolation_level, access_mode).await?;
                Ok(UnscopedTransaction { connection, shared: Arc::clone(&self.shared) })
            }

            async fn begin_with_options(
                &self,
                options: TransactionOptions,
            ) -> Result<UnscopedTransaction, DbErr> {
                let connection = self.connection.begin_with_options(options).await?;
                Ok(UnscopedTransaction { connection, shared: Arc::clone(&self.shared) })
            }

            async fn transaction<F, T, E>(&self, callback: F) -> Result<T, TransactionError<E>>
            where
                F: for<'c> FnOnce(
                        &'c UnscopedTransaction,
                    ) -> Pin<Box<dyn Future<Output = Result<T, E>> + Send + 'c>>
                    + Send,
                T: Send,
                E: fmt::Display + fmt::Debug + Send,
            {
                self.begin().await?.run(callback).await
            }

            async fn transaction_with_config<F, T, E>(
                &self,
                callback: F,
                isolation_level: Option<IsolationLevel>,
                access_mode: Option<AccessMode>,
            ) -> Result<T, TransactionError<E>>
            where
                F: for<'c> FnOnce(
                        &'c UnscopedTransaction,
                    ) -> Pin<Box<dyn Future<Output = Result<T, E>> + Send + 'c>>
                    + Send,
                T: Send,
                E: fmt::Display + fmt::Debug + Send,
            {
                self.begin_with_config(isolation_level, access_mode).await?.run(callback).await
            }
        }
    };
}

checked!(Unscoped, QueryStream);
checked!(UnscopedTransaction, TransactionStream<'a>);

impl UnscopedTransaction {
    /// Runs a callback: `Ok` commits the transaction, `Err` rolls it back.
    async fn run<F, T, E>(self, callback: F) -> Result<T, TransactionError<E>>
    where
        F: for<'c> FnOnce(&'c Self) -> Pin<Box<dyn Future<Output = Result<T, E>> + Send + 'c>> + Send,
        T: Send,
        E: fmt::Display + fmt::Debug + Send,
    {
        match callback(&self).await {
            Ok(value) => {
                self.connection.commit().await?;
                Ok(value)
            }
            Err(error) => {
                self.connection.rollback().await?;
                Err(TransactionError::Transaction(error))
            }
        }
    }
}

#[async_trait]
impl TransactionSession for UnscopedTransaction {
    async fn commit(self) -> Result<(), DbErr> {
        self.connection.commit().await
    }

    async fn rollback(self) -> Result<(), DbErr> {
        self.connection.rollback().await
    }
}
