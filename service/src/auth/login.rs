//! Logging in.

use chrono::{DateTime, Utc};
use secrecy::{ExposeSecret, SecretString};
use serde_json::json;

use super::Auth;
use super::attempt::{Attempt, Factor, Verified, from_client};
use super::audit::NewAuditEvent;
use super::audit_kinds::{AuditEventType, Source};
use super::identifier::Identifier;
use super::password::{Password, PasswordHash};
use super::sessions::{Session, SessionMetadata};
use super::sql::WRITTEN_USER_COLUMNS;
use super::token::SessionToken;
use super::user::User;
use crate::auth::AuthError;
use crate::tenant::TenantExecutor;
use crate::tenant::sql::statement;

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
    SecondFactorRequired,
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

/// A second factor that matches, and is yet to be used up.
enum Proof {
    None,
    TotpStep(u64),
    BackupCode(String),
}

/// What a right password leads to before the transaction that admits the user.
struct Preparation {
    factor: Factor,
    proof: Proof,
    rehashed: Option<PasswordHash>,
}

/// Logging in.
impl<C: TenantExecutor> Auth<'_, C> {
    /// Logs a user in: verifies the password and, where one is enrolled, the second factor; begins a session; writes
    /// the audit events. An unknown user takes as long as a wrong password, and costs the database as much.
    ///
    /// Failures are counted in the database and lock the account as [`Lockout`](super::Lockout) says. No answer
    /// depends on the password once the account is locked, however many attempts run in parallel: the row is locked
    /// and read again after hashing, and the failure is counted in the same transaction. A hash of a lower cost than
    /// the settings' is replaced.
    ///
    /// Call it outside a transaction of your own: a refusal that is rolled back is not counted.
    ///
    /// # Errors
    /// [`AuthError::LoginRefused`]; [`AuthError::NotConfigured`] without [`signing_keys`](super::AuthSettings::signing_keys),
    /// before anything else.
    pub async fn login(self, request: LoginRequest) -> Result<Login, AuthError> {
        let keys = self.config.signing_keys()?;
        let LoginRequest { identifier, password, second_factor, metadata } = request;
        metadata.check()?;
        let named = match &identifier {
            Identifier::Handle(handle) => (r#""handle" = $1"#, handle.as_str()),
            Identifier::Email(email) => (r#""email" = $1"#, email.as_str()),
        };
        let candidate = self.candidate(named.0, named.1.into()).await?;
        let attempt = self.compare(candidate, &password).await?;

        let first = if second_factor.is_some() { Factor::Unchecked } else { Factor::Missing };
        let mut transaction = self.db.begin().await?;
        let mut verdict = self.on(&transaction).judge(&attempt, first, &metadata).await?;
        let (mut proof, mut rehashed) = (Proof::None, None);
        if let Ok(verified) = &verdict
            && (verified.totp_enabled || self.config.hasher.needs_rehash(&verified.hash))
        {
            transaction.commit().await?;
            let prepared = self.prepare(verified, second_factor, password).await?;
            (proof, rehashed) = (prepared.proof, prepared.rehashed);
            transaction = self.db.begin().await?;
            verdict = self.on(&transaction).judge(&attempt, prepared.factor, &metadata).await?;
        }
        let auth = self.on(&transaction);
        let admitted = match verdict {
            Ok(verified) => auth.admit(&attempt, &verified, proof, rehashed.as_ref(), &metadata).await?,
            Err(refusal) => Err(refusal),
        };
        transaction.commit().await?;
        let (user, session, backup_codes_remaining) = admitted?;
        let token = keys.sign(self.db.tenant_id(), session.id)?;
        Ok(Login { user, session, token, backup_codes_remaining })
    }

    /// Compares the second factor and replaces a cheap hash. Both take long, so only a password that was judged right
    /// comes here: otherwise the duration would reveal it.
    async fn prepare(
        self,
        verified: &Verified,
        second_factor: Option<SecondFactor>,
        password: Password,
    ) -> Result<Preparation, AuthError> {
        let proof = match second_factor {
            _ if !verified.totp_enabled => None,
            None => None,
            Some(SecondFactor::Totp(code)) => {
                self.matching_totp_step(verified.id, code.expose_secret()).await?.map(Proof::TotpStep)
            }
            Some(SecondFactor::BackupCode(code)) => self
                .matching_backup_code(verified.id, code.expose_secret())
                .await?
                .filter(|found| !found.used)
                .map(|found| Proof::BackupCode(found.id)),
        };
        let (factor, proof) = match proof {
            Some(proof) => (Factor::Right, proof),
            None if verified.totp_enabled => (Factor::Wrong, Proof::None),
            // Where a second factor has been enrolled meanwhile, it is asked for.
            None => (Factor::Missing, Proof::None),
        };
        let rehash = factor != Factor::Wrong && self.config.hasher.needs_rehash(&verified.hash);
        let rehashed = if rehash { Some(self.config.hasher.hash(password).await?) } else { None };
        Ok(Preparation { factor, proof, rehashed })
    }

    /// Uses up the second factor, resets the failures and begins the session, within the transaction that has judged
    /// the attempt.
    async fn admit(
        self,
        attempt: &Attempt,
        verified: &Verified,
        proof: Proof,
        rehashed: Option<&PasswordHash>,
        metadata: &SessionMetadata,
    ) -> Result<Result<(User, Session, Option<usize>), LoginRefusal>, AuthError> {
        let (proven, event, remaining) = match proof {
            Proof::None => (true, None, None),
            Proof::TotpStep(step) => {
                (self.use_totp_step(verified.id, step).await?, Some(AuditEventType::TotpSuccess), None)
            }
            Proof::BackupCode(id) => {
                let remaining = self.use_backup_code(verified.id, &id).await?;
                (remaining.is_some(), None, remaining)
            }
        };
        if !proven {
            let wrong = LoginRefusal::SecondFactorWrong;
            return self.refuse(attempt.who(), wrong, metadata).await.map(Err);
        }
        let update = format!(
            r#"UPDATE "auth"."users" SET "login_attempts" = 0, "last_login_at" = CURRENT_TIMESTAMP,
                   "is_locked" = FALSE, "locked_until" = NULL, "lock_reason" = NULL,
                   "password_hash" = $2, "ip_address" = $3, "user_agent" = $4
               WHERE "id" = $1
               RETURNING {}"#,
            *WRITTEN_USER_COLUMNS
        );
        let values = [
            verified.id.into(),
            rehashed.unwrap_or(&verified.hash).expose_secret().into(),
            metadata.client_ip.map(|ip| ip.to_string()).into(),
            metadata.user_agent.clone().into(),
        ];
        let row = self.db.query_one_raw(statement(update, values)).await?;
        let row = row.ok_or_else(|| AuthError::UserNotFound { user: verified.id.to_string() })?;
        let user = User::of(&row)?;
        let session = self.create_session(verified.id, metadata).await?;
        let by_user = |event_type| NewAuditEvent {
            user_id: Some(verified.id),
            handle: Some(verified.handle.to_string()),
            source: Source::User,
            ..from_client(event_type, metadata)
        };
        let session_created = NewAuditEvent {
            details: json!({"session": session.id}),
            ..by_user(AuditEventType::SessionCreated)
        };
        let events = event.map(by_user).into_iter();
        let events = events.chain([by_user(AuditEventType::LoginSuccess), session_created]);
        self.log_audit_events(events.collect()).await?;
        Ok(Ok((user, session, remaining)))
    }
}
