//! Verifying passwords, counting failures, changing passwords.

use chrono::{DateTime, Utc};
use sea_orm::{ColumnTrait, EntityTrait, FromQueryResult, QueryFilter, TransactionSession};
use serde_json::json;
use uuid::Uuid;
use watertight_entity::auth::sessions;

use super::Auth;
use super::audit::NewAuditEvent;
use super::audit_kinds::{AuditEventType, Severity, Source};
use super::password::{Password, PasswordHash};
use super::sessions::SessionMetadata;
use super::settings::Lockout;
use super::sql::LOCKED;
use crate::sql::{seconds, statement};
use crate::{Error, Handle, Tenant};

use super::login::LoginRefusal;

/// Whom a password is verified for.
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

/// Someone whose password was right.
pub(super) struct Verified {
    pub(super) id: Uuid,
    pub(super) handle: Handle,
    pub(super) hash: PasswordHash,
    pub(super) totp_enabled: bool,
}

pub(super) fn from_client(event_type: AuditEventType, metadata: &SessionMetadata) -> NewAuditEvent {
    NewAuditEvent {
        ip_address: metadata.client_ip.map(|ip| ip.to_string()),
        user_agent: metadata.user_agent.clone(),
        ..NewAuditEvent::new(event_type)
    }
}

/// What is logged of a refusal. The name that nobody has is not: people type passwords into the wrong field.
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
        LoginRefusal::SecondFactorWanted => "second factor wanted",
        LoginRefusal::SecondFactorWrong => "second factor wrong",
    };
    let event = |event_type| NewAuditEvent {
        user_id: who.map(|(id, _)| id),
        handle: who.map(|(_, handle)| handle.to_string()),
        severity: Severity::Warning,
        source: Source::User,
        details: json!({"reason": reason}),
        ..from_client(event_type, metadata)
    };
    let factor = matches!(refusal, LoginRefusal::SecondFactorWrong);
    let factor = factor.then(|| event(AuditEventType::TotpFailure));
    factor.into_iter().chain([event(AuditEventType::LoginFailure)]).collect()
}

/// Passwords.
impl<C: Tenant> Auth<'_, C> {
    pub(super) async fn candidate(
        self,
        condition: &str,
        value: sea_orm::Value,
    ) -> Result<Option<Candidate>, Error> {
        let select = format!(
            r#"SELECT "id", "handle", "password_hash", "is_active", {LOCKED} AS "is_locked", "locked_until",
                      "totp_enabled" FROM "auth"."users" WHERE {condition}"#
        );
        let row = self.db.query_one_raw(statement(select, [value])).await?;
        Ok(row.map(|row| Candidate::from_query_result(&row, "")).transpose()?)
    }

    /// Verifies the password of a user, as a login does, for what asks it again.
    pub(super) async fn verify_user(self, id: Uuid, password: &Password) -> Result<Verified, Error> {
        let candidate = self.candidate(r#""id" = $1"#, id.into()).await?;
        if candidate.is_none() {
            return Err(Error::UserNotFound { user: id.to_string() });
        }
        self.verify(candidate, password, &SessionMetadata::default()).await
    }

    pub(super) async fn verify(
        self,
        candidate: Option<Candidate>,
        password: &Password,
        metadata: &SessionMetadata,
    ) -> Result<Verified, Error> {
        // Whoever is locked is verified against nobody: it takes as long, and tells nothing about the password.
        let hash = candidate.as_ref().filter(|candidate| !candidate.is_locked);
        let hash = hash.and_then(|candidate| candidate.password_hash.parse::<PasswordHash>().ok());
        let right = self.config.hasher.verify(password.clone(), hash.clone()).await?;
        match (candidate, hash) {
            (Some(Candidate { is_locked: true, id, handle, locked_until, .. }), _) => {
                let refused = LoginRefusal::Locked { until: locked_until };
                self.log_refusal(Some((id, &handle)), &refused, metadata).await?;
                Err(refused.into())
            }
            (Some(candidate), Some(hash)) if right => {
                let Candidate { id, handle, is_active, totp_enabled, .. } = candidate;
                if !is_active {
                    self.log_refusal(Some((id, &handle)), &LoginRefusal::Inactive, metadata).await?;
                    return Err(LoginRefusal::Inactive.into());
                }
                Ok(Verified { id, handle, hash, totp_enabled })
            }
            (candidate, _) => {
                let who = candidate.as_ref().map(|candidate| (candidate.id, &candidate.handle));
                Err(self.count_failure(who, LoginRefusal::BadCredentials, metadata).await?.into())
            }
        }
    }

    /// Counts a failure and logs it, and gives what to refuse with: the account may be locked now.
    ///
    /// For nobody the same statements are run, so that it takes as long.
    pub(super) async fn count_failure(
        self,
        who: Option<(Uuid, &Handle)>,
        refusal: LoginRefusal,
        metadata: &SessionMetadata,
    ) -> Result<LoginRefusal, Error> {
        let transaction = self.db.begin().await?;
        let auth = self.on(&transaction);
        let id = who.map_or_else(Uuid::new_v4, |(id, _)| id);
        let locked_now = match self.config.lockout() {
            Some(lockout) => auth.increment_failures(id, lockout).await?,
            None => false,
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
        auth.log_audit_events(events).await?;
        transaction.commit().await?;
        Ok(refusal)
    }

    /// One more failure: the database adds it to what is there then, and locks the account when there are enough.
    /// Whether it has locked it now. One that is locked counts no further.
    async fn increment_failures(self, user: Uuid, lockout: Lockout) -> Result<bool, Error> {
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

    async fn log_refusal(
        self,
        who: Option<(Uuid, &Handle)>,
        refusal: &LoginRefusal,
        metadata: &SessionMetadata,
    ) -> Result<(), Error> {
        self.log_audit_events(refusal_events(who, refusal, metadata)).await?;
        Ok(())
    }

    /// Gives a user another password, for which it asks the one they have, and ends their other sessions: all but
    /// `keep`.
    ///
    /// # Errors
    /// [`Error::LoginRefused`] for a wrong password, which counts as a failure to log in, and for one that was changed
    /// meanwhile; [`Error::UserNotFound`].
    pub async fn change_password(
        self,
        user: Uuid,
        current: &Password,
        new: Password,
        keep: Option<Uuid>,
    ) -> Result<(), Error> {
        let verified = self.verify_user(user, current).await?;
        let hash = self.config.hasher.hash(new).await?;
        let transaction = self.db.begin().await?;
        let auth = self.on(&transaction);
        let update = statement(
            r#"UPDATE "auth"."users" SET "password_hash" = $3, "password_changed_at" = CURRENT_TIMESTAMP,
                   "updated_at" = CURRENT_TIMESTAMP, "login_attempts" = 0
               WHERE "id" = $1 AND "password_hash" = $2"#,
            [user.into(), verified.hash.expose_secret().into(), hash.expose_secret().into()],
        );
        {
            use sea_orm::ConnectionTrait;
            if transaction.execute_raw(update).await?.rows_affected() == 0 {
                return Err(LoginRefusal::BadCredentials.into());
            }
        }
        let others = sessions::Entity::delete_many().filter(sessions::Column::UserId.eq(user));
        let others = match keep {
            Some(keep) => others.filter(sessions::Column::Id.ne(keep)),
            None => others,
        };
        let ended = others.exec(&transaction).await?.rows_affected;
        let event = NewAuditEvent {
            user_id: Some(user),
            handle: Some(verified.handle.to_string()),
            source: Source::User,
            details: json!({"sessionsEnded": ended}),
            ..NewAuditEvent::new(AuditEventType::PasswordChanged)
        };
        auth.log_audit_events(vec![event]).await?;
        Ok(transaction.commit().await?)
    }

    /// Hashes a password, on a blocking thread.
    ///
    /// # Errors
    /// [`Error::NoRandomness`].
    pub async fn hash_password(self, password: Password) -> Result<PasswordHash, Error> {
        self.config.hasher.hash(password).await
    }

    /// Whether a password is the one that was hashed, on a blocking thread.
    ///
    /// # Errors
    /// None but that the runtime is shutting down.
    pub async fn verify_password(self, password: Password, hash: PasswordHash) -> Result<bool, Error> {
        self.config.hasher.verify(password, Some(hash)).await
    }

    /// Whether a hash is of a lower cost than the settings'.
    #[must_use]
    pub fn needs_rehash(self, hash: &PasswordHash) -> bool {
        self.config.hasher.needs_rehash(hash)
    }
}
