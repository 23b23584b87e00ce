//! The users that a deployment begins with.

mod requested;
pub(in crate::auth) mod user;

use std::collections::{HashMap, HashSet};

use futures_util::future::try_join_all;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect};
use serde_json::json;
use uuid::Uuid;
use watertight_entity::auth::users;

use crate::auth::audit::event_type::AuditEventType;
use crate::auth::audit::new_event::NewAuditEvent;
use crate::auth::error::AuthError;
use crate::auth::handle::Auth;
use crate::auth::users::bootstrap::requested::RequestedUser;
use crate::auth::users::bootstrap::user::{
    BootstrapDifference, BootstrapFields, BootstrapReport, BootstrapUser,
};
use crate::auth::users::hasher::Lane;
use crate::auth::users::password::{Credential, PasswordHash};
use crate::auth::users::user::User;
use crate::tenant::TenantExecutor;
use crate::vocabulary::{InvalidInput, text};

/// The hash that a user has, and the hash to write.
struct Hashed {
    before: Option<String>,
    /// The new hash; `None` when the present one is of this password.
    after: Option<PasswordHash>,
}

impl<C: TenantExecutor> Auth<'_, C> {
    /// Creates the users that a deployment begins with.
    ///
    /// Missing users are created. Existing users, found by handle, are changed only in the fields that `update_existing`
    /// chooses: `false` for none, `true` for all, or some [`BootstrapFields`]. Other fields that differ are reported. A second
    /// run changes nothing.
    ///
    /// All users are checked before anything is written, and are written in one transaction. Passwords are hashed before it,
    /// in parallel; a password that the user already has is not hashed again. A changed password ends the sessions of its user.
    /// So does a changed `is_active`. A changed role ends none, unlike [`Users::update`](crate::auth::Users::update): it takes
    /// effect on the next request.
    ///
    /// ```no_run
    /// use watertight::Tenant;
    /// use watertight::auth::{AuthError, BootstrapUser, Password};
    ///
    /// # async fn example(tenant: &impl Tenant, password: String) -> Result<(), AuthError> {
    /// let owner = BootstrapUser {
    ///     handle: "jess".into(),
    ///     email: "jess@example.com".into(),
    ///     role: "business_owner".into(),
    ///     credential: Some(Password::new(password)?.into()),
    ///     ..BootstrapUser::default()
    /// };
    /// let report = tenant.auth().bootstrap_users(vec![owner], false).await?;
    /// println!("{} users created", report.created.len());
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`AuthError::Bootstrap`], which names the user and the reason. [`AuthError::InvalidInput`] for no user, or more than
    /// 1,000.
    pub async fn bootstrap_users(
        self,
        users: Vec<BootstrapUser>,
        update_existing: impl Into<BootstrapFields> + Send,
    ) -> Result<BootstrapReport, AuthError> {
        let fields = update_existing.into();
        if users.is_empty() {
            return Err(InvalidInput::new("list of users", "", "is empty; give at least one user").into());
        }
        text::check_list("list of users", &users)?;
        let requested =
            users.into_iter().enumerate().map(|(index, user)| RequestedUser::parse(index + 1, user));
        let mut requested = requested.collect::<Result<Vec<_>, _>>()?;
        let (mut handles, mut emails) = (HashSet::new(), HashSet::new());
        for user in &requested {
            if !handles.insert(user.handle.clone()) {
                return Err(user.refused(AuthError::HandleTaken { handle: user.handle.to_string() }));
            }
            if !emails.insert(user.email.clone()) {
                return Err(user.refused(AuthError::EmailTaken { email: user.email.to_string() }));
            }
        }
        // One order, so that parallel runs do not deadlock.
        requested.sort_by(|a, b| a.handle.cmp(&b.handle));
        // A user can change between hashing and writing: then both are repeated.
        for _ in 0..5 {
            let hashes = self.hash_all(&requested, fields).await?;
            if let Some(report) = self.write_all(&requested, &hashes, fields).await? {
                return Ok(report);
            }
        }
        Err(AuthError::Database(sea_orm::DbErr::RecordNotUpdated))
    }

    async fn hash_all(
        self,
        requested: &[RequestedUser],
        fields: BootstrapFields,
    ) -> Result<Vec<Hashed>, AuthError> {
        let existing = self.existing(requested, false).await?;
        let hash = |user: &RequestedUser| {
            let before = existing.get(user.handle.as_str()).map(|row| row.password_hash.clone());
            let credential = user.credential.clone();
            async move {
                let keep = match &before {
                    Some(_) if !fields.password => true,
                    Some(before) => self.is_hash_of(before, &credential).await?,
                    None => false,
                };
                let after =
                    if keep { None } else { Some(self.hashing(Lane::Known).hash_of(credential).await?) };
                Ok::<_, AuthError>(Hashed { before, after })
            }
        };
        let mut hashed = Vec::with_capacity(requested.len());
        for some in requested.chunks(self.config.hasher.at_once()) {
            hashed.extend(try_join_all(some.iter().map(hash)).await?);
        }
        Ok(hashed)
    }

    /// Returns true if a stored hash matches the credential and has the cost of the settings.
    async fn is_hash_of(self, text: &str, credential: &Credential) -> Result<bool, AuthError> {
        let Ok(hash) = text.parse::<PasswordHash>() else { return Ok(false) };
        match credential {
            Credential::Hash(given) => Ok(given.expose_secret() == hash.expose_secret()),
            Credential::Password(_) if self.needs_rehash(&hash) => Ok(false),
            Credential::Password(password) => self.hashing(Lane::Known).verify(password.clone(), hash).await,
        }
    }

    async fn existing(
        self,
        requested: &[RequestedUser],
        lock: bool,
    ) -> Result<HashMap<String, users::Model>, AuthError> {
        let handles = requested.iter().map(|user| user.handle.as_str());
        let select = users::Entity::find()
            .filter(users::Column::Handle.is_in(handles))
            .order_by_asc(users::Column::Handle);
        let select = if lock { select.lock_exclusive() } else { select };
        Ok(select.all(self.db).await?.into_iter().map(|row| (row.handle.clone(), row)).collect())
    }

    /// Writes all users, unless one is not as it was when their passwords were hashed.
    async fn write_all(
        self,
        requested: &[RequestedUser],
        hashes: &[Hashed],
        fields: BootstrapFields,
    ) -> Result<Option<BootstrapReport>, AuthError> {
        let transaction = self.db.begin().await?;
        let auth = self.on(&transaction);
        let existing = auth.existing(requested, true).await?;
        let (mut report, mut events) = (BootstrapReport::default(), Vec::new());
        for (user, Hashed { before, after }) in requested.iter().zip(hashes) {
            let row = existing.get(user.handle.as_str());
            if row.map(|row| &row.password_hash) != before.as_ref() && (row.is_none() || fields.password) {
                return Ok(None);
            }
            match (row, after) {
                (None, Some(hash)) => {
                    match auth.users().insert(user.new_user().into_row(Uuid::new_v4(), hash)).await {
                        Ok(created) => {
                            events.push(of(&created, AuditEventType::UserCreated));
                            report.created.push(created);
                        }
                        // Another has created it since the rows were locked.
                        Err(AuthError::HandleTaken { .. }) => return Ok(None),
                        Err(error) => return Err(user.refused(error)),
                    }
                }
                (Some(row), hash) => {
                    let (changed, left) = user.differences(row, fields);
                    if !left.is_empty() {
                        report
                            .differing
                            .push(BootstrapDifference { handle: row.handle.clone(), fields: left });
                    }
                    if changed.is_empty() && hash.is_none() {
                        report.unchanged.extend(auth.users().find(row.id).await?);
                        continue;
                    }
                    if let Some(hash) = hash {
                        auth.users().write_password(row.id, hash).await?;
                    }
                    let ends_sessions = changed.contains(&"is_active");
                    let updated = auth.users().change(row.id, user.update(fields), ends_sessions).await;
                    let updated = updated.map_err(|error| user.refused(error))?;
                    events.push(of(&updated, AuditEventType::UserUpdated));
                    if hash.is_some() {
                        events.push(of(&updated, AuditEventType::PasswordChanged));
                    }
                    if updated.role.as_str() != row.role {
                        let details = json!({"from": row.role, "to": updated.role});
                        let changed = of(&updated, AuditEventType::RoleChanged);
                        events.push(NewAuditEvent { details, ..changed });
                    }
                    report.updated.push(updated);
                }
                (None, None) => return Ok(None),
            }
        }
        if !events.is_empty() {
            let details = json!({"created": report.created.len(), "updated": report.updated.len(),
                "unchanged": report.unchanged.len()});
            let done = NewAuditEvent::new(AuditEventType::BootstrapCompleted);
            events.push(NewAuditEvent { details, ..done });
        }
        auth.audit().log_all(events).await?;
        transaction.commit().await?;
        Ok(Some(report))
    }
}

fn of(user: &User, event_type: AuditEventType) -> NewAuditEvent {
    NewAuditEvent { target_user_id: Some(user.id), ..NewAuditEvent::new(event_type) }
}
