//! Attempts to prove a password, and the verdict of the database on each.
//!
//! Hashing takes long, and other attempts fail meanwhile. So no answer rests on the row as it was read before
//! hashing: [`Auth::judge`] locks the row, reads it again, and counts a failure in the same transaction. Of any number
//! of parallel guesses, at most as many as [`Lockout`] allows are answered; all others learn that the account is locked.

use chrono::{DateTime, Utc};
use sea_orm::{FromQueryResult, Value};
use serde_json::json;
use uuid::Uuid;

use super::Auth;
use super::audit::NewAuditEvent;
use super::audit_kinds::{AuditEventType, Severity, Source};
use super::login::LoginRefusal;
use super::password::{Password, PasswordHash};
use super::sessions::SessionMetadata;
use super::settings::Lockout;
use super::sql::LOCKED;
use crate::auth::AuthError;
use crate::tenant::TenantExecutor;
use crate::tenant::sql::{seconds, statement};
use crate::vocabulary::Handle;

/// The columns of a user's row that decide on an attempt.
#[derive(FromQueryResult)]
pub(super) struct Candidate {
    pub(super) id: Uuid,
    pub(super) handle: Handle,
    pub(super) password_hash: String,
    pub(super) is_active: bool,
    pub(super) is_locked: bool,
    pub(super) locked_until: Option<DateTime<Utc>>,
    pub(super) totp_enabled: bool,
}

impl Candidate {
    /// Why the account's state alone refuses the user.
    pub(super) fn barred(&self) -> Option<LoginRefusal> {
        if self.is_locked {
            return Some(LoginRefusal::Locked { until: self.locked_until });
        }
        (!self.is_active).then_some(LoginRefusal::Inactive)
    }
}

/// A password that was compared with a user's hash. The outcome is not to be told before [`Auth::judge`] allows it.
pub(super) struct Attempt {
    candidate: Option<Candidate>,
    /// The hash that the password matched.
    matched: Option<PasswordHash>,
}

/// The second factor of an attempt.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Factor {
    /// The operation asks for the password alone.
    NotAsked,
    /// None was given.
    Missing,
    /// One was given, and is compared once the password is known to be right.
    Unchecked,
    /// The one given does not match.
    Wrong,
    /// The one given matches.
    Right,
}

/// A user whose password is right, on an account that is active and not locked.
pub(super) struct Verified {
    pub(super) id: Uuid,
    pub(super) handle: Handle,
    pub(super) hash: PasswordHash,
    pub(super) totp_enabled: bool,
}

impl Attempt {
    /// The user of the attempt, for the audit trail.
    pub(super) fn who(&self) -> Option<(Uuid, &Handle)> {
        self.candidate.as_ref().map(|candidate| (candidate.id, &candidate.handle))
    }

    /// The verdict, from the row as it is now.
    fn verdict(&self, row: Option<Candidate>, factor: Factor) -> Result<Verified, LoginRefusal> {
        let (Some(read), Some(row)) = (&self.candidate, row) else {
            return Err(LoginRefusal::BadCredentials);
        };
        // An account that was locked when it was read: its password was not compared.
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

pub(super) fn from_client(event_type: AuditEventType, metadata: &SessionMetadata) -> NewAuditEvent {
    NewAuditEvent {
        ip_address: metadata.client_ip.map(|ip| ip.to_string()),
        user_agent: metadata.user_agent.clone(),
        ..NewAuditEvent::new(event_type)
    }
}

/// The events of a refusal. An unknown name is not logged: people type passwords into the wrong field.
fn refusal_events(
    who: Option<(Uuid, &Handle)>,
    refusal: &LoginRefusal,
    metadata: &SessionMetadata,
) -> Vec<NewAuditEvent> {
    let reason = match refusal {
        LoginRefusal::BadCredentials if who.is_none() => "unknown user",
        LoginRefusal::BadCredentials => "wrong password",
        LoginRefusal::Locked { .. } => "locked",
        LoginRefusal::Inactive => "inactive",
        LoginRefusal::SecondFactorRequired => "second factor wanted",
        LoginRefusal::SecondFactorWrong => "second factor wrong",
    };
    // The first step of every login with a second factor is no cause for a warning.
    let severity = match refusal {
        LoginRefusal::SecondFactorRequired => Severity::Info,
        _ => Severity::Warning,
    };
    let event = |event_type| NewAuditEvent {
        user_id: who.map(|(id, _)| id),
        handle: who.map(|(_, handle)| handle.to_string()),
        severity,
        source: Source::User,
        details: json!({"reason": reason}),
        ..from_client(event_type, metadata)
    };
    let factor = matches!(refusal, LoginRefusal::SecondFactorWrong);
    let factor = factor.then(|| event(AuditEventType::TotpFailure));
    factor.into_iter().chain([event(AuditEventType::LoginFailure)]).collect()
}

/// Attempts.
impl<C: TenantExecutor> Auth<'_, C> {
    pub(super) async fn candidate(
        self,
        condition: &str,
        value: Value,
    ) -> Result<Option<Candidate>, AuthError> {
        self.candidate_with(condition, value, "").await
    }

    /// The row of a user, locked until the transaction ends.
    pub(super) async fn locked_candidate(self, id: Uuid) -> Result<Option<Candidate>, AuthError> {
        self.candidate_with(r#""id" = $1"#, id.into(), "FOR UPDATE").await
    }

    async fn candidate_with(
        self,
        condition: &str,
        value: Value,
        lock: &str,
    ) -> Result<Option<Candidate>, AuthError> {
        let select = format!(
            r#"SELECT "id", "handle", "password_hash", "is_active", {LOCKED} AS "is_locked", "locked_until",
                      "totp_enabled" FROM "auth"."users" WHERE {condition} {lock}"#
        );
        let row = self.db.query_one_raw(statement(select, [value])).await?;
        Ok(row.map(|row| Candidate::from_query_result(&row, "")).transpose()?)
    }

    /// Compares a password with the hash of a user. An unknown, locked or hashless user is compared with a dummy hash,
    /// which takes as long.
    pub(super) async fn compare(
        self,
        candidate: Option<Candidate>,
        password: &Password,
    ) -> Result<Attempt, AuthError> {
        let hash = candidate.as_ref().filter(|candidate| !candidate.is_locked);
        let hash = hash.and_then(|candidate| candidate.password_hash.parse::<PasswordHash>().ok());
        let right = self.config.hasher.verify_padded(password.clone(), hash.clone()).await?;
        Ok(Attempt { candidate, matched: hash.filter(|_| right) })
    }

    /// Compares a password with the hash of a user who is known, for an operation that asks for it again.
    pub(super) async fn compare_user(self, id: Uuid, password: &Password) -> Result<Attempt, AuthError> {
        let candidate = self.candidate(r#""id" = $1"#, id.into()).await?;
        if candidate.is_none() {
            return Err(AuthError::UserNotFound { user: id.to_string() });
        }
        self.compare(candidate, password).await
    }

    /// Decides on an attempt, within a transaction: locks the row, reads it again, counts a failure and logs a
    /// refusal. The transaction is to be committed in either case.
    ///
    /// An unknown user costs the same statements as a wrong password.
    pub(super) async fn judge(
        self,
        attempt: &Attempt,
        factor: Factor,
        metadata: &SessionMetadata,
    ) -> Result<Result<Verified, LoginRefusal>, AuthError> {
        let who = attempt.who();
        let row = self.locked_candidate(who.map_or_else(Uuid::new_v4, |(id, _)| id)).await?;
        match attempt.verdict(row, factor) {
            Ok(verified) => Ok(Ok(verified)),
            // The password was right until another was set.
            Err(refusal @ LoginRefusal::BadCredentials) if attempt.matched.is_some() => {
                self.log_audit_events(refusal_events(who, &refusal, metadata)).await?;
                Ok(Err(refusal))
            }
            Err(refusal) => self.refuse(who, refusal, metadata).await.map(Err),
        }
    }

    /// Decides on an attempt in a transaction of its own: before work that only a right password is worth, and whose
    /// duration would reveal a right password.
    pub(super) async fn judge_alone(
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

    /// Counts a refusal that is a failure and logs it, within the transaction that has locked the row.
    pub(super) async fn refuse(
        self,
        who: Option<(Uuid, &Handle)>,
        refusal: LoginRefusal,
        metadata: &SessionMetadata,
    ) -> Result<LoginRefusal, AuthError> {
        let id = who.map_or_else(Uuid::new_v4, |(id, _)| id);
        let locked_now = match (&refusal, self.config.lockout()) {
            (LoginRefusal::Locked { .. } | LoginRefusal::SecondFactorRequired, _) | (_, None) => false,
            (
                LoginRefusal::BadCredentials | LoginRefusal::Inactive | LoginRefusal::SecondFactorWrong,
                Some(lockout),
            ) => self.increment_failures(id, lockout).await?,
        };
        let mut events = refusal_events(who, &refusal, metadata);
        if locked_now {
            events.push(NewAuditEvent {
                user_id: who.map(|(id, _)| id),
                handle: who.map(|(_, handle)| handle.to_string()),
                severity: Severity::Warning,
                ..from_client(AuditEventType::AccountLocked, metadata)
            });
        }
        self.log_audit_events(events).await?;
        Ok(refusal)
    }

    /// Adds a failure in the database, and locks the account when there are enough. Returns whether it is locked now.
    async fn increment_failures(self, user: Uuid, lockout: Lockout) -> Result<bool, AuthError> {
        // By arithmetic and not by CASE, in which Citus takes no time of now.
        let count = format!(
            r#"UPDATE "auth"."users" SET "login_attempts" = 1 + "login_attempts" * (NOT "is_locked"
                   AND "last_failed_login_at" IS NOT NULL
                   AND "last_failed_login_at" > CURRENT_TIMESTAMP - $2::float8 * INTERVAL '1 second')::int,
                   "last_failed_login_at" = CURRENT_TIMESTAMP,
                   "is_locked" = FALSE, "locked_until" = NULL, "lock_reason" = NULL
               WHERE "id" = $1 AND NOT {LOCKED}
               RETURNING "login_attempts""#
        );
        let counted = self
            .db
            .query_one_raw(statement(count, [user.into(), seconds(lockout.window)]))
            .await?
            .map(|row| row.try_get::<i32>("", "login_attempts"))
            .transpose()?;
        if counted.is_none_or(|failures| failures.unsigned_abs() < lockout.failures) {
            return Ok(false);
        }
        let lock = r#"UPDATE "auth"."users" SET "is_locked" = TRUE, "locked_at" = CURRENT_TIMESTAMP,
                   "locked_until" = CURRENT_TIMESTAMP + $2::float8 * INTERVAL '1 second',
                   "lock_reason" = 'too many failures to log in'
               WHERE "id" = $1"#;
        self.db.execute_raw(statement(lock, [user.into(), seconds(lockout.duration)])).await?;
        Ok(true)
    }
}
