use std::sync::atomic::{AtomicUsize, Ordering};

use sea_orm::sqlx::{AssertSqlSafe, Database, PgConnection, Postgres, SqlSafeStr};
use sea_orm::{DbErr, TransactionOptions};
use sqlx_core::transaction::TransactionManager;
use tokio::sync::{Mutex, MutexGuard};
use watertight_schema::sql;

use super::answer::Answer;
use super::driver::{
    exec_error, is_outcome_unknown, lost_before_commit, not_committed, query_error, sql_state,
};
use super::id::TenantId;
use super::pooled::PooledConnection;
use super::refusal::{Reason, Refusal, StatementKind};
use super::signing::unsigned;
use super::statement::ScopedStatement;
use super::unnamed::{self, Run};

type Transactions = <Postgres as Database>::TransactionManager;

/// A pooled connection inside a transaction.
///
/// Dropping it rolls the transaction back before the connection returns to the pool. If it is dropped while
/// the transaction begins, the state of the server is unknown. The connection is then closed, so that the
/// next tenant does not get a connection inside this transaction.
pub(super) struct PgTransaction {
    connection: PooledConnection,
    begun: bool,
    /// Whether a statement has failed, so that the server refuses all others until a rollback.
    aborted: bool,
    /// Whether the connection was lost, so that a commit cannot arrive.
    lost: bool,
}

impl PgTransaction {
    /// Begins a transaction. On a cluster it also sets the tenant for row-level security, in the same round
    /// trip. Elsewhere every statement sets the tenant.
    pub(super) async fn begin(
        connection: PooledConnection,
        on_cluster: Option<TenantId>,
        options: TransactionOptions,
    ) -> Result<Self, DbErr> {
        Self::begin_with(connection, on_cluster, options, "").await
    }

    /// Begins a transaction, and runs statements that change its settings in the same round trip.
    ///
    /// If one of them fails, the connection is closed.
    pub(super) async fn begin_with(
        connection: PooledConnection,
        on_cluster: Option<TenantId>,
        options: TransactionOptions,
        settings: &str,
    ) -> Result<Self, DbErr> {
        let mut session = Self { connection, begun: false, aborted: false, lost: false };
        let opening = AssertSqlSafe(opening(on_cluster, options) + settings).into_sql_str();
        let begun = session.answer().of(Transactions::begin(&mut session.connection, Some(opening))).await;
        begun.and_then(|begun| begun).map_err(query_error).map_err(not_committed)?;
        session.begun = true;
        Ok(session)
    }

    /// Closes the connection at the end of the transaction if a statement is unchecked.
    pub(super) fn close_after(&mut self, scoped: &ScopedStatement) {
        if scoped.unchecked {
            self.connection.close_on_drop();
        }
    }

    pub(super) fn connection(&mut self) -> &mut PgConnection {
        &mut self.connection
    }

    /// The generation of the connection.
    pub(super) const fn born(&self) -> u64 {
        self.connection.born()
    }

    /// The number of nested open transactions.
    fn depth(&self) -> usize {
        Transactions::get_transaction_depth(&self.connection)
    }

    async fn savepoint(&mut self) -> Result<(), DbErr> {
        let done = self.answer().of(Transactions::begin(&mut self.connection, None)).await;
        self.note(done.and_then(|done| done).map_err(query_error))
    }

    /// The wait for the server's answers.
    pub(super) fn answer(&self) -> Answer {
        self.connection.answer()
    }

    /// Runs a statement of the transaction.
    pub(super) async fn run<R: Run>(&mut self, how: R, scoped: ScopedStatement) -> Result<R::Output, DbErr> {
        self.close_after(&scoped);
        let answer = self.answer();
        let run = answer.of(unnamed::run(how, scoped, self.connection())).await.map_err(exec_error);
        self.note(run.and_then(|run| run))
    }

    /// Remembers whether a statement failed on the server, or the connection was lost. The statement is not committed.
    pub(super) fn note<T>(&mut self, result: Result<T, DbErr>) -> Result<T, DbErr> {
        self.aborted |= result.as_ref().is_err_and(|error| sql_state(error).is_some());
        self.lost |= result.as_ref().is_err_and(is_outcome_unknown);
        result.map_err(not_committed)
    }

    /// Commits the innermost transaction. One with a failed statement is rolled back and refused: the server
    /// answers its `COMMIT` with a rollback that looks like a success.
    pub(super) async fn commit(&mut self) -> Result<(), DbErr> {
        if self.lost {
            return Err(lost_before_commit());
        }
        if self.aborted {
            // A connection that was lost meanwhile has rolled back.
            self.rollback().await.ok();
            return Err(Refusal::new(StatementKind::Transaction, Reason::Aborted).into());
        }
        let is_outermost = self.depth() <= 1;
        let done = self.answer().of(Transactions::commit(&mut self.connection)).await;
        let done = done.and_then(|done| done).map_err(query_error);
        if is_outermost { done } else { self.note(done) }
    }

    /// Rolls the innermost transaction back.
    async fn rollback(&mut self) -> Result<(), DbErr> {
        self.aborted = false;
        let done = self.answer().of(Transactions::rollback(&mut self.connection)).await;
        self.note(done.and_then(|done| done).map_err(query_error))
    }

    /// Queues the rollback of the transaction at the given depth and of the transactions inside it.
    fn start_rollback_to(&mut self, depth: usize) {
        while self.depth() >= depth {
            self.aborted = false;
            Transactions::start_rollback(&mut self.connection);
        }
    }
}

impl Drop for PgTransaction {
    fn drop(&mut self) {
        if self.begun {
            self.start_rollback_to(1);
        } else {
            self.connection.close_on_drop();
        }
    }
}

/// The statements that begin a transaction.
///
/// A cluster propagates a setting made by `SET LOCAL` to its workers, but not a setting made by a bound
/// value. `SET LOCAL`, unlike `set_config`, takes no snapshot, so the first statement of the transaction
/// still takes it.
fn opening(on_cluster: Option<TenantId>, options: TransactionOptions) -> String {
    let level = options.isolation_level.map_or_else(String::new, |level| format!(" ISOLATION LEVEL {level}"));
    let mode = options.access_mode.map_or_else(String::new, |mode| format!(" {mode}"));
    let setting = on_cluster.map_or_else(String::new, |tenant| {
        // A cluster does not verify signatures.
        let token = sql::literal(&unsigned(tenant));
        format!("; SET LOCAL citus.propagate_set_commands = 'local'; SET LOCAL watertight.tenant = {token}")
    });
    format!("BEGIN{level}{mode}{setting}")
}

/// A connection shared by nested transactions.
pub(super) struct SharedPgTransaction {
    session: Mutex<PgTransaction>,
    /// The outermost depth of a transaction that was dropped while another task held the lock.
    abandoned: AtomicUsize,
}

const NONE_ABANDONED: usize = usize::MAX;

impl SharedPgTransaction {
    pub(super) fn new(session: PgTransaction) -> Self {
        Self { session: Mutex::new(session), abandoned: AtomicUsize::new(NONE_ABANDONED) }
    }

    /// Locks the connection for the transaction at the given depth, which must be the innermost.
    pub(super) async fn lock(&self, depth: usize) -> Result<MutexGuard<'_, PgTransaction>, DbErr> {
        let mut session = self.session.lock().await;
        let abandoned = self.abandoned.swap(NONE_ABANDONED, Ordering::AcqRel);
        session.start_rollback_to(abandoned);
        if session.depth() == depth {
            Ok(session)
        } else {
            Err(Refusal::new(StatementKind::Transaction, Reason::Nesting).into())
        }
    }

    /// Begins a transaction inside the one at the given depth, and returns the new depth.
    pub(super) async fn nest(&self, depth: usize) -> Result<usize, DbErr> {
        self.lock(depth).await?.savepoint().await?;
        Ok(depth + 1)
    }

    pub(super) async fn commit(&self, depth: usize) -> Result<(), DbErr> {
        self.lock(depth).await?.commit().await
    }

    pub(super) async fn rollback(&self, depth: usize) -> Result<(), DbErr> {
        self.lock(depth).await?.rollback().await
    }

    /// Rolls the transaction at the given depth back, now or before the next use of the connection.
    pub(super) fn abandon(&self, depth: usize) {
        match self.session.try_lock() {
            Ok(mut session) => session.start_rollback_to(depth),
            Err(_) => {
                self.abandoned.fetch_min(depth, Ordering::AcqRel);
            }
        }
    }
}
