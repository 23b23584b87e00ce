use super::TenantDatabaseError;
use crate::tenant::proxy::strand::Strand;
use crate::tenant::transaction::TenantTransaction;

/// An open transaction and the savepoints inside it.
pub(super) struct Open {
    pub(super) id: u64,
    /// The task that began it.
    pub(super) strand: Strand,
    /// The number of levels that SeaORM has begun.
    pub(super) depth: usize,
    /// The levels that the server has. They are begun before the next statement. `None` while a statement runs.
    stack: Option<Vec<TenantTransaction>>,
    /// The handles of SeaORM's connection at the last call.
    handles: usize,
    /// Set if the last call ended a nested transaction.
    has_closed: bool,
    broken: Option<TenantDatabaseError>,
}

impl Open {
    pub(super) const fn new(id: u64, strand: Strand, handles: usize) -> Self {
        Self { id, strand, depth: 1, stack: Some(Vec::new()), handles, has_closed: false, broken: None }
    }

    /// Begins a level. A transaction that is not nested has a handle of its own to SeaORM's connection.
    pub(super) fn nest(&mut self, handles: usize) {
        if handles > self.handles {
            self.break_with(TenantDatabaseError::SecondTransaction);
        }
        self.observe(handles);
        self.depth += 1;
    }

    /// Notes the handles of SeaORM's connection. The end of a nested transaction leaves them unchanged.
    pub(super) fn observe(&mut self, handles: usize) {
        if self.has_closed && handles < self.handles {
            self.break_with(TenantDatabaseError::SecondTransaction);
        }
        self.has_closed = false;
        self.handles = handles;
    }

    /// Refuses every later statement, and the commit.
    pub(super) fn break_with(&mut self, error: TenantDatabaseError) {
        self.broken.get_or_insert(error);
    }

    /// Takes the levels of the server, for one statement or one end.
    pub(super) fn take(&mut self) -> Result<Vec<TenantTransaction>, TenantDatabaseError> {
        if let Some(broken) = &self.broken {
            return Err(broken.clone());
        }
        let stack = self.stack.take();
        stack.ok_or_else(|| {
            self.break_with(TenantDatabaseError::Concurrent);
            TenantDatabaseError::Concurrent
        })
    }

    /// Takes the levels back. Those that have ended meanwhile are rolled back.
    pub(super) fn put_back(&mut self, mut stack: Vec<TenantTransaction>) {
        stack.truncate(self.depth);
        self.stack = Some(stack);
    }

    /// Ends the innermost level, and returns whether it was the last.
    pub(super) fn close_level(&mut self) -> bool {
        self.depth -= 1;
        self.has_closed = true;
        if let Some(stack) = &mut self.stack {
            stack.truncate(self.depth);
        }
        self.depth == 0
    }
}
