//! A connection of the pool for the duration of one statement.

use sea_orm::DbErr;
use sea_orm::sqlx::PgConnection;

use super::pg_transaction::PgTransaction;
use super::pooled::PooledConnection;

/// A connection of the pool for one statement.
pub(super) enum Lease {
    /// No transaction is opened: the statement commits on its own.
    Plain(PooledConnection),
    /// A transaction that was opened for the statement.
    Transaction { session: PgTransaction, read_only: bool },
}

impl Lease {
    pub(super) fn connection(&mut self) -> &mut PgConnection {
        match self {
            Self::Plain(connection) => connection,
            Self::Transaction { session, .. } => session.connection(),
        }
    }

    /// The generation of the connection.
    pub(super) const fn born(&self) -> u64 {
        match self {
            Self::Plain(connection) => connection.born(),
            Self::Transaction { session, .. } => session.born(),
        }
    }

    /// Ends the lease. A read-only transaction is rolled back in the background, which saves a round trip.
    pub(super) async fn end(self) -> Result<(), DbErr> {
        match self {
            Self::Transaction { mut session, read_only: false } => session.commit().await,
            _ => Ok(()),
        }
    }
}
