use std::mem;

use sea_orm::DbErr;

use super::{TenantDatabaseError, Transactions};
use crate::tenant::transaction::TenantTransaction;

/// The levels of the open transaction, taken for one statement or one end.
///
/// Dropping it gives them back, also if the future of the statement is dropped.
pub(in crate::tenant::proxy) struct Turn<'a> {
    transactions: &'a Transactions,
    pub(super) id: u64,
    depth: usize,
    stack: Vec<TenantTransaction>,
}

impl<'a> Turn<'a> {
    pub(super) const fn new(
        transactions: &'a Transactions,
        id: u64,
        depth: usize,
        stack: Vec<TenantTransaction>,
    ) -> Self {
        Self { transactions, id, depth, stack }
    }

    /// The innermost transaction. It is begun now, so that the error of a failed begin has a statement to return it.
    pub(in crate::tenant::proxy) async fn innermost(&mut self) -> Result<&TenantTransaction, DbErr> {
        let Transactions { tenant, options, .. } = self.transactions;
        while self.stack.len() < self.depth {
            let begun = match self.stack.last() {
                None => tenant.begin_with_options(*options).await,
                Some(outer) => outer.begin().await,
            };
            match begun {
                Ok(begun) => self.stack.push(begun),
                Err(error) => {
                    self.transactions.break_open(self.id, TenantDatabaseError::BeginFailed(error.clone()));
                    return Err(error);
                }
            }
        }
        self.stack.last().ok_or_else(|| TenantDatabaseError::Unbalanced.into())
    }

    /// Takes the innermost transaction, unless the server has not begun it.
    pub(super) fn pop(&mut self) -> Option<TenantTransaction> {
        if self.stack.len() == self.depth { self.stack.pop() } else { None }
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        self.transactions.put_back(self.id, mem::take(&mut self.stack));
    }
}
