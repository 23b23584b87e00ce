//! A connection of the pool for the duration of one statement.

use sea_orm::DbErr;
use sea_orm::sqlx::PgConnection;

use super::answer::Answer;
use super::driver::not_committed;
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

    /// The wait for the server's answers.
    pub(super) fn answer(&self) -> Answer {
        match self {
            Self::Plain(connection) => connection.answer(),
            Self::Transaction { session, .. } => session.answer(),
        }
    }

    /// Adds to the result of a statement whether it may have been carried out: not if it is uncommitted or reads.
    pub(super) fn note<T>(&mut self, result: Result<T, DbErr>, read_only: bool) -> Result<T, DbErr> {
        match self {
            Self::Plain(_) if read_only => result.map_err(not_committed),
            Self::Plain(_) => result,
            Self::Transaction { session, .. } => session.note(result),
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
