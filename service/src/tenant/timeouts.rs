//! Time limits and other settings of a transaction that has begun.

use std::time::Duration;

use sea_orm::sqlx::Executor;
use sea_orm::{DbErr, TransactionOptions};

use super::driver::exec_error;
use super::error::TimeoutError;
use super::refusal::{Reason, Refusal, StatementKind};
use super::transaction::TenantTransaction;
use super::transaction_settings::TransactionSettings;
use crate::vocabulary::InvalidInput;

impl TenantTransaction {
    /// Limits the time of each following statement of the transaction (`statement_timeout`).
    ///
    /// The limit ends with the transaction, or with the rollback of the savepoint around the call. A
    /// statement that exceeds it fails with SQLSTATE `57014`, and the transaction can then only be rolled
    /// back. The time is rounded up to whole milliseconds. Zero means no limit.
    ///
    /// ```no_run
    /// use std::time::Duration;
    /// use sea_orm::{EntityTrait, TransactionSession, TransactionTrait};
    /// use watertight::entity::public::services;
    ///
    /// # async fn example(tenant: watertight::TenantConnection) -> Result<(), watertight::Error> {
    /// let transaction = tenant.begin().await?;
    /// transaction.set_statement_timeout(Duration::from_secs(5)).await?;
    /// let all = services::Entity::find().all(&transaction).await?;
    /// transaction.commit().await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`TimeoutError::InvalidInput`] for more than 2,147,483,647 milliseconds, about 24 days.
    /// [`TimeoutError::Database`] on a transaction that is not the innermost open one.
    pub async fn set_statement_timeout(&self, timeout: Duration) -> Result<(), TimeoutError> {
        self.set_timeout("statement_timeout", timeout).await
    }

    /// Limits the time that a statement waits for each lock (`lock_timeout`).
    ///
    /// The limit ends with the transaction, or with the rollback of the savepoint around the call. A
    /// statement that waits longer fails with SQLSTATE `55P03`, and the transaction can then only be rolled
    /// back. The time is rounded up to whole milliseconds. Zero means no limit.
    ///
    /// ```no_run
    /// use std::time::Duration;
    /// use sea_orm::{EntityTrait, QuerySelect, TransactionSession, TransactionTrait};
    /// use watertight::entity::public::services;
    ///
    /// # async fn example(tenant: watertight::TenantConnection) -> Result<(), watertight::Error> {
    /// let transaction = tenant.begin().await?;
    /// transaction.set_lock_timeout(Duration::from_millis(200)).await?;
    /// let locked = services::Entity::find().lock_exclusive().all(&transaction).await?;
    /// transaction.commit().await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As [`set_statement_timeout`](Self::set_statement_timeout).
    pub async fn set_lock_timeout(&self, timeout: Duration) -> Result<(), TimeoutError> {
        self.set_timeout("lock_timeout", timeout).await
    }

    async fn set_timeout(&self, setting: &'static str, timeout: Duration) -> Result<(), TimeoutError> {
        let milliseconds = milliseconds(setting, timeout)?;
        Ok(self.run_settings(format!("SET LOCAL {setting} = {milliseconds}")).await?)
    }

    /// Changes settings of the transaction, in one round trip.
    ///
    /// They end with the transaction, or with the rollback of the savepoint around the call. The isolation level and the
    /// access mode belong to the begin of a transaction and are refused here. [`TransactionSettings::fixed`] has no
    /// effect here.
    ///
    /// ```no_run
    /// use std::time::Duration;
    /// use watertight::TransactionSettings;
    ///
    /// # async fn example(transaction: watertight::TenantTransaction) -> Result<(), sea_orm::DbErr> {
    /// let settings = TransactionSettings::new().work_mem(64 << 20).lock_timeout(Duration::from_secs(1));
    /// transaction.set_local(&settings).await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// A [`Refusal`](crate::Refusal) of an invalid value, or on a transaction that is not the innermost open one; the
    /// error of the server.
    pub async fn set_local(&self, settings: &TransactionSettings) -> Result<(), DbErr> {
        let TransactionOptions { isolation_level, access_mode, .. } = settings.options();
        if isolation_level.is_some() || access_mode.is_some() {
            let reason =
                Reason::Unsupported("the isolation level or access mode of a begun transaction".into());
            return Err(Refusal::new(StatementKind::Transaction, reason).into());
        }
        let statements = settings.statements(self.server_version())?;
        if statements.is_empty() { Ok(()) } else { self.run_settings(statements.join("; ")).await }
    }

    async fn run_settings(&self, statements: String) -> Result<(), DbErr> {
        let mut session = self.session().await?;
        let set = sea_orm::sqlx::AssertSqlSafe(statements);
        let answer = session.answer();
        let done = answer.of(session.connection().execute(set)).await.and_then(|done| done);
        session.note(done.map_err(exec_error)).map(drop)
    }
}

/// Converts a time to the 32-bit milliseconds of PostgreSQL, rounded up: zero would mean no limit.
pub(super) fn milliseconds(setting: &'static str, timeout: Duration) -> Result<i32, InvalidInput> {
    let up = timeout.as_nanos().div_ceil(1_000_000);
    i32::try_from(up).map_err(|_| {
        let most = i32::MAX;
        let reason = format!("is longer than {most} milliseconds; set a shorter time, or zero for no limit");
        InvalidInput::new(setting, format!("{timeout:?}"), reason)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_rounded_up_and_bounded() {
        let ms = |timeout| milliseconds("lock_timeout", timeout).ok();
        assert_eq!(ms(Duration::ZERO), Some(0));
        assert_eq!(ms(Duration::from_nanos(1)), Some(1));
        assert_eq!(ms(Duration::from_micros(1_500)), Some(2));
        assert_eq!(ms(Duration::from_secs(5)), Some(5_000));
        assert_eq!(ms(Duration::from_millis(2_147_483_647)), Some(i32::MAX));
        assert_eq!(ms(Duration::from_millis(2_147_483_648)), None);
        assert_eq!(ms(Duration::MAX), None);
    }
}
