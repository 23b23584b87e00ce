//! The operations on invitations: how someone becomes a user.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use sea_orm::FromQueryResult;
use sea_orm::sea_query::{Expr, ExprTrait};
use sea_orm::{ColumnTrait, Condition, EntityTrait, QueryFilter, QueryOrder, Select, Value};
use sha2::{Digest, Sha256};
use uuid::Uuid;
use watertight_entity::auth::{invitations, users};

use super::Auth;
use super::audit::NewAuditEvent;
use super::audit_kinds::{AuditEventType, Source};
use super::login::LoginRefusal;
use super::retention;
use super::sealing::{OwnerKind, Sealed};
use super::totp::TotpSecret;
use super::user::{NewUser, User};
use crate::auth::AuthError;
use crate::tenant::TenantExecutor;
use crate::tenant::constraint::constraint;
use crate::tenant::sql::{seconds, statement};
use crate::vocabulary::Change;

use super::invitation::*;

/// What the database holds of a token. It is long and random, so one round of SHA-256 does.
fn hash(token: &str) -> String {
    URL_SAFE_NO_PAD.encode(Sha256::digest(token.as_bytes()))
}

fn live() -> Expr {
    invitations::Column::ExpiresAt.into_expr().gt(Expr::current_timestamp())
}

/// Whether the inviter stands behind an invitation: active, not locked by an administrator, and in the role of when it
/// was made. What a role may grant is the application's decision, made then; it says nothing of another role.
const STANDING: &str = r#"("users"."is_active" AND NOT ("users"."is_locked" AND "users"."locked_until" IS NULL)
    AND ("invitations"."created_by_role" IS NULL OR "invitations"."created_by_role" = "users"."role"))"#;

fn of_token(token: &str) -> Expr {
    invitations::Column::Token.eq(hash(token))
}

/// Invitations.
impl<C: TenantExecutor> Auth<'_, C> {
    /// Makes an invitation. Its token is returned here and never again. It can be accepted as long as the inviter is
    /// active, not locked by an administrator, and has the role that they have now.
    ///
    /// Whether the inviter may grant the role is for the application to check before.
    ///
    /// # Errors
    /// [`AuthError::LoginRefused`] for an inviter who is inactive or locked by an administrator, [`AuthError::UserNotFound`], [`AuthError::InvalidInput`]; [`AuthError::NotConfigured`] for a secret without
    /// [`encryption_keys`](super::AuthSettings::encryption_keys).
    pub async fn create_invitation(self, new: NewInvitation) -> Result<CreatedInvitation, AuthError> {
        new.check()?;
        let (id, token) = (Uuid::new_v4(), InvitationToken::generate()?);
        let secret = match new.temporary_totp_secret {
            Some(secret) => Some(self.seal(OwnerKind::Invitation, id, secret).await?.to_text()),
            None => None,
        };
        let metadata = new.metadata.map(serde_json::to_value).transpose();
        let insert = statement(
            r#"INSERT INTO "auth"."invitations"
                   ("id", "token", "email", "role", "created_by", "expires_at", "temporary_totp_secret", "metadata",
                    "created_by_role")
               SELECT $2, $3, $4, $5, "users"."id", CURRENT_TIMESTAMP + $6::float8 * INTERVAL '1 second', $7,
                      $8::jsonb, "users"."role"
               FROM "auth"."users" WHERE "users"."id" = $1
                   AND "users"."is_active" AND NOT ("users"."is_locked" AND "users"."locked_until" IS NULL)
               RETURNING *"#,
            [
                new.created_by.into(),
                id.into(),
                hash(token.expose_secret()).into(),
                new.email.into(),
                new.role.into(),
                seconds(new.valid_for),
                secret.into(),
                metadata.map_err(|error| sea_orm::DbErr::Json(error.to_string()))?.into(),
            ],
        );
        let not_found = || AuthError::UserNotFound { user: new.created_by.to_string() };
        match self.db.query_one_raw(insert).await {
            Ok(Some(row)) => {
                let invitation = invitations::Model::from_query_result(&row, "")?.try_into()?;
                Ok(CreatedInvitation { invitation, token })
            }
            Ok(None) => {
                let inviter = self.candidate(r#""id" = $1"#, new.created_by.into()).await?;
                let inviter = inviter.ok_or_else(not_found)?;
                Err(if inviter.is_active {
                    LoginRefusal::Locked { until: None }.into()
                } else {
                    LoginRefusal::Inactive.into()
                })
            }
            Err(error) if constraint(&error) == Some("invitations_created_by_fkey") => Err(not_found()),
            Err(error) => Err(error.into()),
        }
    }

    /// The invitation of a token, whether it was used or withdrawn; `None` when there is none, or its time is over.
    ///
    /// # Errors
    /// What the database reports.
    pub async fn get_invitation(self, token: &str) -> Result<Option<Invitation>, AuthError> {
        let select = invitations::Entity::find().filter(of_token(token)).filter(live());
        select.one(self.db).await?.map(Invitation::try_from).transpose()
    }

    /// The invitation of an identity, whatever became of it.
    ///
    /// # Errors
    /// What the database reports.
    pub async fn get_invitation_by_id(self, id: Uuid) -> Result<Option<Invitation>, AuthError> {
        let select = invitations::Entity::find().filter(invitations::Column::Id.eq(id));
        select.one(self.db).await?.map(Invitation::try_from).transpose()
    }

    /// The second factor that goes with a live invitation; `None` when there is none.
    ///
    /// # Errors
    /// [`AuthError::Undecryptable`], [`AuthError::NotConfigured`].
    pub async fn get_invitation_totp_secret(self, token: &str) -> Result<Option<TotpSecret>, AuthError> {
        let select = invitations::Entity::find().filter(of_token(token)).filter(live());
        let Some(row) = select.one(self.db).await? else { return Ok(None) };
        match row.temporary_totp_secret {
            Some(text) => self.open(OwnerKind::Invitation, row.id, Sealed::from_text(&text)?).await.map(Some),
            None => Ok(None),
        }
    }

    /// Every invitation, newest first.
    ///
    /// # Errors
    /// What the database reports.
    pub async fn get_all_invitations(self) -> Result<Vec<Invitation>, AuthError> {
        self.invitations(Condition::all()).await
    }

    /// The invitations that can be accepted, newest first.
    ///
    /// # Errors
    /// What the database reports.
    pub async fn get_pending_invitations(self) -> Result<Vec<Invitation>, AuthError> {
        let pending = Condition::all()
            .add(invitations::Column::IsActive.eq(true))
            .add(invitations::Column::UsedAt.is_null())
            .add(live())
            .add(Expr::cust(STANDING));
        self.select_invitations(invitations::Entity::find().inner_join(users::Entity), pending).await
    }

    /// The invitations that a user made, newest first.
    ///
    /// # Errors
    /// What the database reports.
    pub async fn get_invitations_by_user(self, user: Uuid) -> Result<Vec<Invitation>, AuthError> {
        self.invitations(Condition::all().add(invitations::Column::CreatedBy.eq(user))).await
    }

    async fn invitations(self, condition: Condition) -> Result<Vec<Invitation>, AuthError> {
        self.select_invitations(invitations::Entity::find(), condition).await
    }

    async fn select_invitations(
        self,
        select: Select<invitations::Entity>,
        condition: Condition,
    ) -> Result<Vec<Invitation>, AuthError> {
        let newest_first = select
            .filter(condition)
            .order_by_desc(invitations::Column::CreatedAt)
            .order_by_asc(invitations::Column::Id);
        newest_first.all(self.db).await?.into_iter().map(Invitation::try_from).collect()
    }

    /// Changes an invitation, and gives it as changed.
    ///
    /// # Errors
    /// [`AuthError::InvitationNotFound`], [`AuthError::InvalidInput`].
    pub async fn update_invitation(
        self,
        id: Uuid,
        update: InvitationUpdate,
    ) -> Result<Invitation, AuthError> {
        use invitations::Column::{ExpiresAt, IsActive, Metadata, UsedAt, UsedBy};
        InvitationMetadata::check(update.metadata.as_option().and_then(Option::as_ref))?;
        let mut changes: Vec<(invitations::Column, Value)> = Vec::new();
        if let Change::Set(is_active) = update.is_active {
            changes.push((IsActive, is_active.into()));
        }
        if let Change::Set(used_at) = update.used_at {
            changes.push((UsedAt, used_at.into()));
        }
        if let Change::Set(used_by) = update.used_by {
            changes.push((UsedBy, used_by.into()));
        }
        if let Change::Set(metadata) = update.metadata {
            let json = metadata.map(serde_json::to_value).transpose();
            changes.push((Metadata, json.map_err(|error| sea_orm::DbErr::Json(error.to_string()))?.into()));
        }
        if let Change::Set(expires_at) = update.expires_at {
            changes.push((ExpiresAt, expires_at.into()));
        }
        if changes.is_empty() {
            return self.get_invitation_by_id(id).await?.ok_or(AuthError::InvitationNotFound);
        }
        let mut query = invitations::Entity::update_many().filter(invitations::Column::Id.eq(id));
        for (column, value) in changes {
            query = query.col_expr(column, Expr::val(value));
        }
        let rows = query.exec_with_returning(self.db).await?;
        rows.into_iter().next().ok_or(AuthError::InvitationNotFound)?.try_into()
    }

    /// Deletes an invitation. `false` when there was none.
    ///
    /// # Errors
    /// What the database reports.
    pub async fn delete_invitation(self, id: Uuid) -> Result<bool, AuthError> {
        let delete = invitations::Entity::delete_many().filter(invitations::Column::Id.eq(id));
        Ok(delete.exec(self.db).await?.rows_affected > 0)
    }

    /// Deletes the invitations that no one accepted in time, and says how many there were. Those that were accepted
    /// stay, as a record. In batches, as
    /// [`cleanup_expired_sessions`](Self::cleanup_expired_sessions) does it.
    ///
    /// # Errors
    /// What the database reports; the batches before are deleted then.
    pub async fn cleanup_expired_invitations(self) -> Result<u64, AuthError> {
        Ok(retention::delete_invitations(self.db).await?)
    }

    /// Accepts an invitation: creates the user, with the invitation's email and role, and marks it as used. However
    /// many try at once, on however many servers, one succeeds; the others change nothing.
    ///
    /// The inviter has to stand behind it still, in the transaction that accepts it: active, not locked by an
    /// administrator, and in the role of when the invitation was made. Otherwise its state is
    /// [`Void`](InvitationState::Void).
    ///
    /// # Errors
    /// [`AuthError::InvitationNotFound`], [`AuthError::InvitationClosed`], [`AuthError::HandleTaken`], [`AuthError::EmailTaken`],
    /// [`AuthError::InvalidInput`].
    pub async fn accept_invitation(self, token: &str, invited: InvitedUser) -> Result<User, AuthError> {
        // Asked first, so that no hash is computed for whoever guesses tokens.
        let (invitation, state) = self.invitation_and_state(token).await?;
        if state != InvitationState::Pending {
            return Err(AuthError::InvitationClosed { state });
        }
        let new = NewUser {
            role: invitation.role.clone(),
            profile: invited.profile,
            ..NewUser::new(invited.handle, invitation.email.clone(), invited.credential)
        };
        new.check()?;
        let password_hash = self.config.hasher.hash_of(new.credential.clone()).await?;

        let transaction = self.db.begin().await?;
        let auth = self.on(&transaction);
        let id = Uuid::new_v4();
        // The inviter's row first, as everywhere; nobody changes it until the invitation is accepted.
        auth.locked_candidate(invitation.created_by).await?;
        let (_, state) = auth.invitation_and_state(token).await?;
        if state != InvitationState::Pending || !auth.take_invitation(token, id).await? {
            drop(transaction);
            let (_, state) = self.invitation_and_state(token).await?;
            return Err(AuthError::InvitationClosed { state });
        }
        let user = auth.insert_user(new.into_row(id, &password_hash)).await?;
        let event = |event_type| NewAuditEvent {
            user_id: Some(id),
            handle: Some(user.handle.to_string()),
            source: Source::User,
            details: serde_json::json!({"invitation": invitation.id, "invitedBy": invitation.created_by}),
            ..NewAuditEvent::new(event_type)
        };
        auth.log_audit_events(vec![
            event(AuditEventType::InvitationAccepted),
            event(AuditEventType::UserCreated),
        ])
        .await?;
        transaction.commit().await?;
        Ok(user)
    }

    /// Marks an invitation as used, if it is pending: one statement, so once whoever else tries.
    async fn take_invitation(self, token: &str, user: Uuid) -> Result<bool, AuthError> {
        let take = statement(
            r#"UPDATE "auth"."invitations" SET "used_at" = CURRENT_TIMESTAMP, "used_by" = $2, "is_active" = FALSE
               WHERE "token" = $1 AND "is_active" AND "used_at" IS NULL AND "expires_at" > CURRENT_TIMESTAMP"#,
            [hash(token).into(), user.into()],
        );
        Ok(self.db.execute_raw(take).await?.rows_affected() > 0)
    }

    /// The invitation of a token, and what became of it by the database's clock.
    async fn invitation_and_state(self, token: &str) -> Result<(Invitation, InvitationState), AuthError> {
        let select = statement(
            format!(
                r#"SELECT "invitations".*, "invitations"."expires_at" <= CURRENT_TIMESTAMP AS "expired",
                       {STANDING} AS "standing"
                   FROM "auth"."invitations" JOIN "auth"."users"
                       ON "users"."tenant_id" = "invitations"."tenant_id"
                       AND "users"."id" = "invitations"."created_by"
                   WHERE "invitations"."token" = $1"#
            ),
            [hash(token).into()],
        );
        let row = self.db.query_one_raw(select).await?.ok_or(AuthError::InvitationNotFound)?;
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
