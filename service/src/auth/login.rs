//! Logging in.

use chrono::{DateTime, Utc};
use sea_orm::TransactionSession;
use secrecy::{ExposeSecret, SecretString};
use serde_json::json;

use super::Auth;
use super::audit::NewAuditEvent;
use super::audit_kinds::{AuditEventType, Source};
use super::identifier::Identifier;
use super::password::{Password, PasswordHash};
use super::sessions::{Session, SessionMetadata};
use super::sql::{LOCKED, WRITTEN_USER_COLUMNS};
use super::token::SessionToken;
use super::user::User;
use crate::sql::statement;
use crate::{Error, Tenant};

use super::passwords::{Candidate, Verified, from_client};

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

/// A second factor that is right, and yet to be used up.
enum Proof {
    None,
    TotpStep(u64),
    BackupCode(String),
}

/// Logging in.
impl<C: Tenant> Auth<'_, C> {
    /// Lets a user in: verifies the password, and the second factor where it is enrolled, begins a session, and writes
    /// the audit events. An unknown user takes as long as a wrong password, and costs the database as much.
    ///
    /// Failures are counted in the database and lock the account as [`Lockout`](super::Lockout) says. A password that is right after
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

    async fn refuse_second_factor<T>(
        self,
        verified: &Verified,
        metadata: &SessionMetadata,
    ) -> Result<T, Error> {
        let who = Some((verified.id, &verified.handle));
        Err(self.count_failure(who, LoginRefusal::SecondFactorWrong, metadata).await?.into())
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
            *WRITTEN_USER_COLUMNS
        );
        let values = [
            verified.id.into(),
            verified.hash.expose_secret().into(),
            rehashed.unwrap_or(&verified.hash).expose_secret().into(),
            metadata.client_ip.map(|ip| ip.to_string()).into(),
            metadata.user_agent.clone().into(),
        ];
        let row = self.db.query_one_raw(statement(update, values)).await?;
        Ok(row.map(|row| User::of(&row)).transpose()?)
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
}
