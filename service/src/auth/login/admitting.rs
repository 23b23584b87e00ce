//! The second factor and the session of a login.

use secrecy::ExposeSecret;
use serde_json::json;
use uuid::Uuid;

use crate::auth::audit::event_type::AuditEventType;
use crate::auth::audit::new_event::NewAuditEvent;
use crate::auth::error::AuthError;
use crate::auth::handle::Auth;
use crate::auth::login::attempt::{Attempt, Factor, Verified};
use crate::auth::login::request::SecondFactor;
use crate::auth::refusal::LoginRefusal;
use crate::auth::sessions::metadata::SessionMetadata;
use crate::auth::sessions::session::Session;
use crate::auth::users::hasher::Lane;
use crate::auth::users::password::{Password, PasswordHash};
use crate::auth::users::user::User;
use crate::tenant::TenantExecutor;

/// A matching second factor, to be used up.
pub(in crate::auth) enum Proof {
    None,
    TotpStep(u64),
    BackupCode(String),
}

/// Work that follows a right password and precedes the transaction that admits the user.
pub(in crate::auth) struct Preparation {
    pub(in crate::auth) factor: Factor,
    pub(in crate::auth) proof: Proof,
    pub(in crate::auth) rehashed: Option<PasswordHash>,
}

/// The user, the session, and the number of remaining backup codes if one was used.
pub(in crate::auth) type Admitted = (User, Session, Option<usize>);

impl<C: TenantExecutor> Auth<'_, C> {
    /// Returns the session of a login that is repeated. Its second factor matches, and stays used.
    pub(in crate::auth) async fn admit_again(
        self,
        verified: &Verified,
        session: Session,
        proof: &Proof,
    ) -> Result<Result<Admitted, LoginRefusal>, AuthError> {
        let user = self.users().find(verified.id).await?;
        let user = user.ok_or_else(|| AuthError::UserNotFound { user: verified.id.to_string() })?;
        let remaining = match proof {
            Proof::BackupCode(_) => self.backup_codes().find(user.id).await?.map(|codes| codes.remaining()),
            Proof::None | Proof::TotpStep(_) => None,
        };
        Ok(Ok((user, session, remaining)))
    }

    /// Compares the second factor and replaces a cheap hash. Both are slow and happen only after the password was
    /// judged right: otherwise the duration would reveal it.
    pub(in crate::auth) async fn prepare(
        self,
        verified: &Verified,
        second_factor: Option<SecondFactor>,
        password: Password,
        is_repeated: bool,
    ) -> Result<Preparation, AuthError> {
        let proof = match second_factor {
            _ if !verified.totp_enabled => None,
            None => None,
            Some(SecondFactor::Totp(code)) => {
                self.totp().matching_step(verified.id, code.expose_secret()).await?.map(Proof::TotpStep)
            }
            Some(SecondFactor::BackupCode(code)) => self
                .backup_codes()
                .find_match(verified.id, code.expose_secret())
                .await?
                .filter(|found| is_repeated || !found.used)
                .map(|found| Proof::BackupCode(found.id)),
        };
        let (factor, proof) = match proof {
            Some(proof) => (Factor::Right, proof),
            None if verified.totp_enabled => (Factor::Wrong, Proof::None),
            // A second factor that was enrolled meanwhile is required.
            None => (Factor::Missing, Proof::None),
        };
        let rehash = factor != Factor::Wrong && self.config.hasher.needs_rehash(&verified.hash);
        let rehashed = if rehash { Some(self.hashing(Lane::Known).rehash(password).await?) } else { None };
        Ok(Preparation { factor, proof, rehashed })
    }

    /// Uses up the second factor, resets the failures and begins the session, within the transaction that has judged
    /// the attempt.
    pub(in crate::auth) async fn admit(
        self,
        attempt: &Attempt,
        verified: &Verified,
        proof: Proof,
        rehashed: Option<&PasswordHash>,
        metadata: &SessionMetadata,
        attempt_event: Option<Uuid>,
    ) -> Result<Result<Admitted, LoginRefusal>, AuthError> {
        let (proven, event, remaining) = match proof {
            Proof::None => (true, None, None),
            Proof::TotpStep(step) => {
                (self.totp().use_step(verified.id, step).await?, Some(AuditEventType::TotpSuccess), None)
            }
            Proof::BackupCode(id) => {
                let remaining = self.backup_codes().use_up(verified.id, &id).await?;
                (remaining.is_some(), None, remaining)
            }
        };
        if !proven {
            let wrong = LoginRefusal::SecondFactorWrong;
            return self.refuse(attempt.user(), attempt.origin, wrong, metadata).await.map(Err);
        }
        let user = self.users().write_login(verified.id, attempt.origin, rehashed, metadata).await?;
        let session = self.sessions().create_from(verified.id, attempt.origin, metadata).await?;
        self.config.device_failures.clear(self.db.tenant_id(), verified.id);
        let by_user = |event_type| {
            NewAuditEvent::by_user(event_type, verified.id, Some(&verified.handle)).with_client(metadata)
        };
        let session_created = NewAuditEvent {
            id: attempt_event,
            details: json!({"session": session.id}),
            ..by_user(AuditEventType::SessionCreated)
        };
        let events = event.map(by_user).into_iter();
        let events = events.chain([by_user(AuditEventType::LoginSuccess), session_created]);
        self.audit().log_all(events.collect()).await?;
        Ok(Ok((user, session, remaining)))
    }
}
