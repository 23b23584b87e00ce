//! Accepting invitations.

use sea_orm::FromQueryResult;
use serde_json::json;
use uuid::Uuid;
use watertight_entity::auth::invitations;

use crate::auth::audit::event_type::AuditEventType;
use crate::auth::audit::new_event::NewAuditEvent;
use crate::auth::error::AuthError;
use crate::auth::handle::Invitations;
use crate::auth::invitations::conditions::STANDING;
use crate::auth::invitations::invitation::Invitation;
use crate::auth::invitations::invited_user::InvitedUser;
use crate::auth::invitations::state::InvitationState;
use crate::auth::invitations::token::token_hash;
use crate::auth::login::attempt::Factor;
use crate::auth::login::repeating::REPEATABLE;
use crate::auth::sessions::metadata::SessionMetadata;
use crate::auth::users::new_user::NewUser;
use crate::auth::users::password::Credential;
use crate::auth::users::user::User;
use crate::tenant::sql::{columns, statement};
use crate::tenant::{TenantExecutor, clock};

impl<C: TenantExecutor> Invitations<'_, C> {
    /// Accepts an invitation: creates the user and marks the invitation as used.
    ///
    /// The user gets the email address and the role of the invitation. Of parallel attempts one succeeds; the others change
    /// nothing.
    ///
    /// The inviter has to be active, not locked by an administrator, and in the role of the time of creation. Otherwise the state
    /// is [`Void`](InvitationState::Void).
    ///
    /// A call that is repeated within ten minutes with the same handle and password returns the user that it has created. A wrong
    /// password then counts as a failed login.
    ///
    /// # Errors
    /// [`AuthError::InvitationNotFound`], [`AuthError::InvitationClosed`], [`AuthError::HandleTaken`], [`AuthError::EmailTaken`],
    /// [`AuthError::InvalidInput`].
    pub async fn accept(self, token: &str, invited: InvitedUser) -> Result<User, AuthError> {
        // Read first, so that guessed tokens cost no hash.
        let (invitation, state) = self.find_with_state(token).await?;
        match state {
            InvitationState::Pending => {}
            InvitationState::Used => return self.accepted_before(&invitation, invited).await,
            state => return Err(AuthError::InvitationClosed { state }),
        }
        let new = NewUser {
            role: invitation.role.clone(),
            profile: invited.profile,
            ..NewUser::new(invited.handle, invitation.email.clone(), invited.credential)
        };
        new.check()?;
        let password_hash = self.auth.config.hasher.hash_of(new.credential.clone()).await?;

        let transaction = self.auth.db.begin().await?;
        let auth = self.auth.on(&transaction);
        let id = Uuid::new_v4();
        // The inviter's row is locked first, as everywhere. It does not change until the invitation is accepted.
        auth.locked_candidate(invitation.created_by).await?;
        let (_, state) = auth.invitations().find_with_state(token).await?;
        if state != InvitationState::Pending || !auth.invitations().take(token, id).await? {
            drop(transaction);
            let (_, state) = self.find_with_state(token).await?;
            return Err(AuthError::InvitationClosed { state });
        }
        let user = auth.users().insert(new.into_row(id, &password_hash)).await?;
        let event = |event_type| NewAuditEvent {
            details: json!({"invitation": invitation.id, "invitedBy": invitation.created_by}),
            ..NewAuditEvent::by_user(event_type, id, Some(&user.handle))
        };
        auth.audit()
            .log_all(vec![event(AuditEventType::InvitationAccepted), event(AuditEventType::UserCreated)])
            .await?;
        transaction.commit().await?;
        Ok(user)
    }

    /// Returns the user that an earlier call with the same handle and password has created.
    async fn accepted_before(self, invitation: &Invitation, invited: InvitedUser) -> Result<User, AuthError> {
        let closed = || AuthError::InvitationClosed { state: InvitationState::Used };
        let now = clock::now(self.auth.db).await?;
        let user = match (invitation.used_by, invitation.used_at) {
            (Some(user), Some(used_at)) if now - used_at < REPEATABLE => self.auth.users().find(user).await?,
            _ => None,
        };
        let user = user.filter(|user| user.handle == invited.handle).ok_or_else(closed)?;
        let proven = match invited.credential {
            Credential::Password(password) => {
                let attempt = self.auth.compare_user(user.id, &password).await?;
                match self.auth.judge_alone(&attempt, Factor::NotAsked, &SessionMetadata::default()).await {
                    Ok(_) => true,
                    Err(AuthError::LoginRefused(_)) => false,
                    Err(error) => return Err(error),
                }
            }
            Credential::Hash(hash) => {
                let row = self.auth.candidate(r#""id" = $1"#, vec![user.id.into()]).await?;
                row.is_some_and(|row| row.password_hash == hash.expose_secret())
            }
        };
        if proven { Ok(user) } else { Err(closed()) }
    }

    /// Marks a pending invitation as used. One statement, so that of parallel attempts one succeeds.
    async fn take(self, token: &str, user: Uuid) -> Result<bool, AuthError> {
        let take = statement(
            r#"UPDATE "auth"."invitations" SET "used_at" = CURRENT_TIMESTAMP, "used_by" = $2, "is_active" = FALSE
               WHERE "token" = $1 AND "is_active" AND "used_at" IS NULL AND "expires_at" > CURRENT_TIMESTAMP"#,
            [token_hash(token).into(), user.into()],
        );
        Ok(self.auth.db.execute_raw(take).await?.rows_affected() > 0)
    }

    /// Finds an invitation by token, with its state by the database's clock.
    async fn find_with_state(self, token: &str) -> Result<(Invitation, InvitationState), AuthError> {
        let select = statement(
            format!(
                r#"SELECT {}, "invitations"."expires_at" <= CURRENT_TIMESTAMP AS "expired",
                       {STANDING} AS "standing"
                   FROM "auth"."invitations" JOIN "auth"."users"
                       ON "users"."tenant_id" = "invitations"."tenant_id"
                       AND "users"."id" = "invitations"."created_by"
                   WHERE "invitations"."token" = $1"#,
                columns::<invitations::Entity>()
            ),
            [token_hash(token).into()],
        );
        let row = self.auth.db.query_one_raw(select).await?.ok_or(AuthError::InvitationNotFound)?;
        let invitation: Invitation = invitations::Model::from_query_result(&row, "")?.try_into()?;
        let state = if invitation.used_at.is_some() {
            InvitationState::Used
        } else if !invitation.is_active {
            InvitationState::Revoked
        } else if row.try_get("", "expired")? {
            InvitationState::Expired
        } else if !row.try_get::<bool>("", "standing")? {
            InvitationState::Void
        } else {
            InvitationState::Pending
        };
        Ok((invitation, state))
    }
}
