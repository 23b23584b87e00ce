//! The columns of a user that decide on a login.

use chrono::{DateTime, Utc};
use sea_orm::{DbBackend, FromQueryResult, Statement, Value};
use uuid::Uuid;

use crate::auth::error::AuthError;
use crate::auth::handle::Auth;
use crate::auth::login::device::Origin;
use crate::auth::refusal::LoginRefusal;
use crate::auth::users::columns::LOCKED;
use crate::tenant::TenantExecutor;
use crate::vocabulary::Handle;

/// The columns of a user that decide on a login.
#[derive(FromQueryResult)]
pub(in crate::auth) struct Candidate {
    pub(in crate::auth) id: Uuid,
    pub(in crate::auth) handle: Handle,
    pub(in crate::auth) password_hash: String,
    pub(in crate::auth) is_active: bool,
    pub(in crate::auth) is_locked: bool,
    pub(in crate::auth) locked_until: Option<DateTime<Utc>>,
    pub(in crate::auth) totp_enabled: bool,
}

impl Candidate {
    /// The refusal that follows from the account's state alone.
    pub(in crate::auth) fn barred(&self) -> Option<LoginRefusal> {
        if self.is_locked {
            return Some(LoginRefusal::Locked { until: self.locked_until });
        }
        (!self.is_active).then_some(LoginRefusal::Inactive)
    }

    /// The refusal that follows from a decision of an administrator. Failed logins do not count.
    pub(in crate::auth) fn barred_by_administrator(&self) -> Option<LoginRefusal> {
        if self.is_active && self.is_locked && self.locked_until.is_none() {
            return Some(LoginRefusal::Locked { until: None });
        }
        (!self.is_active).then_some(LoginRefusal::Inactive)
    }
}

impl<C: TenantExecutor> Auth<'_, C> {
    /// The candidate as an attempt sees it. Failures elsewhere do not lock a known device, which has a lock of its own. The
    /// lock of an administrator locks all.
    pub(in crate::auth) fn seen_from(self, origin: Origin, candidate: Candidate) -> Candidate {
        let by_administrator = candidate.is_locked && candidate.locked_until.is_none();
        if origin == Origin::Anywhere || by_administrator {
            return candidate;
        }
        let locked_until = self.config.device_failures.locked_until(self.db.tenant_id(), candidate.id);
        Candidate { is_locked: locked_until.is_some(), locked_until, ..candidate }
    }

    pub(in crate::auth) async fn candidate(
        self,
        condition: &str,
        values: Vec<Value>,
    ) -> Result<Option<Candidate>, AuthError> {
        self.candidate_with(condition, values, "").await
    }

    /// The row of a user, locked until the transaction ends.
    pub(in crate::auth) async fn locked_candidate(self, id: Uuid) -> Result<Option<Candidate>, AuthError> {
        self.candidate_with(r#""id" = $1"#, vec![id.into()], "FOR UPDATE").await
    }

    async fn candidate_with(
        self,
        condition: &str,
        values: Vec<Value>,
        lock: &str,
    ) -> Result<Option<Candidate>, AuthError> {
        let select = format!(
            r#"SELECT "id", "handle", "password_hash", "is_active", {LOCKED} AS "is_locked", "locked_until",
                      "totp_enabled" FROM "auth"."users" WHERE {condition} {lock}"#
        );
        let row = self
            .db
            .query_one_raw(Statement::from_sql_and_values(DbBackend::Postgres, select, values))
            .await?;
        Ok(row.map(|row| Candidate::from_query_result(&row, "")).transpose()?)
    }
}
