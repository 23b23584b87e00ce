//! Finding invitations.

use sea_orm::{ColumnTrait, Condition, EntityTrait, QueryFilter, QueryOrder, Select};
use uuid::Uuid;
use watertight_entity::auth::{invitations, users};

use crate::auth::error::AuthError;
use crate::auth::handle::Invitations;
use crate::auth::invitations::conditions::{not_expired, of_token, pending};
use crate::auth::invitations::invitation::Invitation;
use crate::auth::second_factor::sealing::owner::OwnerKind;
use crate::auth::second_factor::sealing::sealed::Sealed;
use crate::auth::second_factor::totp_secret::TotpSecret;
use crate::tenant::TenantExecutor;

impl<C: TenantExecutor> Invitations<'_, C> {
    /// Finds an invitation by id, in any state.
    ///
    /// # Errors
    /// [`AuthError::Database`].
    pub async fn find(self, id: Uuid) -> Result<Option<Invitation>, AuthError> {
        let select = invitations::Entity::find().filter(invitations::Column::Id.eq(id));
        select.one(self.auth.db).await?.map(Invitation::try_from).transpose()
    }

    /// Finds an invitation by token; `None` when there is none or it has expired.
    ///
    /// Used and revoked invitations are found too.
    ///
    /// # Errors
    /// [`AuthError::Database`].
    pub async fn find_by_token(self, token: &str) -> Result<Option<Invitation>, AuthError> {
        let select = invitations::Entity::find().filter(of_token(token)).filter(not_expired());
        select.one(self.auth.db).await?.map(Invitation::try_from).transpose()
    }

    /// Finds the TOTP secret of a pending invitation; `None` when there is none.
    ///
    /// An invitation that is used, revoked, expired or void has none.
    ///
    /// # Errors
    /// [`AuthError::Undecryptable`], [`AuthError::NotConfigured`].
    pub async fn find_totp_secret(self, token: &str) -> Result<Option<TotpSecret>, AuthError> {
        let select = invitations::Entity::find().inner_join(users::Entity);
        let select = select.filter(of_token(token)).filter(pending());
        let Some(row) = select.one(self.auth.db).await? else { return Ok(None) };
        match row.temporary_totp_secret {
            Some(text) => {
                self.auth.open(OwnerKind::Invitation, row.id, Sealed::from_text(&text)?).await.map(Some)
            }
            None => Ok(None),
        }
    }

    /// Returns every invitation, newest first.
    ///
    /// # Errors
    /// [`AuthError::Database`].
    pub async fn all(self) -> Result<Vec<Invitation>, AuthError> {
        self.select(invitations::Entity::find(), Condition::all()).await
    }

    /// Returns the invitations that can be accepted, newest first.
    ///
    /// # Errors
    /// [`AuthError::Database`].
    pub async fn all_pending(self) -> Result<Vec<Invitation>, AuthError> {
        self.select(invitations::Entity::find().inner_join(users::Entity), pending()).await
    }

    /// Returns the invitations that a user created, newest first.
    ///
    /// # Errors
    /// [`AuthError::Database`].
    pub async fn all_of(self, user: Uuid) -> Result<Vec<Invitation>, AuthError> {
        let created_by = Condition::all().add(invitations::Column::CreatedBy.eq(user));
        self.select(invitations::Entity::find(), created_by).await
    }

    async fn select(
        self,
        select: Select<invitations::Entity>,
        condition: Condition,
    ) -> Result<Vec<Invitation>, AuthError> {
        let newest_first = select
            .filter(condition)
            .order_by_desc(invitations::Column::CreatedAt)
            .order_by_asc(invitations::Column::Id);
        newest_first.all(self.auth.db).await?.into_iter().map(Invitation::try_from).collect()
    }
}
