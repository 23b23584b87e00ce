//! Changing and deleting invitations.

use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, Value};
use uuid::Uuid;
use watertight_entity::auth::invitations;

use crate::auth::error::AuthError;
use crate::auth::handle::Invitations;
use crate::auth::invitations::invitation::Invitation;
use crate::auth::invitations::metadata::InvitationMetadata;
use crate::auth::invitations::retention::delete_expired_invitations;
use crate::auth::invitations::update::InvitationUpdate;
use crate::tenant::TenantExecutor;
use crate::vocabulary::Change;

impl<C: TenantExecutor> Invitations<'_, C> {
    /// Changes an invitation and returns the changed invitation.
    ///
    /// # Errors
    /// [`AuthError::InvitationNotFound`], [`AuthError::InvalidInput`].
    pub async fn update(self, id: Uuid, update: InvitationUpdate) -> Result<Invitation, AuthError> {
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
            return self.find(id).await?.ok_or(AuthError::InvitationNotFound);
        }
        let mut query = invitations::Entity::update_many().filter(invitations::Column::Id.eq(id));
        for (column, value) in changes {
            query = query.col_expr(column, Expr::val(value));
        }
        let rows = query.exec_with_returning(self.auth.db).await?;
        rows.into_iter().next().ok_or(AuthError::InvitationNotFound)?.try_into()
    }

    /// Deletes an invitation. Returns `false` when there was none.
    ///
    /// # Errors
    /// [`AuthError::Database`].
    pub async fn delete(self, id: Uuid) -> Result<bool, AuthError> {
        let delete = invitations::Entity::delete_many().filter(invitations::Column::Id.eq(id));
        Ok(delete.exec(self.auth.db).await?.rows_affected > 0)
    }

    /// Deletes the invitations that expired unused and returns their number.
    ///
    /// Accepted invitations stay as a record. The rows are deleted in batches, as by
    /// [`Sessions::delete_expired`](crate::auth::Sessions::delete_expired).
    ///
    /// # Errors
    /// [`AuthError::Database`]; rows of earlier batches stay deleted.
    pub async fn delete_expired(self) -> Result<u64, AuthError> {
        Ok(delete_expired_invitations(self.auth.db).await?)
    }
}
