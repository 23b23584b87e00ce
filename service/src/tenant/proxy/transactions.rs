//! The open transaction of a `TenantDatabase`.
//!
//! SeaORM calls `begin`, `commit` and `rollback` without saying which transaction is meant. The calls nest strictly as long as
//! one task makes them on one transaction and those inside it. This module refuses all other uses that it can tell apart.

mod open;
mod turn;

use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak};

use sea_orm::{DbErr, ProxyDatabaseConnection, TransactionOptions};

use self::open::Open;
pub(super) use self::turn::Turn;
use super::error::TenantDatabaseError;
use super::strand::Strand;
use crate::tenant::connection::TenantConnection;
use crate::tenant::transaction::TenantTransaction;

/// The transactions of one `TenantDatabase`: at most one is open.
pub(super) struct Transactions {
    tenant: TenantConnection,
    options: TransactionOptions,
    /// SeaORM's connection. A transaction that is begun on it adds a handle, and a nested transaction does not.
    proxy: OnceLock<Weak<ProxyDatabaseConnection>>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    ended: bool,
    failure: Option<Failure>,
    open: Option<Open>,
    /// The depths of transactions that were begun while a transaction of another task was open.
    refused: Vec<(Strand, usize)>,
    /// The number of transactions so far, which identifies the open one.
    begun: u64,
}

/// A failure after which nothing runs any more.
struct Failure {
    /// The error of later statements.
    later: TenantDatabaseError,
    /// The error of `finish`.
    at_end: DbErr,
}

impl Transactions {
    pub(super) fn new(tenant: TenantConnection, options: TransactionOptions) -> Self {
        Self { tenant, options, proxy: OnceLock::new(), state: Mutex::default() }
    }

    /// Counts the handles of SeaORM's connection from now on.
    pub(super) fn watch(&self, proxy: &Arc<ProxyDatabaseConnection>) {
        self.proxy.get_or_init(|| Arc::downgrade(proxy));
    }

    /// The transaction in which a statement of this task runs, if one is open.
    pub(super) fn enter(&self) -> Result<Option<Turn<'_>>, TenantDatabaseError> {
        let mut state = self.state();
        if state.ended {
            return Err(TenantDatabaseError::Ended);
        }
        if let Some(failure) = &state.failure {
            return Err(failure.later.clone());
        }
        let strand = Strand::current();
        if state.refused.iter().any(|(refused, _)| *refused == strand) {
            return Err(TenantDatabaseError::OtherTask);
        }
        match &state.open {
            None => Ok(None),
            Some(open) if open.strand != strand => Err(TenantDatabaseError::OtherTask),
            Some(_) => {
                let (id, depth, stack) = state.take(self.handles())?;
                Ok(Some(Turn::new(self, id, depth, stack)))
            }
        }
    }

    pub(super) fn begin(&self) {
        let (strand, handles) = (Strand::current(), self.handles());
        let mut state = self.state();
        if state.ended || state.failure.is_some() {
            return;
        }
        if let Some((_, depth)) = state.refused.iter_mut().find(|(refused, _)| *refused == strand) {
            *depth += 1;
            return;
        }
        match &mut state.open {
            Some(open) if open.strand == strand => open.nest(handles),
            Some(_) => state.refused.push((strand, 1)),
            None => {
                state.begun += 1;
                state.open = Some(Open::new(state.begun, strand, handles));
            }
        }
    }

    pub(super) async fn commit(&self) -> Result<(), DbErr> {
        let Some(mut turn) = self.commit_turn()? else { return Ok(()) };
        let committed = match turn.pop() {
            Some(transaction) => transaction.commit().await,
            None => Ok(()),
        };
        match &committed {
            Ok(()) => self.leave(turn.id),
            Err(error) => {
                let later = TenantDatabaseError::CommitFailed(error.clone());
                self.state().fail(Failure { later, at_end: error.clone() });
            }
        }
        committed
    }

    pub(super) async fn rollback(&self) -> Result<(), DbErr> {
        let Some(mut turn) = self.rollback_turn() else { return Ok(()) };
        let rolled_back = match turn.pop() {
            Some(transaction) => transaction.rollback().await,
            None => Ok(()),
        };
        self.leave(turn.id);
        rolled_back
    }

    /// Rolls the innermost transaction back, because it was dropped.
    pub(super) fn abandon(&self) {
        let mut state = self.state();
        match state.ending() {
            Ending::Own => state.close(),
            Ending::OtherTask => drop(state.fail_with(TenantDatabaseError::OtherTask)),
            Ending::NotOpen | Ending::Ignored => {}
        }
    }

    /// Ends the unit of work. An open transaction is rolled back.
    pub(super) fn end(&self) -> Result<(), DbErr> {
        let mut state = self.state();
        let open = state.open.take();
        state.ended = true;
        match state.failure.take() {
            Some(failure) => Err(failure.at_end),
            None if open.is_some() => Err(TenantDatabaseError::Open.into()),
            None => Ok(()),
        }
    }

    fn commit_turn(&self) -> Result<Option<Turn<'_>>, DbErr> {
        let mut state = self.state();
        let taken = match state.ending() {
            Ending::Own => state.take(self.handles()),
            Ending::OtherTask => Err(TenantDatabaseError::OtherTask),
            Ending::NotOpen => Err(TenantDatabaseError::Unbalanced),
            Ending::Ignored => return Ok(None),
        };
        match taken {
            Ok((id, depth, stack)) => Ok(Some(Turn::new(self, id, depth, stack))),
            Err(error) => Err(state.fail_with(error)),
        }
    }

    fn rollback_turn(&self) -> Option<Turn<'_>> {
        let mut state = self.state();
        match state.ending() {
            Ending::Own => match state.take(self.handles()) {
                Ok((id, depth, stack)) => return Some(Turn::new(self, id, depth, stack)),
                Err(_) => state.close(),
            },
            Ending::OtherTask => drop(state.fail_with(TenantDatabaseError::OtherTask)),
            Ending::NotOpen | Ending::Ignored => {}
        }
        None
    }

    /// Notes that the innermost level of a transaction has ended.
    fn leave(&self, id: u64) {
        let mut state = self.state();
        if state.open.as_ref().is_some_and(|open| open.id == id) {
            state.close();
        }
    }

    fn put_back(&self, id: u64, stack: Vec<TenantTransaction>) {
        let mut state = self.state();
        if let Some(open) = state.open.as_mut().filter(|open| open.id == id) {
            open.put_back(stack);
        }
    }

    fn break_open(&self, id: u64, error: TenantDatabaseError) {
        let mut state = self.state();
        if let Some(open) = state.open.as_mut().filter(|open| open.id == id) {
            open.break_with(error);
        }
    }

    fn handles(&self) -> usize {
        self.proxy.get().map_or(0, Weak::strong_count)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The transaction that an end of SeaORM means.
enum Ending {
    /// The innermost level of this task's transaction.
    Own,
    /// A transaction that was begun by another task.
    OtherTask,
    NotOpen,
    /// A transaction whose statements were refused.
    Ignored,
}

impl State {
    fn ending(&mut self) -> Ending {
        if self.ended || self.failure.is_some() {
            return Ending::Ignored;
        }
        let strand = Strand::current();
        if let Some((_, depth)) = self.refused.iter_mut().find(|(refused, _)| *refused == strand) {
            *depth -= 1;
            self.refused.retain(|(_, depth)| *depth > 0);
            return Ending::Ignored;
        }
        match &self.open {
            None => Ending::NotOpen,
            Some(open) if open.strand == strand => Ending::Own,
            Some(_) => Ending::OtherTask,
        }
    }

    /// Takes the levels of the open transaction, for one statement or one end.
    fn take(&mut self, handles: usize) -> Result<(u64, usize, Vec<TenantTransaction>), TenantDatabaseError> {
        let open = self.open.as_mut().ok_or(TenantDatabaseError::Unbalanced)?;
        open.observe(handles);
        Ok((open.id, open.depth, open.take()?))
    }

    /// Ends the innermost level of the open transaction.
    fn close(&mut self) {
        if self.open.as_mut().is_some_and(Open::close_level) {
            self.open = None;
        }
    }

    /// Rolls everything back, and refuses all statements from now on.
    fn fail(&mut self, failure: Failure) {
        self.open = None;
        self.failure.get_or_insert(failure);
    }

    fn fail_with(&mut self, error: TenantDatabaseError) -> DbErr {
        let at_end = DbErr::from(error.clone());
        self.fail(Failure { later: error, at_end: at_end.clone() });
        at_end
    }
}
