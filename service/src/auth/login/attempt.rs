//! Attempts to prove a password, and the decision on each.
//!
//! Hashing is slow, and other attempts fail meanwhile. No answer therefore rests on the row as read before hashing:
//! `Auth::judge` locks the row, reads it again, and counts a failure in the same transaction. Of parallel guesses, as many
//! as [`Lockout`](crate::auth::Lockout) allows are answered; all others are answered that the account is locked.

use uuid::Uuid;

use crate::auth::error::AuthError;
use crate::auth::handle::Auth;
use crate::auth::login::candidate::Candidate;
use crate::auth::login::device::Origin;
use crate::auth::refusal::LoginRefusal;
use crate::auth::users::hasher::Lane;
use crate::auth::users::password::{Password, PasswordHash};
use crate::tenant::TenantExecutor;
use crate::vocabulary::Handle;

/// A password that was compared with a user's hash. The outcome must not be revealed before `Auth::judge` allows it.
pub(in crate::auth) struct Attempt {
    candidate: Option<Candidate>,
    pub(in crate::auth) origin: Origin,
    /// The hash that the password matched.
    pub(in crate::auth) matched: Option<PasswordHash>,
}

/// The second factor of an attempt.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(in crate::auth) enum Factor {
    /// The operation requires the password alone.
    NotAsked,
    /// Not given.
    Missing,
    /// Given, and compared once the password is known to be right.
    Unchecked,
    /// Given, and wrong.
    Wrong,
    /// Given, and right.
    Right,
}

/// A user whose password is right, on an account that is active and not locked.
pub(in crate::auth) struct Verified {
    pub(in crate::auth) id: Uuid,
    pub(in crate::auth) handle: Handle,
    pub(in crate::auth) hash: PasswordHash,
    pub(in crate::auth) totp_enabled: bool,
}

impl Attempt {
    /// The user of the attempt, for the audit trail.
    pub(in crate::auth) fn user(&self) -> Option<(Uuid, &Handle)> {
        self.candidate.as_ref().map(|candidate| (candidate.id, &candidate.handle))
    }

    /// The verdict, from the current row.
    pub(in crate::auth) fn verdict(
        &self,
        row: Option<Candidate>,
        factor: Factor,
    ) -> Result<Verified, LoginRefusal> {
        let (Some(read), Some(row)) = (&self.candidate, row) else {
            return Err(LoginRefusal::BadCredentials);
        };
        // The password of an account that was locked when it was read was not compared.
        for state in [&row, read] {
            if state.is_locked {
                return Err(LoginRefusal::Locked { until: state.locked_until });
            }
        }
        let Some(hash) = self.matched.as_ref().filter(|hash| hash.expose_secret() == row.password_hash)
        else {
            return Err(LoginRefusal::BadCredentials);
        };
        if let Some(refusal) = row.barred() {
            return Err(refusal);
        }
        match factor {
            Factor::Missing if row.totp_enabled => return Err(LoginRefusal::SecondFactorRequired),
            Factor::Wrong if row.totp_enabled => return Err(LoginRefusal::SecondFactorWrong),
            Factor::NotAsked | Factor::Missing | Factor::Unchecked | Factor::Wrong | Factor::Right => {}
        }
        Ok(Verified { id: row.id, handle: row.handle, hash: hash.clone(), totp_enabled: row.totp_enabled })
    }
}

impl<C: TenantExecutor> Auth<'_, C> {
    /// Compares a password with the hash of a user. An unknown, locked or hashless user is compared with a dummy hash, so
    /// that timing reveals nothing.
    pub(in crate::auth) async fn compare(
        self,
        candidate: Option<Candidate>,
        origin: Origin,
        password: &Password,
        lane: Lane,
    ) -> Result<Attempt, AuthError> {
        let candidate = candidate.map(|candidate| self.seen_from(origin, candidate));
        let hash = candidate.as_ref().filter(|candidate| !candidate.is_locked);
        let hash = hash.and_then(|candidate| candidate.password_hash.parse::<PasswordHash>().ok());
        let right = self.hashing(lane).verify_padded(password.clone(), hash.clone()).await?;
        Ok(Attempt { candidate, origin, matched: hash.filter(|_| right) })
    }

    /// Compares a password with the hash of a known user, for an operation that requires it again.
    pub(in crate::auth) async fn compare_user(
        self,
        id: Uuid,
        origin: Origin,
        password: &Password,
    ) -> Result<Attempt, AuthError> {
        let candidate = self.candidate(r#""id" = $1"#, vec![id.into()]).await?;
        if candidate.is_none() {
            return Err(AuthError::UserNotFound { user: id.to_string() });
        }
        self.compare(candidate, origin, password, Lane::Known).await
    }
}
