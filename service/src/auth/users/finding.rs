//! Finding users.

use std::sync::LazyLock;

use futures_util::{Stream, StreamExt, TryStreamExt};
use sea_orm::sea_query::{Expr, Query};
use sea_orm::{
    ColumnTrait, EntityName, EntityTrait, QueryFilter, QueryOrder, QuerySelect, QueryTrait, Select, Value,
};
use uuid::Uuid;
use watertight_entity::auth::users;

use crate::auth::error::AuthError;
use crate::auth::handle::Users;
use crate::auth::users::columns::USER_COLUMNS;
use crate::auth::users::user::User;
use crate::tenant::TenantExecutor;
use crate::tenant::sql::statement;
use crate::vocabulary::{Email, Handle};

/// A select of users, each to be read as a [`User`].
pub(in crate::auth) fn find() -> Select<users::Entity> {
    users::Entity::find().select_only().expr(Expr::cust(USER_COLUMNS.as_str()))
}

/// The select of a user by a key. It is built once: building it takes longer than all other work of the client.
fn select_by(column: &str) -> String {
    format!(r#"SELECT {} FROM "auth"."users" WHERE "users"."{column}" = $1"#, *USER_COLUMNS)
}

impl<C: TenantExecutor> Users<'_, C> {
    /// Finds a user by id; `None` when the tenant has no such user.
    ///
    /// # Errors
    /// [`AuthError::Database`].
    pub async fn find(self, id: Uuid) -> Result<Option<User>, AuthError> {
        static SELECT: LazyLock<String> = LazyLock::new(|| select_by("id"));
        self.find_one(&SELECT, id.into()).await
    }

    /// Finds a user by handle; `None` when the tenant has no such user.
    ///
    /// # Errors
    /// [`AuthError::Database`].
    pub async fn find_by_handle(self, handle: &Handle) -> Result<Option<User>, AuthError> {
        static SELECT: LazyLock<String> = LazyLock::new(|| select_by("handle"));
        self.find_one(&SELECT, handle.as_str().into()).await
    }

    /// Finds a user by email address; `None` when the tenant has no such user.
    ///
    /// # Errors
    /// [`AuthError::Database`].
    pub async fn find_by_email(self, email: &Email) -> Result<Option<User>, AuthError> {
        static SELECT: LazyLock<String> = LazyLock::new(|| select_by("email"));
        self.find_one(&SELECT, email.as_str().into()).await
    }

    async fn find_one(self, select: &str, key: Value) -> Result<Option<User>, AuthError> {
        let row = self.auth.db.query_one_raw(statement(select, [key])).await?;
        Ok(row.map(|row| User::of(&row)).transpose()?)
    }

    /// Returns every user, ordered by handle.
    ///
    /// For many users there are [`stream`](Self::stream) and [`page`](Self::page).
    ///
    /// # Errors
    /// [`AuthError::Database`].
    pub async fn all(self) -> Result<Vec<User>, AuthError> {
        self.select(find().order_by_asc(users::Column::Handle)).await
    }

    /// Returns at most `limit` users after a handle, or the first ones, ordered by handle.
    ///
    /// To read the next page, pass the last handle of this page. Every page costs the same.
    ///
    /// # Errors
    /// [`AuthError::Database`].
    pub async fn page(self, after: Option<&Handle>, limit: u64) -> Result<Vec<User>, AuthError> {
        let page = find().order_by_asc(users::Column::Handle).limit(limit);
        let page = match after {
            Some(handle) => page.filter(users::Column::Handle.gt(handle.as_str())),
            None => page,
        };
        self.select(page).await
    }

    async fn select(self, select: Select<users::Entity>) -> Result<Vec<User>, AuthError> {
        let rows = self.auth.db.query_all(select.as_query()).await?;
        rows.iter().map(|row| Ok(User::of(row)?)).collect()
    }

    /// Streams every user, ordered by handle. The stream uses a connection until it ends.
    ///
    /// # Errors
    /// [`AuthError::Database`], at once or as an item of the stream.
    pub async fn stream(self) -> Result<impl Stream<Item = Result<User, AuthError>> + Send, AuthError> {
        let select = find().order_by_asc(users::Column::Handle);
        let rows = self.auth.db.stream(select.as_query()).await?;
        Ok(rows.map(|row| Ok(User::of(&row?)?)).boxed().into_stream())
    }

    /// Returns true if the tenant has any user.
    ///
    /// # Errors
    /// [`AuthError::Database`].
    pub async fn any(self) -> Result<bool, AuthError> {
        let exists = Query::select()
            .expr_as(
                Expr::exists(Query::select().expr(Expr::val(1)).from(users::Entity.table_ref()).take()),
                "found",
            )
            .take();
        let row = self.auth.db.query_one(&exists).await?;
        Ok(row.map(|row| row.try_get("", "found")).transpose()?.unwrap_or(false))
    }
}
