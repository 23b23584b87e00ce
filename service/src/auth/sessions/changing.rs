//! Changing and renewing sessions.

use std::sync::LazyLock;

use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, Value};
use uuid::Uuid;
use watertight_entity::auth::sessions;

use crate::auth::error::AuthError;
use crate::auth::handle::Sessions;
use crate::auth::second_factor::sealing::owner::OwnerKind;
use crate::auth::sessions::columns::{SESSION_COLUMNS, live_session};
use crate::auth::sessions::session::Session;
use crate::auth::sessions::update::SessionUpdate;
use crate::tenant::TenantExecutor;
use crate::tenant::sql::{seconds, statement};
use crate::vocabulary::{Change, json};

static RENEW: LazyLock<String> = LazyLock::new(|| {
    format!(
        r#"UPDATE "auth"."sessions" SET "expires_at" = CURRENT_TIMESTAMP + $2::float8 * INTERVAL '1 second'
           WHERE "id" = $1 AND "expires_at" > CURRENT_TIMESTAMP
             AND "expires_at" < CURRENT_TIMESTAMP + $3::float8 * INTERVAL '1 second'
           RETURNING {}"#,
        *SESSION_COLUMNS
    )
});

impl<C: TenantExecutor> Sessions<'_, C> {
    /// Changes a live session and returns the changed session.
    ///
    /// # Errors
    /// [`AuthError::SessionNotFound`]; [`AuthError::InvalidInput`]; [`AuthError::NotConfigured`] for a secret without
    /// [`encryption_keys`](crate::auth::AuthSettings::encryption_keys).
    pub async fn update(self, id: Uuid, update: SessionUpdate) -> Result<Session, AuthError> {
        use sessions::Column::{
            BrowserFingerprint, ClientIp, ClientIpMasked, DeviceType, ExpiresAt, GeoLocation,
            TempTotpExpiresAt, TempTotpSecret, UserAgent, UserData,
        };
        update.check()?;
        let mut changes: Vec<(sessions::Column, Value)> = Vec::new();
        if let Change::Set(expires_at) = update.expires_at {
            changes.push((ExpiresAt, expires_at.into()));
        }
        if let Change::Set(user) = update.user_data {
            let json = user.map(serde_json::to_value).transpose();
            let json = json.map_err(|error| sea_orm::DbErr::Json(error.to_string()))?;
            json::check_optional("session user", json.as_ref())?;
            changes.push((UserData, json.into()));
        }
        if let Change::Set(secret) = update.temp_totp_secret {
            let sealed = match secret {
                Some(secret) => Some(self.auth.seal(OwnerKind::Session, id, secret).await?.to_text()),
                None => None,
            };
            changes.push((TempTotpSecret, sealed.into()));
        }
        if let Change::Set(expires_at) = update.temp_totp_expires_at {
            changes.push((TempTotpExpiresAt, expires_at.into()));
        }
        if let Change::Set(address) = update.client_ip {
            let stored = self.auth.config.stored_address(address.as_ref());
            changes.push((ClientIp, stored.map_or_else(unknown, String::from).into()));
        }
        if let Change::Set(masked) = update.client_ip_masked {
            changes.push((ClientIpMasked, masked.into()));
        }
        if let Change::Set(agent) = update.user_agent {
            changes.push((UserAgent, agent.unwrap_or_else(unknown).into()));
        }
        if let Change::Set(device) = update.device_type {
            changes.push((DeviceType, device.into()));
        }
        if let Change::Set(fingerprint) = update.browser_fingerprint {
            changes.push((BrowserFingerprint, fingerprint.into()));
        }
        if let Change::Set(location) = update.geo_location {
            let json = location.map(serde_json::to_value).transpose();
            let json = json.map_err(|error| sea_orm::DbErr::Json(error.to_string()))?;
            changes.push((GeoLocation, json.into()));
        }
        if changes.is_empty() {
            return self.find(id).await?.ok_or(AuthError::SessionNotFound { id });
        }
        let mut query =
            sessions::Entity::update_many().filter(live_session()).filter(sessions::Column::Id.eq(id));
        for (column, value) in changes {
            query = query.col_expr(column, Expr::val(value));
        }
        let rows = query.exec_with_returning(self.auth.db).await?;
        rows.into_iter().next().ok_or(AuthError::SessionNotFound { id })?.try_into()
    }

    /// Extends a live session that is about to end by the whole age of a session.
    ///
    /// Returns the session, changed or not; `None` when there is none or it has ended. The setting
    /// [`renewal_threshold`](crate::auth::AuthSettings::renewal_threshold) decides when a session is due.
    ///
    /// # Errors
    /// [`AuthError::Database`].
    pub async fn renew(self, id: Uuid) -> Result<Option<Session>, AuthError> {
        let renew = statement(
            RENEW.as_str(),
            [
                id.into(),
                seconds(self.auth.config.session_age()),
                seconds(self.auth.config.renewal_threshold()),
            ],
        );
        match self.query_one(renew).await? {
            Some(session) => Ok(Some(session)),
            None => self.find(id).await,
        }
    }
}

/// The text of a column without a value.
pub(super) fn unknown() -> String {
    "unknown".to_owned()
}
