//! The operations on users.

use std::sync::LazyLock;

use futures_util::{Stream, StreamExt, TryStreamExt};
use sea_orm::sea_query::{Expr, OnConflict, Query};
use sea_orm::{
    ColumnTrait, Condition, DbErr, EntityName, EntityTrait, QueryFilter, QueryOrder, QuerySelect, QueryTrait,
    Select, Statement, Value,
};
use uuid::Uuid;
use watertight_entity::auth::{invitations, sessions, totp_secrets, users};

use super::Auth;
use super::audit::NewAuditEvent;
use super::audit_kinds::{AuditEventType, Severity, Source};
use super::password::{Credential, PasswordHash};
use super::sql::{USER_COLUMNS, WRITTEN_USER_COLUMNS};
use crate::auth::AuthError;
use crate::tenant::TenantExecutor;
use crate::tenant::constraint::constraint;
use crate::tenant::sql::statement;
use crate::vocabulary::text;
use crate::vocabulary::{Email, Handle};

use super::user::{NewUser, User, UserUpdate};

/// A select of users, each to be read as a [`User`].
pub(super) fn find() -> Select<users::Entity> {
    users::Entity::find().select_only().expr(Expr::cust(USER_COLUMNS.as_str()))
}

/// The select of a user by a key, written once: building it takes longer than all else that the client does.
fn select_by(column: &str) -> String {
    format!(r#"SELECT {} FROM "auth"."users" WHERE "users"."{column}" = $1"#, *USER_COLUMNS)
}

/// Users.
impl<C: TenantExecutor> Auth<'_, C> {
    /// The user of an identity; `None` when the tenant has no such user.
    ///
    /// # Errors
    /// What the database reports.
    pub async fn get_user(self, id: Uuid) -> Result<Option<User>, AuthError> {
        static SELECT: LazyLock<String> = LazyLock::new(|| select_by("id"));
        self.one_user(&SELECT, id.into()).await
    }

    /// The user of a handle; `None` when the tenant has no such user.
    ///
    /// # Errors
    /// What the database reports.
    pub async fn get_user_by_handle(self, handle: &Handle) -> Result<Option<User>, AuthError> {
        static SELECT: LazyLock<String> = LazyLock::new(|| select_by("handle"));
        self.one_user(&SELECT, handle.as_str().into()).await
    }

    /// The user of an email address; `None` when the tenant has no such user.
    ///
    /// # Errors
    /// What the database reports.
    pub async fn get_user_by_email(self, email: &Email) -> Result<Option<User>, AuthError> {
        static SELECT: LazyLock<String> = LazyLock::new(|| select_by("email"));
        self.one_user(&SELECT, email.as_str().into()).await
    }

    async fn one_user(self, select: &str, key: Value) -> Result<Option<User>, AuthError> {
        let row = self.db.query_one_raw(statement(select, [key])).await?;
        Ok(row.map(|row| User::of(&row)).transpose()?)
    }

    /// Every user, ordered by handle. [`stream_users`](Self::stream_users) and [`get_users_page`](Self::get_users_page)
    /// are for tenants with many.
    ///
    /// # Errors
    /// What the database reports.
    pub async fn get_all_users(self) -> Result<Vec<User>, AuthError> {
        self.all_users(find().order_by_asc(users::Column::Handle)).await
    }

    /// The users that follow a handle, or the first ones, ordered by handle; at most `limit`.
    ///
    /// The next page follows the last handle of this one. It costs the same however far it is from the start.
    ///
    /// # Errors
    /// What the database reports.
    pub async fn get_users_page(self, after: Option<&Handle>, limit: u64) -> Result<Vec<User>, AuthError> {
        let page = find().order_by_asc(users::Column::Handle).limit(limit);
        let page = match after {
            Some(handle) => page.filter(users::Column::Handle.gt(handle.as_str())),
            None => page,
        };
        self.all_users(page).await
    }

    async fn all_users(self, select: Select<users::Entity>) -> Result<Vec<User>, AuthError> {
        let rows = self.db.query_all(select.as_query()).await?;
        rows.iter().map(|row| Ok(User::of(row)?)).collect()
    }

    /// Every user, ordered by handle, as the database gives them. A connection is in use until the stream ends.
    ///
    /// # Errors
    /// What the database reports, at once or in place of a user.
    pub async fn stream_users(self) -> Result<impl Stream<Item = Result<User, AuthError>> + Send, AuthError> {
        let select = find().order_by_asc(users::Column::Handle);
        let rows = self.db.stream(select.as_query()).await?;
        Ok(rows.map(|row| Ok(User::of(&row?)?)).boxed().into_stream())
    }

    /// Whether the tenant has a user at all.
    ///
    /// # Errors
    /// What the database reports.
    pub async fn has_users(self) -> Result<bool, AuthError> {
        let exists = Query::select()
            .expr_as(
                Expr::exists(Query::select().expr(Expr::val(1)).from(users::Entity.table_ref()).take()),
                "found",
            )
            .take();
        let row = self.db.query_one(&exists).await?;
        Ok(row.map(|row| row.try_get("", "found")).transpose()?.unwrap_or(false))
    }

    /// Creates a user.
    ///
    /// # Errors
    /// [`AuthError::HandleTaken`], [`AuthError::EmailTaken`], [`AuthError::InvalidInput`].
    pub async fn create_user(self, new: NewUser) -> Result<User, AuthError> {
        new.check()?;
        let hash = self.config.hasher.hash_of(new.credential.clone()).await?;
        self.insert_user(new.into_row(Uuid::new_v4(), &hash)).await
    }

    /// Inserts a user, or says which name is taken. Neither ends a transaction that it runs in.
    pub(super) async fn insert_user(self, row: users::ActiveModel) -> Result<User, AuthError> {
        let insert = users::Entity::insert(row.clone())
            .on_conflict(OnConflict::new().do_nothing().to_owned())
            .into_query()
            .returning(Query::returning().expr(Expr::cust(WRITTEN_USER_COLUMNS.as_str())))
            .to_owned();
        // What was in the way may be gone when it is asked for: then there is room.
        for _ in 0..3 {
            if let Some(row) = self.db.query_one(&insert).await? {
                return Ok(User::of(&row)?);
            }
            let (handle, email) = (row.handle.as_ref(), row.email.as_ref());
            if let Some(taken) = self.taken(Some(handle), Some(email)).await? {
                return Err(taken);
            }
        }
        Err(AuthError::Database(sea_orm::DbErr::RecordNotInserted))
    }

    /// Which of the names another user has.
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
        let others: Vec<(String, String)> = names.filter(either).into_tuple().all(self.db).await?;
        let of_handle = others.iter().find(|(taken, _)| Some(taken) == handle);
        let of_email = others.iter().find(|(_, taken)| Some(taken) == email);
        Ok(match (of_handle, of_email) {
            (Some((handle, _)), _) => Some(AuthError::HandleTaken { handle: handle.clone() }),
            (None, Some((_, email))) => Some(AuthError::EmailTaken { email: email.clone() }),
            (None, None) => None,
        })
    }

    /// Changes a user, and returns the user as changed. A TOTP secret follows its user's handle.
    ///
    /// All sessions of the user end when the role or the permissions change, when the user is deactivated or activated,
    /// and when the user needs a second factor from now on. Another handle, email or profile ends no session.
    ///
    /// # Errors
    /// [`AuthError::UserNotFound`], [`AuthError::HandleTaken`], [`AuthError::EmailTaken`], [`AuthError::InvalidInput`].
    pub async fn update_user(self, id: Uuid, update: UserUpdate) -> Result<User, AuthError> {
        let ends_sessions = update.touches_standing();
        self.change_user(id, update, ends_sessions).await
    }

    /// Changes a user. Where `ends_sessions` is true, the sessions are compared with what the user was before.
    pub(super) async fn change_user(
        self,
        id: Uuid,
        update: UserUpdate,
        ends_sessions: bool,
    ) -> Result<User, AuthError> {
        update.check()?;
        let handle = update.handle.as_option().cloned();
        let (wanted_handle, wanted_email) =
            (handle.as_ref().map(ToString::to_string), update.email.as_option().map(ToString::to_string));
        let mut query = Query::update();
        query
            .table(users::Entity.table_ref())
            .values(update.into_values().into_iter().map(|(column, value)| (column, Expr::val(value))))
            .value(users::Column::UpdatedAt, Expr::current_timestamp())
            .and_where(users::Column::Id.eq(id))
            .returning(Query::returning().expr(Expr::cust(WRITTEN_USER_COLUMNS.as_str())));
        let changed = if handle.is_none() && !ends_sessions {
            self.db.query_one(&query).await.and_then(|row| row.map(|row| User::of(&row)).transpose())
        } else {
            self.update_with_dependents(id, &query, handle.as_ref(), ends_sessions).await
        };
        match changed {
            Ok(Some(user)) => Ok(user),
            Ok(None) => Err(AuthError::UserNotFound { user: id.to_string() }),
            Err(error) => Err(match constraint(&error) {
                Some("users_handle_key") => {
                    AuthError::HandleTaken { handle: wanted_handle.unwrap_or_default() }
                }
                Some("users_email_key") => AuthError::EmailTaken { email: wanted_email.unwrap_or_default() },
                _ => error.into(),
            }),
        }
    }

    /// Changes a user, and with the user the handle of the TOTP secret and the sessions.
    async fn update_with_dependents(
        self,
        id: Uuid,
        update: &sea_orm::sea_query::UpdateStatement,
        handle: Option<&Handle>,
        ends_sessions: bool,
    ) -> Result<Option<User>, DbErr> {
        let transaction = self.db.begin().await?;
        let locked = find().filter(users::Column::Id.eq(id)).lock_exclusive();
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

    /// Gives a user another password and ends all their sessions: for administrators. Users change their own with
    /// [`change_password`](Self::change_password).
    ///
    /// # Errors
    /// [`AuthError::UserNotFound`].
    pub async fn set_password(self, id: Uuid, credential: impl Into<Credential>) -> Result<(), AuthError> {
        let hash = self.config.hasher.hash_of(credential.into()).await?;
        let transaction = self.db.begin().await?;
        let auth = self.on(&transaction);
        auth.write_password(id, &hash).await?;
        let event = NewAuditEvent {
            target_user_id: Some(id),
            source: Source::Admin,
            severity: Severity::Warning,
            ..NewAuditEvent::new(AuditEventType::PasswordChanged)
        };
        auth.log_audit_events(vec![event]).await?;
        Ok(transaction.commit().await?)
    }

    /// Writes a hash, lifts a lock of failures, and ends all sessions of the user.
    pub(super) async fn write_password(self, id: Uuid, hash: &PasswordHash) -> Result<(), AuthError> {
        let update = statement(
            r#"UPDATE "auth"."users" SET "password_hash" = $2, "password_changed_at" = CURRENT_TIMESTAMP,
               "updated_at" = CURRENT_TIMESTAMP, "login_attempts" = 0,
               "is_locked" = "is_locked" AND "locked_until" IS NULL WHERE "id" = $1"#,
            [id.into(), hash.expose_secret().into()],
        );
        if self.db.execute_raw(update).await?.rows_affected() == 0 {
            return Err(AuthError::UserNotFound { user: id.to_string() });
        }
        self.end_sessions(id, None).await?;
        Ok(())
    }

    /// Locks an account until it is unlocked, and ends all its sessions.
    ///
    /// # Errors
    /// [`AuthError::UserNotFound`], [`AuthError::InvalidInput`].
    pub async fn lock_user(self, id: Uuid, reason: &str) -> Result<User, AuthError> {
        text::check("lock reason", reason, usize::MAX)?;
        let lock = format!(
            r#"UPDATE "auth"."users" SET "is_locked" = TRUE, "lock_reason" = $2, "locked_at" = CURRENT_TIMESTAMP,
               "locked_until" = NULL, "updated_at" = CURRENT_TIMESTAMP WHERE "id" = $1 RETURNING {}"#,
            *WRITTEN_USER_COLUMNS
        );
        let transaction = self.db.begin().await?;
        let auth = self.on(&transaction);
        let user = auth
            .set_lock(id, statement(lock, [id.into(), reason.into()]), AuditEventType::UserLocked)
            .await?;
        auth.end_sessions(id, None).await?;
        transaction.commit().await?;
        Ok(user)
    }

    /// Lifts a lock of any kind: an administrator's, or one after failed logins. If another program began sessions during
    /// an administrator's lock, they end now.
    ///
    /// # Errors
    /// [`AuthError::UserNotFound`].
    pub async fn unlock_user(self, id: Uuid) -> Result<User, AuthError> {
        let unlock = format!(
            r#"UPDATE "auth"."users" SET "is_locked" = FALSE, "lock_reason" = NULL, "locked_at" = NULL,
               "locked_until" = NULL, "login_attempts" = 0, "updated_at" = CURRENT_TIMESTAMP
               WHERE "id" = $1 RETURNING {}"#,
            *WRITTEN_USER_COLUMNS
        );
        let transaction = self.db.begin().await?;
        let auth = self.on(&transaction);
        let before = auth.locked_candidate(id).await?;
        if before.is_some_and(|before| before.is_locked && before.locked_until.is_none()) {
            auth.end_sessions(id, None).await?;
        }
        let user = auth.set_lock(id, statement(unlock, [id.into()]), AuditEventType::UserUnlocked).await?;
        transaction.commit().await?;
        Ok(user)
    }

    async fn set_lock(self, id: Uuid, update: Statement, event: AuditEventType) -> Result<User, AuthError> {
        let row =
            self.db.query_one_raw(update).await?.ok_or(AuthError::UserNotFound { user: id.to_string() })?;
        let user = User::of(&row)?;
        let event = NewAuditEvent {
            target_user_id: Some(id),
            handle: Some(user.handle.to_string()),
            source: Source::Admin,
            severity: Severity::Warning,
            ..NewAuditEvent::new(event)
        };
        self.log_audit_events(vec![event]).await?;
        Ok(user)
    }

    /// Deletes a user, with their sessions, backup codes, TOTP secret and the invitations they made. The audit trail
    /// stays. `false` when the tenant has no such user.
    ///
    /// # Errors
    /// What the database reports.
    pub async fn delete_user(self, id: Uuid) -> Result<bool, AuthError> {
        let transaction = self.db.begin().await?;
        // Locked first, so that no invitation is made in between.
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
