//! Decisions on attempts.

use uuid::Uuid;

use crate::auth::error::AuthError;
use crate::auth::handle::Auth;
use crate::auth::login::attempt::{Attempt, Factor, Verified};
use crate::auth::login::refusing::refusal_events;
use crate::auth::refusal::LoginRefusal;
use crate::auth::sessions::metadata::SessionMetadata;
use crate::tenant::TenantExecutor;

impl<C: TenantExecutor> Auth<'_, C> {
    /// Decides on an attempt, within a transaction: locks the row, reads it again, counts a failure and logs a
    /// refusal. The caller commits the transaction in either case.
    ///
    /// An unknown user costs the same statements as a wrong password.
    pub(in crate::auth) async fn judge(
        self,
        attempt: &Attempt,
        factor: Factor,
        metadata: &SessionMetadata,
    ) -> Result<Result<Verified, LoginRefusal>, AuthError> {
        let user = attempt.user();
        let row = self.locked_candidate(user.map_or_else(Uuid::new_v4, |(id, _)| id)).await?;
        let row = row.map(|row| self.seen_from(attempt.origin, row));
        match attempt.verdict(row, factor) {
            Ok(verified) => Ok(Ok(verified)),
            // The password was right until another was set.
            Err(refusal @ LoginRefusal::BadCredentials) if attempt.matched.is_some() => {
                self.audit().log_all(refusal_events(user, &refusal, metadata)).await?;
                Ok(Err(refusal))
            }
            Err(refusal) => self.refuse(user, attempt.origin, refusal, metadata).await.map(Err),
        }
    }

    /// Decides on an attempt in a transaction of its own, before work that only a right password causes and whose duration
    /// would reveal it.
    pub(in crate::auth) async fn judge_alone(
        self,
        attempt: &Attempt,
        factor: Factor,
        metadata: &SessionMetadata,
    ) -> Result<Verified, AuthError> {
        let transaction = self.db.begin().await?;
        let verdict = self.on(&transaction).judge(attempt, factor, metadata).await?;
        transaction.commit().await?;
        Ok(verdict?)
    }
}
