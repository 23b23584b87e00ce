//! Creating users.

use sea_orm::sea_query::{Expr, OnConflict, Query};
use sea_orm::{ColumnTrait, Condition, EntityTrait, QueryFilter, QuerySelect, QueryTrait};
use uuid::Uuid;
use watertight_entity::auth::users;

use crate::auth::error::AuthError;
use crate::auth::handle::Users;
use crate::auth::users::columns::WRITTEN_USER_COLUMNS;
use crate::auth::users::hasher::Lane;
use crate::auth::users::new_user::NewUser;
use crate::auth::users::user::User;
use crate::tenant::TenantExecutor;

impl<C: TenantExecutor> Users<'_, C> {
    /// Creates a user.
    ///
    /// With an [`id`](NewUser::id) a repeated call returns the user as it is now, if its handle and email address are the given ones.
    ///
    /// # Errors
    /// [`AuthError::HandleTaken`], [`AuthError::EmailTaken`], [`AuthError::InvalidInput`]; [`AuthError::IdTaken`] for the id of a user
    /// with another handle or email address.
    pub async fn create(self, new: NewUser) -> Result<User, AuthError> {
        new.check()?;
        if let Some(user) = self.created_before(&new).await? {
            return Ok(user);
        }
        let hash = self.auth.hashing(Lane::Anyone).hash_of(new.credential.clone()).await?;
        let (id, given) = (new.id.unwrap_or_else(Uuid::new_v4), new.clone());
        match self.insert(new.into_row(id, &hash)).await {
            // Another call with the same id can have been faster.
            Err(taken) if taken.is_conflict() => self.created_before(&given).await?.ok_or(taken),
            created => created,
        }
    }

    /// Returns the user that an earlier call with the same id has created.
    async fn created_before(self, new: &NewUser) -> Result<Option<User>, AuthError> {
        let Some(id) = new.id else { return Ok(None) };
        match self.find(id).await? {
            Some(user) if user.handle == new.handle && user.email == new.email => Ok(Some(user)),
            Some(_) => Err(AuthError::IdTaken { what: "user", id }),
            None => Ok(None),
        }
    }

    /// Inserts a user, or reports the name that is taken. Neither outcome aborts the surrounding transaction.
    pub(in crate::auth) async fn insert(self, row: users::ActiveModel) -> Result<User, AuthError> {
        let insert = users::Entity::insert(row.clone())
            .on_conflict(OnConflict::new().do_nothing().to_owned())
            .into_query()
            .returning(Query::returning().expr(Expr::cust(WRITTEN_USER_COLUMNS.as_str())))
            .to_owned();
        // The conflicting user can be gone by the time it is read: then the insert is tried again.
        for _ in 0..3 {
            if let Some(row) = self.auth.db.query_one(&insert).await? {
                return Ok(User::of(&row)?);
            }
            let (handle, email) = (row.handle.as_ref(), row.email.as_ref());
            if let Some(taken) = self.taken(Some(handle), Some(email)).await? {
                return Err(taken);
            }
        }
        Err(AuthError::Database(sea_orm::DbErr::RecordNotInserted))
    }

    /// Reports the handle or email address that another user has.
    async fn taken(
        self,
        handle: Option<&String>,
        email: Option<&String>,
    ) -> Result<Option<AuthError>, AuthError> {
        let either = Condition::any()
            .add_option(handle.map(|handle| users::Column::Handle.eq(handle)))
            .add_option(email.map(|email| users::Column::Email.eq(email)));
        let names =
            users::Entity::find().select_only().columns([users::Column::Handle, users::Column::Email]);
        let others: Vec<(String, String)> = names.filter(either).into_tuple().all(self.auth.db).await?;
        let of_handle = others.iter().find(|(taken, _)| Some(taken) == handle);
        let of_email = others.iter().find(|(_, taken)| Some(taken) == email);
        Ok(match (of_handle, of_email) {
            (Some((handle, _)), _) => Some(AuthError::HandleTaken { handle: handle.clone() }),
            (None, Some((_, email))) => Some(AuthError::EmailTaken { email: email.clone() }),
            (None, None) => None,
        })
    }
}
