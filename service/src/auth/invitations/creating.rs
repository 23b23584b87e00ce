//! Creating invitations.

use sea_orm::FromQueryResult;
use uuid::Uuid;
use watertight_entity::auth::invitations;

use crate::auth::error::AuthError;
use crate::auth::handle::Invitations;
use crate::auth::invitations::invitation::CreatedInvitation;
use crate::auth::invitations::new_invitation::NewInvitation;
use crate::auth::invitations::token::{InvitationToken, token_hash};
use crate::auth::second_factor::sealing::owner::OwnerKind;
use crate::tenant::TenantExecutor;
use crate::tenant::constraint::constraint;
use crate::tenant::sql::{columns, seconds, statement};

impl<C: TenantExecutor> Invitations<'_, C> {
    /// Creates an invitation. The token is returned only here.
    ///
    /// The invitation can be accepted as long as the inviter is active, not locked by an administrator, and has the present role.
    /// Before the call the application has to check whether the inviter may grant the role.
    ///
    /// With an [`id`](NewInvitation::id) a repeated call returns the same invitation with a new token and a new time of expiry; the
    /// token before it is void. It does so as long as the invitation is unused and has the given address, role and inviter.
    ///
    /// # Errors
    /// [`AuthError::LoginRefused`] for an inviter who is inactive or locked by an administrator; [`AuthError::UserNotFound`],
    /// [`AuthError::InvalidInput`]; [`AuthError::IdTaken`] for the id of another or used invitation; [`AuthError::NotConfigured`] for a secret without
    /// [`encryption_keys`](crate::auth::AuthSettings::encryption_keys).
    pub async fn create(self, new: NewInvitation) -> Result<CreatedInvitation, AuthError> {
        new.check()?;
        let (id, token) = (new.id.unwrap_or_else(Uuid::new_v4), InvitationToken::generate()?);
        let secret = match new.temporary_totp_secret {
            Some(secret) => Some(self.auth.seal(OwnerKind::Invitation, id, secret).await?.to_text()),
            None => None,
        };
        let metadata = new.metadata.map(serde_json::to_value).transpose();
        let insert = statement(
            format!(
                r#"INSERT INTO "auth"."invitations"
                   ("id", "token", "email", "role", "created_by", "expires_at", "temporary_totp_secret", "metadata",
                    "created_by_role")
               SELECT $2, $3, $4, $5, "users"."id", CURRENT_TIMESTAMP + $6::float8 * INTERVAL '1 second', $7,
                      $8::jsonb, "users"."role"
               FROM "auth"."users" WHERE "users"."id" = $1
                   AND "users"."is_active" AND NOT ("users"."is_locked" AND "users"."locked_until" IS NULL)
               ON CONFLICT ("id") DO UPDATE SET "token" = EXCLUDED."token", "expires_at" = EXCLUDED."expires_at",
                   "temporary_totp_secret" = EXCLUDED."temporary_totp_secret", "metadata" = EXCLUDED."metadata"
               WHERE "invitations"."email" = EXCLUDED."email" AND "invitations"."role" = EXCLUDED."role"
                   AND "invitations"."created_by" = EXCLUDED."created_by"
                   AND "invitations"."created_by_role" = EXCLUDED."created_by_role"
                   AND "invitations"."is_active" AND "invitations"."used_at" IS NULL
               RETURNING {}"#,
                columns::<invitations::Entity>()
            ),
            [
                new.created_by.into(),
                id.into(),
                token_hash(token.expose_secret()).into(),
                new.email.into(),
                new.role.into(),
                seconds(new.valid_for),
                secret.into(),
                metadata.map_err(|error| sea_orm::DbErr::Json(error.to_string()))?.into(),
            ],
        );
        let not_found = || AuthError::UserNotFound { user: new.created_by.to_string() };
        match self.auth.db.query_one_raw(insert).await {
            Ok(Some(row)) => {
                let invitation = invitations::Model::from_query_result(&row, "")?.try_into()?;
                Ok(CreatedInvitation { invitation, token })
            }
            Ok(None) => {
                let inviter = self.auth.candidate(r#""id" = $1"#, vec![new.created_by.into()]).await?;
                let inviter = inviter.ok_or_else(not_found)?;
                Err(match inviter.barred_by_administrator() {
                    Some(refusal) => refusal.into(),
                    None => AuthError::IdTaken { what: "invitation", id },
                })
            }
            Err(error) if constraint(&error) == Some("invitations_created_by_fkey") => Err(not_found()),
            Err(error) => Err(error.into()),
        }
    }
}
