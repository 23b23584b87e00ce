//! Creating sessions and their tokens.

use std::sync::LazyLock;

use sea_orm::FromQueryResult;
use sea_orm::Statement;
use uuid::Uuid;
use watertight_entity::auth::sessions;

use crate::auth::error::AuthError;
use crate::auth::handle::Sessions;
use crate::auth::login::device::Origin;
use crate::auth::sessions::changing::unknown;
use crate::auth::sessions::columns::SESSION_COLUMNS;
use crate::auth::sessions::metadata::SessionMetadata;
use crate::auth::sessions::session::Session;
use crate::auth::sessions::token::SessionToken;
use crate::auth::users::columns::LOCKED;
use crate::tenant::TenantExecutor;
use crate::tenant::constraint::constraint;
use crate::tenant::sql::{seconds, statement};

/// The database builds the user in short from the user's row. An unknown, inactive or locked user gets no session. The row is locked, so that a session that is begun while its user is deactivated or locked is either
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
    FROM "auth"."users" WHERE "users"."id" = $1 AND "users"."is_active" 
        AND NOT ({LOCKED} AND ("users"."locked_until" IS NULL OR NOT $10::boolean)) FOR SHARE
    RETURNING {}"#,
        *SESSION_COLUMNS
    )
});

impl<C: TenantExecutor> Sessions<'_, C> {
    /// Creates a session of a user that the application has authenticated.
    ///
    /// [`Auth::login`](crate::auth::Auth::login) does both. With
    /// [`sessions_per_user`](crate::auth::AuthSettings::sessions_per_user), the oldest sessions beyond the limit end.
    ///
    /// # Errors
    /// [`AuthError::LoginRefused`] for a user who is inactive or locked, [`AuthError::UserNotFound`], [`AuthError::InvalidInput`].
    pub async fn create(self, user: Uuid, metadata: &SessionMetadata) -> Result<Session, AuthError> {
        self.create_from(user, Origin::Anywhere, metadata).await
    }

    pub(in crate::auth) async fn create_from(
        self,
        user: Uuid,
        origin: Origin,
        metadata: &SessionMetadata,
    ) -> Result<Session, AuthError> {
        metadata.check()?;
        match self.auth.config.sessions_per_user() {
            Some(limit) => self.create_within(limit, user, origin, metadata).await,
            None => self.insert(user, origin, metadata).await,
        }
    }

    pub(super) async fn insert(
        self,
        user: Uuid,
        origin: Origin,
        metadata: &SessionMetadata,
    ) -> Result<Session, AuthError> {
        let client_ip = self.auth.config.stored_address(metadata.client_ip.as_ref());
        let geo_location = metadata.geo_location.as_ref().map(serde_json::to_value).transpose();
        let geo_location = geo_location.map_err(|error| sea_orm::DbErr::Json(error.to_string()))?;
        let insert = statement(
            INSERT.as_str(),
            [
                user.into(),
                Uuid::new_v4().into(),
                seconds(self.auth.config.session_age()),
                client_ip.map_or_else(unknown, String::from).into(),
                metadata.client_ip_masked.clone().into(),
                metadata.user_agent.clone().unwrap_or_else(unknown).into(),
                metadata.device_type.into(),
                metadata.browser_fingerprint.clone().into(),
                geo_location.into(),
                (origin == Origin::KnownDevice).into(),
            ],
        );
        // A user who was barred when the session was refused can be unlocked when the reason is read.
        for _ in 0..3 {
            match self.query_one(insert.clone()).await {
                Ok(Some(session)) => return Ok(session),
                Ok(None) => {
                    let row = self.auth.candidate(r#""id" = $1"#, vec![user.into()]).await?;
                    let row = row.ok_or_else(|| AuthError::UserNotFound { user: user.to_string() })?;
                    if let Some(refusal) = self.auth.seen_from(origin, row).barred() {
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

    pub(super) async fn query_one(self, statement: Statement) -> Result<Option<Session>, AuthError> {
        let row = self.auth.db.query_one_raw(statement).await?;
        row.map(|row| sessions::Model::from_query_result(&row, "")?.try_into()).transpose()
    }

    /// Returns the token of a session that the application has created.
    ///
    /// # Errors
    /// [`AuthError::SessionNotFound`]; [`AuthError::NotConfigured`] without
    /// [`signing_keys`](crate::auth::AuthSettings::signing_keys).
    pub async fn issue_token(self, session: Uuid) -> Result<SessionToken, AuthError> {
        let keys = self.auth.config.signing_keys()?;
        let live = self.find(session).await?.ok_or(AuthError::SessionNotFound { id: session })?;
        keys.sign(self.auth.db.tenant_id(), live.id)
    }
}
