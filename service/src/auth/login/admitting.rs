//! The second factor and the session of a login.

use secrecy::ExposeSecret;
use serde_json::json;

use crate::auth::audit::event_type::AuditEventType;
use crate::auth::audit::new_event::NewAuditEvent;
use crate::auth::error::AuthError;
use crate::auth::handle::Auth;
use crate::auth::login::attempt::{Attempt, Factor, Verified};
use crate::auth::login::device::Origin;
use crate::auth::login::request::SecondFactor;
use crate::auth::refusal::LoginRefusal;
use crate::auth::sessions::metadata::SessionMetadata;
use crate::auth::sessions::session::Session;
use crate::auth::users::columns::WRITTEN_USER_COLUMNS;
use crate::auth::users::hasher::Lane;
use crate::auth::users::password::{Password, PasswordHash};
use crate::auth::users::user::User;
use crate::tenant::TenantExecutor;
use crate::tenant::sql::statement;

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

impl<C: TenantExecutor> Auth<'_, C> {
    /// Compares the second factor and replaces a cheap hash. Both are slow and happen only after the password was
    /// judged right: otherwise the duration would reveal it.
    pub(in crate::auth) async fn prepare(
        self,
        verified: &Verified,
        second_factor: Option<SecondFactor>,
        password: Password,
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
                .filter(|found| !found.used)
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
    ) -> Result<Result<(User, Session, Option<usize>), LoginRefusal>, AuthError> {
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
        // A login from a known device says nothing about the guesses from elsewhere.
        let lifted = match attempt.origin {
            Origin::Anywhere => {
                r#""login_attempts" = 0, "is_locked" = FALSE, "locked_until" = NULL, "lock_reason" = NULL,"#
            }
            Origin::KnownDevice => "",
        };
        let update = format!(
            r#"UPDATE "auth"."users" SET {lifted} "last_login_at" = CURRENT_TIMESTAMP, "password_hash" = $2, "ip_address" = $3, "user_agent" = $4
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
        let session = self.sessions().create_from(verified.id, attempt.origin, metadata).await?;
        self.config.device_failures.clear(self.db.tenant_id(), verified.id);
        let by_user = |event_type| {
            NewAuditEvent::by_user(event_type, verified.id, Some(&verified.handle)).with_client(metadata)
        };
        let session_created = NewAuditEvent {
            details: json!({"session": session.id}),
            ..by_user(AuditEventType::SessionCreated)
        };
        let events = event.map(by_user).into_iter();
        let events = events.chain([by_user(AuditEventType::LoginSuccess), session_created]);
        self.audit().log_all(events.collect()).await?;
        Ok(Ok((user, session, remaining)))
    }
}
