//! Logging in and out, and being known again.

use chrono::{DateTime, Utc};
use sea_orm::{ColumnTrait, EntityTrait, FromQueryResult, QueryFilter, TransactionSession};
use secrecy::{ExposeSecret, SecretString};
use serde_json::json;
use uuid::Uuid;
use watertight_entity::auth::sessions;

use super::Auth;
use super::audit::NewAuditEvent;
use super::audit_kinds::{AuditEventType, Severity, Source};
use super::names::{Handle, Identifier};
use super::password::{Password, PasswordHash};
use super::sessions::{Session, SessionMetadata};
use super::settings::Lockout;
use super::sql::{LOCKED, user_columns};
use super::token::SessionToken;
use super::users::User;
use crate::sql::{seconds, statement};
use crate::{Error, Tenant};

/// Why someone was not let in.
///
/// What of it an application tells them is its decision: `Locked` says that the account exists, `Inactive` and those
/// of the second factor that the password was right.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LoginRefusal {
    /// No such user, or the wrong password: not told apart.
    #[error("the name or the password is wrong")]
    BadCredentials,
    /// The account is locked. The password was not looked at.
    #[error("the account is locked{}", until.map_or_else(String::new, |until| format!(" until {until}")))]
    Locked {
        /// When the lock lapses; `None` when someone has to lift it.
        until: Option<DateTime<Utc>>,
    },
    /// The user may not log in. The password was right.
    #[error("the account is not active")]
    Inactive,
    /// The password was right, and a second factor is wanted with it.
    #[error("a code of the second factor is wanted")]
    SecondFactorWanted,
    /// The password was right, and the second factor wrong, or used before.
    #[error("the code of the second factor is wrong or has been used")]
    SecondFactorWrong,
}

/// What a user proves with that they have the second factor.
#[derive(Debug, Clone)]
pub enum SecondFactor {
    /// What the authenticator app shows.
    Totp(SecretString),
    /// One of the backup codes.
    BackupCode(SecretString),
}

/// What someone wants to be let in with.
///
/// ```
/// use watertight::auth::{LoginRequest, Password, SecondFactor};
///
/// let request = LoginRequest {
///     second_factor: Some(SecondFactor::Totp("123456".into())),
///     ..LoginRequest::new("jess@example.com".parse()?, Password::new("correct horse")?)
/// };
/// # Ok::<(), watertight::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct LoginRequest {
    /// A handle or an email address.
    pub identifier: Identifier,
    /// The password.
    pub password: Password,
    /// The second factor, for those of whom it is asked.
    pub second_factor: Option<SecondFactor>,
    /// What is known of who it is.
    pub metadata: SessionMetadata,
}

impl LoginRequest {
    /// A login with a password alone, of someone of whom nothing is known.
    #[must_use]
    pub fn new(identifier: Identifier, password: Password) -> Self {
        Self { identifier, password, second_factor: None, metadata: SessionMetadata::default() }
    }
}

/// Someone was let in.
#[derive(Debug, Clone)]
pub struct Login {
    /// Who.
    pub user: User,
    /// The session that was begun.
    pub session: Session,
    /// What they are known again by: the value of a cookie.
    pub token: SessionToken,
    /// How many backup codes remain, when one was used up.
    pub backup_codes_remaining: Option<usize>,
}

/// Someone is known again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Authenticated {
    /// Who, as they are now.
    pub user: User,
    /// Their session.
    pub session: Session,
    /// Whether the session is about to end: then [`renew_session`](Auth::renew_session).
    pub renewal_due: bool,
}

/// Whom a password is verified for.
#[derive(FromQueryResult)]
pub(super) struct Candidate {
    id: Uuid,
    pub(super) handle: Handle,
    password_hash: String,
    is_active: bool,
    is_locked: bool,
    locked_until: Option<DateTime<Utc>>,
    totp_enabled: bool,
}

/// Someone whose password was right.
pub(super) struct Verified {
    id: Uuid,
    pub(super) handle: Handle,
    hash: PasswordHash,
    totp_enabled: bool,
}

/// A second factor that is right, and yet to be used up.
enum Proof {
    None,
    TotpStep(u64),
    BackupCode(String),
}

/// Logging in and out.
impl<C: Tenant> Auth<'_, C> {
    /// Lets a user in: verifies the password, and the second factor where it is enrolled, begins a session, and writes
    /// the audit events. An unknown user takes as long as a wrong password, and costs the database as much.
    ///
    /// Failures are counted in the database and lock the account as [`Lockout`] says. A password that is right after
    /// the account was locked is refused, also when it was being verified meanwhile. A hash of a lower cost than the
    /// settings' is made anew.
    ///
    /// In a transaction of the application's a refusal is counted only if that is committed, so log in outside one.
    ///
    /// # Errors
    /// [`Error::LoginRefused`]; [`Error::NotConfigured`] without [`signing_keys`](super::AuthSettings::signing_keys),
    /// before anything else.
    pub async fn login(self, request: LoginRequest) -> Result<Login, Error> {
        let keys = self.config.signing_keys()?;
        let LoginRequest { identifier, password, second_factor, metadata } = request;
        metadata.check()?;
        let named = match &identifier {
            Identifier::Handle(handle) => (r#""handle" = $1"#, handle.as_str()),
            Identifier::Email(email) => (r#""email" = $1"#, email.as_str()),
        };
        let candidate = self.candidate(named.0, named.1.into()).await?;
        let verified = self.verify(candidate, &password, &metadata).await?;

        let proof = match (verified.totp_enabled, second_factor) {
            (false, _) => Some(Proof::None),
            (true, None) => return Err(LoginRefusal::SecondFactorWanted.into()),
            (true, Some(SecondFactor::Totp(code))) => {
                self.matching_totp_step(verified.id, code.expose_secret()).await?.map(Proof::TotpStep)
            }
            (true, Some(SecondFactor::BackupCode(code))) => {
                self.matching_backup_code(verified.id, code.expose_secret()).await?.map(Proof::BackupCode)
            }
        };
        let Some(proof) = proof else {
            return self.refuse_second_factor(&verified, &metadata).await;
        };
        let mut rehashed = None;
        if self.config.hasher.needs_rehash(&verified.hash) {
            rehashed = Some(self.config.hasher.hash(password).await?);
        }

        let transaction = self.db.begin().await?;
        let auth = self.on(&transaction);
        let Some(user) = auth.admit(&verified, rehashed.as_ref(), &metadata).await? else {
            drop(transaction);
            return Err(self.why_not(&verified).await?.into());
        };
        let (proven, event, remaining) = match proof {
            Proof::None => (true, None, None),
            Proof::TotpStep(step) => {
                (auth.use_totp_step(verified.id, step).await?, Some(AuditEventType::TotpSuccess), None)
            }
            Proof::BackupCode(id) => {
                let remaining = auth.use_backup_code(verified.id, &id).await?;
                (remaining.is_some(), None, remaining)
            }
        };
        if !proven {
            drop(transaction);
            return self.refuse_second_factor(&verified, &metadata).await;
        }
        let session = auth.create_session(verified.id, &metadata).await?;
        let by_user = |event_type| NewAuditEvent {
            user_id: Some(verified.id),
            handle: Some(verified.handle.to_string()),
            source: Source::User,
            ..from_client(event_type, &metadata)
        };
        let session_created = NewAuditEvent {
            details: json!({"session": session.id}),
            ..by_user(AuditEventType::SessionCreated)
        };
        let events = event.map(by_user).into_iter();
        let events = events.chain([by_user(AuditEventType::LoginSuccess), session_created]);
        auth.log_audit_events(events.collect()).await?;
        transaction.commit().await?;
        let token = keys.sign(self.db.tenant_id(), session.id)?;
        Ok(Login { user, session, token, backup_codes_remaining: remaining })
    }

    async fn candidate(self, condition: &str, value: sea_orm::Value) -> Result<Option<Candidate>, Error> {
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

    async fn verify(
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

    async fn refuse_second_factor<T>(
        self,
        verified: &Verified,
        metadata: &SessionMetadata,
    ) -> Result<T, Error> {
        let who = Some((verified.id, &verified.handle));
        Err(self.count_failure(who, LoginRefusal::SecondFactorWrong, metadata).await?.into())
    }

    /// Counts a failure and logs it, and gives what to refuse with: the account may be locked now.
    ///
    /// For nobody the same statements are run, so that it takes as long.
    async fn count_failure(
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

    /// One more failure, in one statement: the database adds it to what is there then, and locks the account when
    /// there are enough. Whether it has locked it now. One that is locked counts no further.
    async fn increment_failures(self, user: Uuid, lockout: Lockout) -> Result<bool, Error> {
        let failures = r#"(CASE WHEN "last_failed_login_at" > CURRENT_TIMESTAMP - $2::float8 * INTERVAL '1 second'
            AND NOT "is_locked" THEN "login_attempts" ELSE 0 END + 1)"#;
        let count = format!(
            r#"UPDATE "auth"."users" SET "login_attempts" = {failures},
                   "last_failed_login_at" = CURRENT_TIMESTAMP,
                   "is_locked" = {failures} >= $3,
                   "locked_at" = CASE WHEN {failures} >= $3 THEN CURRENT_TIMESTAMP ELSE "locked_at" END,
                   "locked_until" = CASE WHEN {failures} >= $3
                       THEN CURRENT_TIMESTAMP + $4::float8 * INTERVAL '1 second' END,
                   "lock_reason" = CASE WHEN {failures} >= $3 THEN 'too many failures to log in' END
               WHERE "id" = $1 AND NOT {LOCKED}
               RETURNING "is_locked""#
        );
        let failures = i32::try_from(lockout.failures).unwrap_or(i32::MAX);
        let values = [user.into(), seconds(lockout.window), failures.into(), seconds(lockout.duration)];
        let row = self.db.query_one_raw(statement(count, values)).await?;
        Ok(row.map(|row| row.try_get("", "is_locked")).transpose()?.unwrap_or(false))
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

    /// Lets a user in whose password was right, unless the row says otherwise by now: the password was changed, the
    /// account locked or made inactive meanwhile.
    async fn admit(
        self,
        verified: &Verified,
        rehashed: Option<&PasswordHash>,
        metadata: &SessionMetadata,
    ) -> Result<Option<User>, Error> {
        let update = format!(
            r#"UPDATE "auth"."users" SET "login_attempts" = 0, "last_login_at" = CURRENT_TIMESTAMP,
                   "is_locked" = FALSE, "locked_until" = NULL, "lock_reason" = NULL,
                   "password_hash" = $3, "ip_address" = $4, "user_agent" = $5
               WHERE "id" = $1 AND "password_hash" = $2 AND "is_active" AND NOT {LOCKED}
               RETURNING {}"#,
            user_columns("")
        );
        let values = [
            verified.id.into(),
            verified.hash.expose_secret().into(),
            rehashed.unwrap_or(&verified.hash).expose_secret().into(),
            metadata.client_ip.map(|ip| ip.to_string()).into(),
            metadata.user_agent.clone().into(),
        ];
        let row = self.db.query_one_raw(statement(update, values)).await?;
        Ok(row.map(|row| User::from_query_result(&row, "")).transpose()?)
    }

    /// Why someone whose password was right was not let in after all.
    async fn why_not(self, verified: &Verified) -> Result<LoginRefusal, Error> {
        let candidate = self.candidate(r#""id" = $1"#, verified.id.into()).await?;
        Ok(match candidate {
            Some(Candidate { is_locked: true, locked_until, .. }) => {
                LoginRefusal::Locked { until: locked_until }
            }
            Some(Candidate { is_active: false, .. }) => LoginRefusal::Inactive,
            _ => LoginRefusal::BadCredentials,
        })
    }

    /// Who holds a token: their session, live by the database's clock, and the user as they are now, in one query.
    /// `None` when the token is malformed, forged or another tenant's, for which the database is not asked, and when
    /// the session has ended or the user may not be here: deleted, inactive, or locked by someone. A lock of failures
    /// ends no session: whoever guesses at a password would log its owner out.
    ///
    /// # Errors
    /// [`Error::NotConfigured`] without [`signing_keys`](super::AuthSettings::signing_keys).
    pub async fn authenticate(self, token: &str) -> Result<Option<Authenticated>, Error> {
        let Some(session) = self.config.signing_keys()?.verify(self.db.tenant_id(), token)? else {
            return Ok(None);
        };
        let select = format!(
            r#"SELECT "sessions".*, {},
                   "sessions"."expires_at" < CURRENT_TIMESTAMP + $2::float8 * INTERVAL '1 second' AS "renewal_due"
               FROM "auth"."sessions" JOIN "auth"."users"
                   ON "users"."tenant_id" = "sessions"."tenant_id" AND "users"."id" = "sessions"."user_id"
               WHERE "sessions"."id" = $1 AND "sessions"."expires_at" > CURRENT_TIMESTAMP AND "users"."is_active"
                   AND NOT ("users"."is_locked" AND "users"."locked_until" IS NULL)"#,
            user_columns("user_")
        );
        let values = [session.into(), seconds(self.config.renewal_threshold())];
        let Some(row) = self.db.query_one_raw(statement(select, values)).await? else { return Ok(None) };
        Ok(Some(Authenticated {
            user: User::from_query_result(&row, "user_")?,
            session: sessions::Model::from_query_result(&row, "")?.try_into()?,
            renewal_due: row.try_get("", "renewal_due")?,
        }))
    }

    /// The token of a session, for an application that has begun one itself.
    ///
    /// # Errors
    /// [`Error::SessionNotFound`]; [`Error::NotConfigured`] without
    /// [`signing_keys`](super::AuthSettings::signing_keys).
    pub async fn issue_token(self, session: Uuid) -> Result<SessionToken, Error> {
        let keys = self.config.signing_keys()?;
        let live = self.get_session(session).await?.ok_or(Error::SessionNotFound { id: session })?;
        keys.sign(self.db.tenant_id(), live.id)
    }

    /// Ends the session of a token. `false` when there was none.
    ///
    /// # Errors
    /// [`Error::NotConfigured`] without [`signing_keys`](super::AuthSettings::signing_keys).
    pub async fn logout(self, token: &str) -> Result<bool, Error> {
        let Some(id) = self.config.signing_keys()?.verify(self.db.tenant_id(), token)? else {
            return Ok(false);
        };
        let transaction = self.db.begin().await?;
        let delete = sessions::Entity::delete_many().filter(sessions::Column::Id.eq(id));
        let ended = delete.exec_with_returning(&transaction).await?;
        let events = ended.iter().map(|session| NewAuditEvent {
            user_id: Some(session.user_id),
            source: Source::User,
            details: json!({"session": session.id}),
            ..NewAuditEvent::new(AuditEventType::Logout)
        });
        self.on(&transaction).log_audit_events(events.collect()).await?;
        transaction.commit().await?;
        Ok(!ended.is_empty())
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

fn from_client(event_type: AuditEventType, metadata: &SessionMetadata) -> NewAuditEvent {
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
