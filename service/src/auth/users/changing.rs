//! Changing and deleting users.

use sea_orm::sea_query::{Expr, Query, UpdateStatement};
use sea_orm::{ColumnTrait, DbErr, EntityName, EntityTrait, QueryFilter, QuerySelect, QueryTrait};
use uuid::Uuid;
use watertight_entity::auth::{invitations, sessions, totp_secrets, users};

use crate::auth::error::AuthError;
use crate::auth::handle::Users;
use crate::auth::users::columns::WRITTEN_USER_COLUMNS;
use crate::auth::users::update::UserUpdate;
use crate::auth::users::user::User;
use crate::tenant::TenantExecutor;
use crate::tenant::constraint::constraint;
use crate::vocabulary::{Change, Handle};

impl<C: TenantExecutor> Users<'_, C> {
    /// Changes a user and returns the changed user. A TOTP secret follows its user's handle.
    ///
    /// All sessions of the user end when the role, the permissions or `is_active` change, and when a second factor is required
    /// from now on. Another handle, email address or profile ends no session.
    ///
    /// A whole `ip_address` is stored as the setting [`address_storage`](crate::auth::AuthSettings::address_storage) defines.
    ///
    /// # Errors
    /// [`AuthError::UserNotFound`], [`AuthError::HandleTaken`], [`AuthError::EmailTaken`], [`AuthError::InvalidInput`].
    pub async fn update(self, id: Uuid, update: UserUpdate) -> Result<User, AuthError> {
        let ends_sessions = update.touches_standing();
        self.change(id, update, ends_sessions).await
    }

    /// Changes a user. With `ends_sessions` the sessions end if the change requires it.
    pub(in crate::auth) async fn change(
        self,
        id: Uuid,
        mut update: UserUpdate,
        ends_sessions: bool,
    ) -> Result<User, AuthError> {
        update.check()?;
        if let Change::Set(address) = &update.ip_address {
            update.ip_address = Change::Set(self.auth.config.stored_address(address.as_ref()));
        }
        let handle = update.handle.as_option().cloned();
        let (new_handle, new_email) =
            (handle.as_ref().map(ToString::to_string), update.email.as_option().map(ToString::to_string));
        let mut query = Query::update();
        query
            .table(users::Entity.table_ref())
            .values(update.into_values().into_iter().map(|(column, value)| (column, Expr::val(value))))
            .value(users::Column::UpdatedAt, Expr::current_timestamp())
            .and_where(users::Column::Id.eq(id))
            .returning(Query::returning().expr(Expr::cust(WRITTEN_USER_COLUMNS.as_str())));
        let changed = if handle.is_none() && !ends_sessions {
            self.auth.db.query_one(&query).await.and_then(|row| row.map(|row| User::of(&row)).transpose())
        } else {
            self.update_with_dependents(id, &query, handle.as_ref(), ends_sessions).await
        };
        match changed {
            Ok(Some(user)) => Ok(user),
            Ok(None) => Err(AuthError::UserNotFound { user: id.to_string() }),
            Err(error) => Err(match constraint(&error) {
                Some("users_handle_key") => AuthError::HandleTaken { handle: new_handle.unwrap_or_default() },
                Some("users_email_key") => AuthError::EmailTaken { email: new_email.unwrap_or_default() },
                _ => error.into(),
            }),
        }
    }

    /// Changes a user, the handle of the TOTP secret and the sessions in one transaction.
    async fn update_with_dependents(
        self,
        id: Uuid,
        update: &UpdateStatement,
        handle: Option<&Handle>,
        ends_sessions: bool,
    ) -> Result<Option<User>, DbErr> {
        let transaction = self.auth.db.begin().await?;
        let locked = super::finding::find().filter(users::Column::Id.eq(id)).lock_exclusive();
        let Some(before) = transaction.query_one(locked.as_query()).await? else { return Ok(None) };
        let before = User::of(&before)?;
        let Some(row) = transaction.query_one(update).await? else { return Ok(None) };
        let user = User::of(&row)?;
        if let Some(handle) = handle {
            totp_secrets::Entity::update_many()
                .col_expr(totp_secrets::Column::Handle, Expr::val(handle.as_str()))
                .filter(totp_secrets::Column::UserId.eq(id))
                .exec(&transaction)
                .await?;
        }
        if ends_sessions && !user.keeps_sessions_of(&before) {
            sessions::Entity::delete_many()
                .filter(sessions::Column::UserId.eq(id))
                .exec(&transaction)
                .await?;
        }
        transaction.commit().await?;
        Ok(Some(user))
    }

    /// Deletes a user and everything that belongs to the user, except the audit trail.
    ///
    /// Sessions, backup codes, TOTP secret and invitations are deleted. Returns `false` when the tenant has no such user.
    ///
    /// # Errors
    /// [`AuthError::Database`].
    pub async fn delete(self, id: Uuid) -> Result<bool, AuthError> {
        let transaction = self.auth.db.begin().await?;
        // Locked first, so that no invitation is created in between.
        users::Entity::find()
            .select_only()
            .column(users::Column::Id)
            .filter(users::Column::Id.eq(id))
            .lock_exclusive()
            .into_tuple::<Uuid>()
            .one(&transaction)
            .await?;
        invitations::Entity::delete_many()
            .filter(invitations::Column::CreatedBy.eq(id))
            .exec(&transaction)
            .await?;
        let deleted =
            users::Entity::delete_many().filter(users::Column::Id.eq(id)).exec(&transaction).await?;
        transaction.commit().await?;
        Ok(deleted.rows_affected > 0)
    }
}
