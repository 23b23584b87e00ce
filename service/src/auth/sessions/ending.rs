//! Ending sessions.

use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};
use uuid::Uuid;
use watertight_entity::auth::sessions;

use crate::auth::error::AuthError;
use crate::auth::handle::Sessions;
use crate::auth::sessions::retention::delete_expired_sessions;
use crate::tenant::TenantExecutor;

impl<C: TenantExecutor> Sessions<'_, C> {
    /// Ends a session. Returns `false` when there was none.
    ///
    /// # Errors
    /// [`AuthError::Database`].
    pub async fn end(self, id: Uuid) -> Result<bool, AuthError> {
        let delete = sessions::Entity::delete_many().filter(sessions::Column::Id.eq(id));
        Ok(delete.exec(self.auth.db).await?.rows_affected > 0)
    }

    /// Ends every session of a user and returns their number.
    ///
    /// # Errors
    /// [`AuthError::Database`].
    pub async fn end_all_of(self, user: Uuid) -> Result<u64, AuthError> {
        self.end_all_except(user, None).await
    }

    /// Ends the sessions of a user except one to keep.
    pub(in crate::auth) async fn end_all_except(
        self,
        user: Uuid,
        keep: Option<Uuid>,
    ) -> Result<u64, AuthError> {
        let delete = sessions::Entity::delete_many().filter(sessions::Column::UserId.eq(user));
        let delete = match keep {
            Some(keep) => delete.filter(sessions::Column::Id.ne(keep)),
            None => delete,
        };
        Ok(delete.exec(self.auth.db).await?.rows_affected)
    }

    /// Deletes the sessions that have ended and returns their number.
    ///
    /// On a [`TenantConnection`](crate::TenantConnection) every 1000 rows are a transaction of their own. Rows that a parallel
    /// call has locked are skipped.
    ///
    /// # Errors
    /// [`AuthError::Database`]; rows of earlier batches stay deleted.
    pub async fn delete_expired(self) -> Result<u64, AuthError> {
        Ok(delete_expired_sessions(self.auth.db).await?)
    }
}
