//! Reading the columns of a row by position.

use sea_orm::{DbErr, QueryResult, TryGetable};

/// The columns of a row in order. Looking up each column by name would take as long as all other work of reading it.
pub(in crate::auth) struct Columns<'r> {
    row: &'r QueryResult,
    next: usize,
}

impl<'r> Columns<'r> {
    pub(in crate::auth) const fn of(row: &'r QueryResult) -> Self {
        Self { row, next: 0 }
    }

    pub(in crate::auth) fn take<T: TryGetable>(&mut self) -> Result<T, DbErr> {
        let next = self.next;
        self.next += 1;
        self.row.try_get_by_index(next)
    }
}
