//! Locks of a tenant by name, until the end of a transaction.

use sea_orm::DbErr;
use sha2::{Digest, Sha256};

use super::error::LockError;
use super::id::TenantId;
use super::refusal::{Reason, Refusal, StatementKind};
use super::sealing::joined;
use super::transaction::TenantTransaction;
use crate::vocabulary::InvalidInput;

impl TenantTransaction {
    /// Waits for the lock of the tenant with this name, and holds it until the end of the transaction.
    ///
    /// One transaction at a time has the lock; the same name of another tenant is another lock. It is an advisory
    /// lock: it stops nothing but other callers of `lock` and [`try_lock`](Self::try_lock). It ends with the
    /// transaction, or with the rollback of the savepoint around the call. Locking again in the same transaction
    /// returns at once. To wait for a limited time, call [`set_lock_timeout`](Self::set_lock_timeout) before: the
    /// call then fails with SQLSTATE `55P03`.
    ///
    /// Take several locks in the same order everywhere. Two transactions that wait for each other are a deadlock: the
    /// server ends one of them with SQLSTATE `40P01`.
    ///
    /// PostgreSQL knows a lock by 64 bits, here of a SHA-256 of tenant and name. Two of a million locks that are held
    /// at the same time share these bits with a probability of 1 in 37 million. One then waits for the other, and
    /// nothing else happens.
    ///
    /// ```no_run
    /// # async fn example(tenant: watertight::TenantConnection) -> Result<(), watertight::Error> {
    /// let transaction = tenant.begin().await?;
    /// transaction.lock("import of the calendar").await?;
    /// // No other import of this tenant runs here.
    /// transaction.commit().await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`LockError::InvalidInput`] for an empty name. [`LockError::Database`] with
    /// [`Reason::ReadOnly`](crate::Reason::ReadOnly) on a replica, where a lock would not reach the primary.
    pub async fn lock(&self, name: &str) -> Result<(), LockError> {
        let key = self.lock_key(name)?;
        self.own_query("SELECT pg_catalog.pg_advisory_xact_lock($1)", vec![key.into()]).await?;
        Ok(())
    }

    /// Takes the lock of [`lock`](Self::lock) if it is free. Returns false if another transaction has it.
    ///
    /// ```no_run
    /// # async fn example(tenant: watertight::TenantConnection) -> Result<(), watertight::Error> {
    /// let transaction = tenant.begin().await?;
    /// if transaction.try_lock("nightly reminders").await? {
    ///     // This process sends the reminders of the tenant.
    /// }
    /// transaction.commit().await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As [`lock`](Self::lock).
    pub async fn try_lock(&self, name: &str) -> Result<bool, LockError> {
        let key = self.lock_key(name)?;
        let sql = "SELECT pg_catalog.pg_try_advisory_xact_lock($1) AS taken";
        let row = self.own_query(sql, vec![key.into()]).await?;
        let row = row.ok_or_else(|| DbErr::RecordNotFound("no answer to a lock".to_owned()))?;
        Ok(row.try_get("", "taken")?)
    }

    fn lock_key(&self, name: &str) -> Result<i64, LockError> {
        if name.is_empty() {
            return Err(InvalidInput::new("lock", name, "is empty; name what is locked").into());
        }
        if self.scope().shared.read_only {
            return Err(DbErr::from(Refusal::new(StatementKind::Lock, Reason::ReadOnly)).into());
        }
        Ok(key(self.tenant_id(), name))
    }
}

/// The key of a lock. No secret goes into it, so that processes with different tenant keys exclude each other.
fn key(tenant: TenantId, name: &str) -> i64 {
    let hash = Sha256::new()
        .chain_update(b"watertight lock:")
        .chain_update(joined(&[&tenant.to_string(), name]))
        .finalize();
    let mut first = [0; 8];
    first.iter_mut().zip(hash).for_each(|(to, from)| *to = from);
    i64::from_be_bytes(first)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    /// Another release has to find the same keys, or two processes hold one lock. The expected value was computed with
    /// Python's `hashlib`.
    #[test]
    fn keys_depend_on_tenant_and_name_and_do_not_change() {
        let (one, two) = (
            "7b0e8d3c-5a53-4f6e-9b0e-0f8a1f0f2a11".parse().unwrap(),
            "7b0e8d3c-5a53-4f6e-9b0e-0f8a1f0f2a12".parse().unwrap(),
        );
        assert_eq!(key(one, "import"), 2_739_584_826_867_466_850);
        assert_ne!(key(one, "import"), key(two, "import"));
        assert_ne!(key(one, "import"), key(one, "imports"));
    }
}
