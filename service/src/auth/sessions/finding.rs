//! Finding live sessions.

use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder, Select};
use uuid::Uuid;
use watertight_entity::auth::sessions;

use crate::auth::error::AuthError;
use crate::auth::handle::Sessions;
use crate::auth::sessions::columns::live_session;
use crate::auth::sessions::session::Session;
use crate::tenant::TenantExecutor;

impl<C: TenantExecutor> Sessions<'_, C> {
    /// Finds a live session by id; `None` when there is none or it has ended.
    ///
    /// # Errors
    /// [`AuthError::Database`].
    pub async fn find(self, id: Uuid) -> Result<Option<Session>, AuthError> {
        let select = sessions::Entity::find().filter(live_session()).filter(sessions::Column::Id.eq(id));
        select.one(self.auth.db).await?.map(Session::try_from).transpose()
    }

    /// Returns the live sessions of a user, newest first.
    ///
    /// # Errors
    /// [`AuthError::Database`].
    pub async fn all_of(self, user: Uuid) -> Result<Vec<Session>, AuthError> {
        self.select(sessions::Entity::find().filter(sessions::Column::UserId.eq(user))).await
    }

    /// Returns every live session, newest first.
    ///
    /// # Errors
    /// [`AuthError::Database`].
    pub async fn all(self) -> Result<Vec<Session>, AuthError> {
        self.select(sessions::Entity::find()).await
    }

    async fn select(self, select: Select<sessions::Entity>) -> Result<Vec<Session>, AuthError> {
        let newest_first = select
            .filter(live_session())
            .order_by_desc(sessions::Column::CreatedAt)
            .order_by_asc(sessions::Column::Id);
        newest_first.all(self.auth.db).await?.into_iter().map(Session::try_from).collect()
    }
}
