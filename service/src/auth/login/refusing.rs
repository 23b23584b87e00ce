//! Refused attempts: failures, locks and audit events.

use serde_json::json;
use uuid::Uuid;

use crate::auth::audit::event_type::AuditEventType;
use crate::auth::audit::kinds::{Severity, Source};
use crate::auth::audit::new_event::NewAuditEvent;
use crate::auth::error::AuthError;
use crate::auth::handle::Auth;
use crate::auth::login::device::Origin;
use crate::auth::refusal::LoginRefusal;
use crate::auth::sessions::metadata::SessionMetadata;
use crate::auth::settings::lockout::Lockout;
use crate::auth::users::columns::LOCKED;
use crate::tenant::TenantExecutor;
use crate::tenant::sql::{seconds, statement};
use crate::vocabulary::Handle;

/// The events of a refusal. An unknown name is not logged, since users type passwords into the wrong field.
pub(in crate::auth) fn refusal_events(
    user: Option<(Uuid, &Handle)>,
    refusal: &LoginRefusal,
    metadata: &SessionMetadata,
) -> Vec<NewAuditEvent> {
    let reason = match refusal {
        LoginRefusal::BadCredentials if user.is_none() => "unknown user",
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
        details: json!({"reason": reason}),
        ..event_of(user, event_type, severity, metadata)
    };
    let factor = matches!(refusal, LoginRefusal::SecondFactorWrong);
    let factor = factor.then(|| event(AuditEventType::TotpFailure));
    factor.into_iter().chain([event(AuditEventType::LoginFailure)]).collect()
}

impl<C: TenantExecutor> Auth<'_, C> {
    /// Counts a refusal that is a failure and logs it, within the transaction that has locked the row.
    pub(in crate::auth) async fn refuse(
        self,
        user: Option<(Uuid, &Handle)>,
        origin: Origin,
        refusal: LoginRefusal,
        metadata: &SessionMetadata,
    ) -> Result<LoginRefusal, AuthError> {
        let id = user.map_or_else(Uuid::new_v4, |(id, _)| id);
        let locked_now = match (&refusal, self.config.lockout()) {
            (LoginRefusal::Locked { .. } | LoginRefusal::SecondFactorRequired, _) | (_, None) => false,
            (
                LoginRefusal::BadCredentials | LoginRefusal::Inactive | LoginRefusal::SecondFactorWrong,
                Some(lockout),
            ) => match origin {
                Origin::Anywhere => self.increment_failures(id, lockout).await?,
                Origin::KnownDevice => self.config.device_failures.add(self.db.tenant_id(), id, lockout),
            },
        };
        let mut events = refusal_events(user, &refusal, metadata);
        if locked_now {
            events.push(NewAuditEvent {
                source: Source::default(),
                ..event_of(user, AuditEventType::AccountLocked, Severity::Warning, metadata)
            });
        }
        self.audit().log_all(events).await?;
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

/// An event of a user, known or not, with the client of the attempt.
fn event_of(
    user: Option<(Uuid, &Handle)>,
    event_type: AuditEventType,
    severity: Severity,
    client: &SessionMetadata,
) -> NewAuditEvent {
    let event = NewAuditEvent {
        user_id: user.map(|(id, _)| id),
        handle: user.map(|(_, handle)| handle.to_string()),
        severity,
        source: Source::User,
        ..NewAuditEvent::new(event_type)
    };
    event.with_client(client)
}
