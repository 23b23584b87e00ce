//! The users that a deployment begins with.

use std::collections::{HashMap, HashSet};

use futures_util::future::try_join_all;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect};
use serde_json::json;
use uuid::Uuid;
use watertight_entity::auth::users;

use super::Auth;
use super::audit::NewAuditEvent;
use super::audit_kinds::AuditEventType;
use super::password::{Credential, PasswordHash};
use super::role::Role;
use super::user::{NewUser, Permissions, Profile, ProfileUpdate, User, UserUpdate};
use crate::auth::AuthError;
use crate::tenant::TenantExecutor;
use crate::vocabulary::{Change, Email, Handle};

/// A user to be there, as a file or the environment tells of them. What is `None` keeps its value where the user is
/// there already.
///
/// ```
/// use watertight::auth::{BootstrapUser, Password};
///
/// let jess = BootstrapUser {
///     handle: "jess".into(),
///     email: "jess@example.com".into(),
///     role: "admin".into(),
///     credential: Some(Password::new("123456")?.into()),
///     display_name: Some("Jess Sullivan".into()),
///     ..Default::default()
/// };
/// # Ok::<(), watertight::Error>(())
/// ```
#[derive(Debug, Clone, Default)]
pub struct BootstrapUser {
    /// The handle, by which the user is known to be there.
    pub handle: String,
    /// The email address.
    pub email: String,
    /// What the user may do.
    pub role: String,
    /// A password or PIN, or a hash.
    pub credential: Option<Credential>,
    /// The name to show.
    pub display_name: Option<String>,
    /// What the user may do beyond the role.
    pub permissions: Option<Permissions>,
    /// Whether onboarding is to be done.
    pub needs_onboarding: Option<bool>,
}

/// What became of the users given, each as they are now.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct BootstrapReport {
    /// Those that were not there.
    pub created: Vec<User>,
    /// Those that were there and differed.
    pub updated: Vec<User>,
    /// Those that were there as given, or were to be left alone.
    pub unchanged: Vec<User>,
}

/// A user given, found good.
struct Wanted {
    position: usize,
    handle: Handle,
    email: Email,
    role: Role,
    credential: Credential,
    display_name: Option<String>,
    permissions: Option<Permissions>,
    needs_onboarding: Option<bool>,
}

/// What is to be done about a password, decided by the hash that the user had.
struct Hashed {
    before: Option<String>,
    /// The new hash; `None` when the one before is of this password.
    after: Option<PasswordHash>,
}

impl Wanted {
    fn parse(position: usize, user: BootstrapUser) -> Result<Self, AuthError> {
        let handle = user.handle.clone();
        let parse = || {
            let missing = "is missing; give a password, a PIN or a hash";
            let wanted = Self {
                position,
                handle: user.handle.parse()?,
                email: user.email.parse()?,
                role: user.role.trim().parse()?,
                credential: user
                    .credential
                    .ok_or(AuthError::InvalidSecret { what: "credential", reason: missing })?,
                display_name: user.display_name,
                permissions: user.permissions,
                needs_onboarding: user.needs_onboarding,
            };
            wanted.update().check()?;
            Ok(wanted)
        };
        parse().map_err(|source| refused(position, handle, source))
    }

    fn refused(&self, source: AuthError) -> AuthError {
        refused(self.position, self.handle.to_string(), source)
    }

    fn update(&self) -> UserUpdate {
        let given = |name: &Option<String>| name.clone().map_or(Change::Keep, |name| Change::Set(Some(name)));
        UserUpdate {
            email: self.email.clone().into(),
            role: self.role.clone().into(),
            profile: ProfileUpdate { display_name: given(&self.display_name), ..Default::default() },
            permissions: self.permissions.clone().map_or(Change::Keep, |names| Change::Set(Some(names))),
            needs_onboarding: self.needs_onboarding.map_or(Change::Keep, Change::Set),
            ..Default::default()
        }
    }

    fn new_user(&self) -> NewUser {
        NewUser {
            role: self.role.clone(),
            profile: Profile { display_name: self.display_name.clone(), ..Default::default() },
            permissions: self.permissions.clone(),
            needs_onboarding: self.needs_onboarding.unwrap_or(true),
            ..NewUser::new(self.handle.clone(), self.email.clone(), self.credential.clone())
        }
    }

    fn is_as(&self, row: &users::Model) -> bool {
        let permissions = self.permissions.as_ref().map(|Permissions(names)| json!(names));
        self.email.as_str() == row.email
            && self.role.as_str() == row.role
            && (self.display_name.is_none() || self.display_name == row.display_name)
            && (permissions.is_none() || permissions == row.permissions)
            && self.needs_onboarding.is_none_or(|needed| needed == row.needs_onboarding)
    }
}

fn refused(position: usize, handle: String, source: AuthError) -> AuthError {
    AuthError::Bootstrap { position, handle, source: Box::new(source) }
}

/// Bootstrapping.
impl<C: TenantExecutor> Auth<'_, C> {
    /// Sees to it that users are there. Those that are not are created. Those that are, by their handles, become as
    /// given when `update_existing` is true, and are left alone when it is not. Run again, it changes nothing.
    ///
    /// All users are looked at before anything is written, and written in one transaction. Passwords are hashed before
    /// it, in parallel; one that the user has is not hashed anew. A user whose password changes loses their sessions.
    /// Another role loses none, other than with [`update_user`](Self::update_user): it takes effect on the next request.
    ///
    /// # Errors
    /// [`AuthError::Bootstrap`], which says which user and why.
    pub async fn bootstrap_users(
        self,
        users: Vec<BootstrapUser>,
        update_existing: bool,
    ) -> Result<BootstrapReport, AuthError> {
        let wanted = users.into_iter().enumerate().map(|(index, user)| Wanted::parse(index + 1, user));
        let mut wanted = wanted.collect::<Result<Vec<_>, _>>()?;
        let (mut handles, mut emails) = (HashSet::new(), HashSet::new());
        for user in &wanted {
            if !handles.insert(user.handle.clone()) {
                return Err(user.refused(AuthError::HandleTaken { handle: user.handle.to_string() }));
            }
            if !emails.insert(user.email.clone()) {
                return Err(user.refused(AuthError::EmailTaken { email: user.email.to_string() }));
            }
        }
        // In one order, so that two that run at once do not wait for one another.
        wanted.sort_by(|a, b| a.handle.cmp(&b.handle));
        // What was found out before the transaction may be wrong in it: then it is found out again.
        for _ in 0..5 {
            let hashes = self.hash_all(&wanted, update_existing).await?;
            if let Some(report) = self.write_all(&wanted, &hashes, update_existing).await? {
                return Ok(report);
            }
        }
        Err(AuthError::Database(sea_orm::DbErr::RecordNotUpdated))
    }

    async fn hash_all(self, wanted: &[Wanted], update_existing: bool) -> Result<Vec<Hashed>, AuthError> {
        let existing = self.existing(wanted, false).await?;
        let hash = |user: &Wanted| {
            let before = existing.get(user.handle.as_str()).map(|row| row.password_hash.clone());
            let credential = user.credential.clone();
            async move {
                let keep = match &before {
                    Some(_) if !update_existing => true,
                    Some(before) => self.is_hash_of(before, &credential).await?,
                    None => false,
                };
                let after = if keep { None } else { Some(self.config.hasher.hash_of(credential).await?) };
                Ok::<_, AuthError>(Hashed { before, after })
            }
        };
        try_join_all(wanted.iter().map(hash)).await
    }

    /// Whether a hash is the credential's, and as costly as it should be.
    async fn is_hash_of(self, text: &str, credential: &Credential) -> Result<bool, AuthError> {
        let Ok(hash) = text.parse::<PasswordHash>() else { return Ok(false) };
        match credential {
            Credential::Hash(given) => Ok(given.expose_secret() == hash.expose_secret()),
            Credential::Password(_) if self.needs_rehash(&hash) => Ok(false),
            Credential::Password(password) => self.verify_password(password.clone(), hash).await,
        }
    }

    async fn existing(
        self,
        wanted: &[Wanted],
        lock: bool,
    ) -> Result<HashMap<String, users::Model>, AuthError> {
        let handles = wanted.iter().map(|user| user.handle.as_str());
        let select = users::Entity::find()
            .filter(users::Column::Handle.is_in(handles))
            .order_by_asc(users::Column::Handle);
        let select = if lock { select.lock_exclusive() } else { select };
        Ok(select.all(self.db).await?.into_iter().map(|row| (row.handle.clone(), row)).collect())
    }

    /// Writes all users, unless one is not as it was when their passwords were hashed.
    async fn write_all(
        self,
        wanted: &[Wanted],
        hashes: &[Hashed],
        update_existing: bool,
    ) -> Result<Option<BootstrapReport>, AuthError> {
        let transaction = self.db.begin().await?;
        let auth = self.on(&transaction);
        let existing = auth.existing(wanted, true).await?;
        let (mut report, mut events) = (BootstrapReport::default(), Vec::new());
        for (user, Hashed { before, after }) in wanted.iter().zip(hashes) {
            let row = existing.get(user.handle.as_str());
            if row.map(|row| &row.password_hash) != before.as_ref() && (row.is_none() || update_existing) {
                return Ok(None);
            }
            match (row, after) {
                (None, Some(hash)) => {
                    match auth.insert_user(user.new_user().into_row(Uuid::new_v4(), hash)).await {
                        Ok(created) => {
                            events.push(of(&created, AuditEventType::UserCreated));
                            report.created.push(created);
                        }
                        // Another has created it since the rows were locked.
                        Err(AuthError::HandleTaken { .. }) => return Ok(None),
                        Err(error) => return Err(user.refused(error)),
                    }
                }
                (Some(row), None) if !update_existing || user.is_as(row) => {
                    let id = row.id;
                    let there = auth.get_user(id).await?;
                    report.unchanged.extend(there);
                }
                (Some(row), hash) => {
                    if let Some(hash) = hash {
                        auth.write_password(row.id, hash).await?;
                    }
                    let updated = auth.change_user(row.id, user.update(), false).await;
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
        auth.log_audit_events(events).await?;
        transaction.commit().await?;
        Ok(Some(report))
    }
}

fn of(user: &User, event_type: AuditEventType) -> NewAuditEvent {
    NewAuditEvent { target_user_id: Some(user.id), ..NewAuditEvent::new(event_type) }
}
