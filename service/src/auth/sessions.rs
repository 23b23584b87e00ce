//! Sessions: what they are, and the operations on them. Whether one is live the database's clock decides.

use std::net::IpAddr;
use std::sync::LazyLock;

use chrono::{DateTime, Utc};
use sea_orm::FromQueryResult;
use sea_orm::sea_query::{Expr, ExprTrait};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder, Statement, Value};
use serde::{Deserialize, Serialize};
use uuid::Uuid;
use watertight_entity::auth::sessions;

use super::Auth;
use super::device::DeviceType;
use super::retention;
use super::role::Role;
use super::sealing::{Owner, OwnerKind, Sealed};
use super::sql::LOCKED;
use super::totp::TotpSecret;
use crate::auth::AuthError;
use crate::tenant::TenantExecutor;
use crate::tenant::constraint::constraint;
use crate::tenant::sql::{seconds, statement};
use crate::vocabulary::InvalidInput;
use crate::vocabulary::MalformedRow;
use crate::vocabulary::{Change, text};

/// A session, without the second factor that may be being enrolled in it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Session {
    /// The identity, which the token names.
    pub id: Uuid,
    /// Whose it is.
    pub user_id: Uuid,
    /// When it ends.
    pub expires_at: DateTime<Utc>,
    /// When it was begun.
    pub created_at: DateTime<Utc>,
    /// The user as they were when it was begun, or as the application has set it since.
    pub user_data: Option<SessionUser>,
    /// Where it was begun from; `unknown` when it was not told.
    pub client_ip: String,
    /// The same with its last part left out, where the application keeps that.
    pub client_ip_masked: Option<String>,
    /// What it was begun with; `unknown` when it was not told.
    pub user_agent: String,
    /// On what kind of device.
    pub device_type: DeviceType,
    /// What the application knows the browser by.
    pub browser_fingerprint: Option<String>,
    /// Whereabouts.
    pub geo_location: Option<GeoLocation>,
    /// Until when a second factor can be confirmed in it.
    pub temp_totp_expires_at: Option<DateTime<Utc>>,
}

/// The user of a session, in short.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SessionUser {
    /// The user's identity.
    pub id: Uuid,
    /// The handle.
    pub username: String,
    /// The name to show.
    pub name: String,
    /// What the user may do.
    pub role: Role,
    /// Whether onboarding is still to be done.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub needs_onboarding: Option<bool>,
    /// The step of onboarding that the user is at.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub onboarding_step: Option<i32>,
}

/// Whereabouts a session was begun.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GeoLocation {
    /// The country.
    pub country: String,
    /// The city.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub city: Option<String>,
}

/// What is known of who begins a session. All of it may be missing.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SessionMetadata {
    /// Where from.
    pub client_ip: Option<IpAddr>,
    /// The same with its last part left out; at most 45 characters.
    pub client_ip_masked: Option<String>,
    /// What with.
    pub user_agent: Option<String>,
    /// On what kind of device.
    pub device_type: DeviceType,
    /// What the application knows the browser by.
    pub browser_fingerprint: Option<String>,
    /// Whereabouts.
    pub geo_location: Option<GeoLocation>,
}

impl SessionMetadata {
    pub(super) fn check(&self) -> Result<(), InvalidInput> {
        text::check_optional("masked IP address", self.client_ip_masked.as_ref(), 45)?;
        text::check_optional("user agent", self.user_agent.as_ref(), usize::MAX)?;
        text::check_optional("browser fingerprint", self.browser_fingerprint.as_ref(), usize::MAX)?;
        if let Some(GeoLocation { country, city }) = &self.geo_location {
            text::check("country", country, usize::MAX)?;
            text::check_optional("city", city.as_ref(), usize::MAX)?;
        }
        Ok(())
    }
}

/// What to change of a session. What may be absent is cleared with `Change::Set(None)`.
#[derive(Debug, Clone, Default)]
pub struct SessionUpdate {
    /// When it ends.
    pub expires_at: Change<DateTime<Utc>>,
    /// The user in short.
    pub user_data: Change<Option<SessionUser>>,
    /// The secret that is being enrolled. It is stored encrypted.
    pub temp_totp_secret: Change<Option<TotpSecret>>,
    /// Until when that can be confirmed.
    pub temp_totp_expires_at: Change<Option<DateTime<Utc>>>,
}

impl TryFrom<sessions::Model> for Session {
    type Error = AuthError;

    fn try_from(row: sessions::Model) -> Result<Self, AuthError> {
        fn parse<T: serde::de::DeserializeOwned>(
            column: &'static str,
            json: Option<serde_json::Value>,
        ) -> Result<Option<T>, AuthError> {
            let parsed = json.map(serde_json::from_value).transpose();
            parsed.map_err(|error| MalformedRow { column, reason: error.to_string() }.into())
        }
        Ok(Self {
            id: row.id,
            user_id: row.user_id,
            expires_at: row.expires_at.to_utc(),
            created_at: row.created_at.to_utc(),
            user_data: parse("auth.sessions.user_data", row.user_data)?,
            client_ip: row.client_ip,
            client_ip_masked: row.client_ip_masked,
            user_agent: row.user_agent,
            device_type: row.device_type.parse()?,
            browser_fingerprint: row.browser_fingerprint,
            geo_location: parse("auth.sessions.geo_location", row.geo_location)?,
            temp_totp_expires_at: row.temp_totp_expires_at.map(|at| at.to_utc()),
        })
    }
}

/// Whether a session is live, by the database's clock.
pub(super) fn live() -> Expr {
    sessions::Column::ExpiresAt.into_expr().gt(Expr::current_timestamp())
}

/// The database makes the user in short from the user's row. A user who is not there, not active or locked gets no
/// session. The row is locked, so that a session that is begun while its user is deactivated or locked is either
/// refused or ended with the others.
static INSERT: LazyLock<String> = LazyLock::new(|| {
    format!(
        r#"INSERT INTO "auth"."sessions"
    ("id", "user_id", "expires_at", "user_data", "client_ip", "client_ip_masked", "user_agent", "device_type",
     "browser_fingerprint", "geo_location")
    SELECT $2, "users"."id", CURRENT_TIMESTAMP + $3::float8 * INTERVAL '1 second',
           jsonb_build_object('id', "users"."id", 'username', "users"."handle",
               'name', coalesce("users"."display_name", "users"."handle"), 'role', "users"."role",
               'needsOnboarding', "users"."needs_onboarding", 'onboardingStep', "users"."onboarding_step"),
           $4, $5, $6, $7, $8, $9::jsonb
    FROM "auth"."users" WHERE "users"."id" = $1 AND "users"."is_active" AND NOT {LOCKED} FOR SHARE
    RETURNING *"#
    )
});

/// Sessions.
impl<C: TenantExecutor> Auth<'_, C> {
    /// Begins a session of a user. The application has authenticated the user; [`login`](Self::login) does both.
    ///
    /// # Errors
    /// [`AuthError::LoginRefused`] for a user who is inactive or locked, [`AuthError::UserNotFound`], [`AuthError::InvalidInput`].
    pub async fn create_session(self, user: Uuid, metadata: &SessionMetadata) -> Result<Session, AuthError> {
        metadata.check()?;
        let unknown = || "unknown".to_owned();
        let geo_location = metadata.geo_location.as_ref().map(serde_json::to_value).transpose();
        let geo_location = geo_location.map_err(|error| sea_orm::DbErr::Json(error.to_string()))?;
        let insert = statement(
            INSERT.as_str(),
            [
                user.into(),
                Uuid::new_v4().into(),
                seconds(self.config.session_age()),
                metadata.client_ip.map_or_else(unknown, |ip| ip.to_string()).into(),
                metadata.client_ip_masked.clone().into(),
                metadata.user_agent.clone().unwrap_or_else(unknown).into(),
                metadata.device_type.into(),
                metadata.browser_fingerprint.clone().into(),
                geo_location.into(),
            ],
        );
        // A user who was barred when the session was refused can be unlocked when the reason is asked for.
        for _ in 0..3 {
            match self.one_session(insert.clone()).await {
                Ok(Some(session)) => return Ok(session),
                Ok(None) => {
                    let row = self.candidate(r#""id" = $1"#, user.into()).await?;
                    let row = row.ok_or_else(|| AuthError::UserNotFound { user: user.to_string() })?;
                    if let Some(refusal) = row.barred() {
                        return Err(refusal.into());
                    }
                }
                // The user was deleted while the session was being inserted.
                Err(AuthError::Database(error)) if constraint(&error) == Some("sessions_user_id_fkey") => {
                    return Err(AuthError::UserNotFound { user: user.to_string() });
                }
                Err(error) => return Err(error),
            }
        }
        Err(AuthError::Database(sea_orm::DbErr::RecordNotInserted))
    }

    async fn one_session(self, statement: Statement) -> Result<Option<Session>, AuthError> {
        let row = self.db.query_one_raw(statement).await?;
        row.map(|row| sessions::Model::from_query_result(&row, "")?.try_into()).transpose()
    }

    /// The live session of an identity; `None` when there is none, or it has ended.
    ///
    /// # Errors
    /// What the database reports.
    pub async fn get_session(self, id: Uuid) -> Result<Option<Session>, AuthError> {
        let select = sessions::Entity::find().filter(live()).filter(sessions::Column::Id.eq(id));
        select.one(self.db).await?.map(Session::try_from).transpose()
    }

    /// The live sessions of a user, newest first.
    ///
    /// # Errors
    /// What the database reports.
    pub async fn get_sessions_by_user(self, user: Uuid) -> Result<Vec<Session>, AuthError> {
        self.live_sessions(sessions::Entity::find().filter(sessions::Column::UserId.eq(user))).await
    }

    /// Every live session, newest first.
    ///
    /// # Errors
    /// What the database reports.
    pub async fn get_all_sessions(self) -> Result<Vec<Session>, AuthError> {
        self.live_sessions(sessions::Entity::find()).await
    }

    async fn live_sessions(
        self,
        select: sea_orm::Select<sessions::Entity>,
    ) -> Result<Vec<Session>, AuthError> {
        let newest_first = select
            .filter(live())
            .order_by_desc(sessions::Column::CreatedAt)
            .order_by_asc(sessions::Column::Id);
        newest_first.all(self.db).await?.into_iter().map(Session::try_from).collect()
    }

    /// Changes a live session, and gives it as changed.
    ///
    /// # Errors
    /// [`AuthError::SessionNotFound`]; [`AuthError::NotConfigured`] for a secret without
    /// [`encryption_keys`](super::AuthSettings::encryption_keys).
    pub async fn update_session(self, id: Uuid, update: SessionUpdate) -> Result<Session, AuthError> {
        use sessions::Column::{ExpiresAt, TempTotpExpiresAt, TempTotpSecret, UserData};
        let mut changes: Vec<(sessions::Column, Value)> = Vec::new();
        if let Change::Set(expires_at) = update.expires_at {
            changes.push((ExpiresAt, expires_at.into()));
        }
        if let Change::Set(user) = update.user_data {
            let json = user.map(serde_json::to_value).transpose();
            let json = json.map_err(|error| sea_orm::DbErr::Json(error.to_string()))?;
            json.as_ref().map_or(Ok(()), |user| text::check_json("session user", user))?;
            changes.push((UserData, json.into()));
        }
        if let Change::Set(secret) = update.temp_totp_secret {
            let sealed = match secret {
                Some(secret) => Some(self.seal(OwnerKind::Session, id, secret).await?.to_text()),
                None => None,
            };
            changes.push((TempTotpSecret, sealed.into()));
        }
        if let Change::Set(expires_at) = update.temp_totp_expires_at {
            changes.push((TempTotpExpiresAt, expires_at.into()));
        }
        if changes.is_empty() {
            return self.get_session(id).await?.ok_or(AuthError::SessionNotFound { id });
        }
        let mut query = sessions::Entity::update_many().filter(live()).filter(sessions::Column::Id.eq(id));
        for (column, value) in changes {
            query = query.col_expr(column, Expr::val(value));
        }
        let rows = query.exec_with_returning(self.db).await?;
        rows.into_iter().next().ok_or(AuthError::SessionNotFound { id })?.try_into()
    }

    /// The secret that is being enrolled in a live session; `None` when there is none, or its time is over.
    ///
    /// # Errors
    /// [`AuthError::Undecryptable`], [`AuthError::NotConfigured`].
    pub async fn get_session_totp_secret(self, id: Uuid) -> Result<Option<TotpSecret>, AuthError> {
        let pending = sessions::Column::TempTotpExpiresAt.into_expr().gt(Expr::current_timestamp());
        let select =
            sessions::Entity::find().filter(live()).filter(pending).filter(sessions::Column::Id.eq(id));
        match select.one(self.db).await?.and_then(|session| session.temp_totp_secret) {
            Some(text) => self.open(OwnerKind::Session, id, Sealed::from_text(&text)?).await.map(Some),
            None => Ok(None),
        }
    }

    /// Lets a live session that is about to end live on for the whole of a session's age, and gives it as it is then.
    /// One that is not due stays as it is. `None` when there is none, or it has ended.
    ///
    /// # Errors
    /// What the database reports.
    pub async fn renew_session(self, id: Uuid) -> Result<Option<Session>, AuthError> {
        let renew = statement(
            r#"UPDATE "auth"."sessions" SET "expires_at" = CURRENT_TIMESTAMP + $2::float8 * INTERVAL '1 second'
               WHERE "id" = $1 AND "expires_at" > CURRENT_TIMESTAMP
                 AND "expires_at" < CURRENT_TIMESTAMP + $3::float8 * INTERVAL '1 second'
               RETURNING *"#,
            [id.into(), seconds(self.config.session_age()), seconds(self.config.renewal_threshold())],
        );
        match self.one_session(renew).await? {
            Some(session) => Ok(Some(session)),
            None => self.get_session(id).await,
        }
    }

    /// Ends a session. `false` when there was none.
    ///
    /// # Errors
    /// What the database reports.
    pub async fn delete_session(self, id: Uuid) -> Result<bool, AuthError> {
        let delete = sessions::Entity::delete_many().filter(sessions::Column::Id.eq(id));
        Ok(delete.exec(self.db).await?.rows_affected > 0)
    }

    /// Ends every session of a user, and says how many there were.
    ///
    /// # Errors
    /// What the database reports.
    pub async fn delete_user_sessions(self, user: Uuid) -> Result<u64, AuthError> {
        self.end_sessions(user, None).await
    }

    pub(super) async fn end_sessions(self, user: Uuid, keep: Option<Uuid>) -> Result<u64, AuthError> {
        let delete = sessions::Entity::delete_many().filter(sessions::Column::UserId.eq(user));
        let delete = match keep {
            Some(keep) => delete.filter(sessions::Column::Id.ne(keep)),
            None => delete,
        };
        Ok(delete.exec(self.db).await?.rows_affected)
    }

    /// Deletes the sessions that have ended, and says how many there were. Each 1000 are a transaction of their own
    /// (on a [`TenantConnection`](crate::TenantConnection)), and what another clean-up holds is left to it.
    ///
    /// # Errors
    /// What the database reports; the batches before are deleted then.
    pub async fn cleanup_expired_sessions(self) -> Result<u64, AuthError> {
        Ok(retention::delete_sessions(self.db).await?)
    }

    /// Encrypts a secret for its owner, on a blocking thread.
    pub(super) async fn seal(
        self,
        kind: OwnerKind,
        id: Uuid,
        secret: TotpSecret,
    ) -> Result<Sealed, AuthError> {
        let (keys, owner) = (self.config.encryption_keys()?, Owner { kind, tenant: self.db.tenant_id(), id });
        self.config.hasher.run(move || keys.seal(owner, &secret)).await?
    }

    /// Decrypts a secret of its owner, on a blocking thread.
    pub(super) async fn open(
        self,
        kind: OwnerKind,
        id: Uuid,
        sealed: Sealed,
    ) -> Result<TotpSecret, AuthError> {
        let (keys, owner) = (self.config.encryption_keys()?, Owner { kind, tenant: self.db.tenant_id(), id });
        self.config.hasher.run(move || keys.open(owner, &sealed)).await?
    }
}
