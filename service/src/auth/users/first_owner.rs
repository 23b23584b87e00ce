//! The first owner of a tenant.

use sea_orm::{EntityTrait, QuerySelect};
use sha2::{Digest, Sha256};
use uuid::{Builder, Uuid};
use watertight_entity::auth::users;

use crate::auth::audit::event_type::AuditEventType;
use crate::auth::audit::new_event::NewAuditEvent;
use crate::auth::error::AuthError;
use crate::auth::handle::Users;
use crate::auth::users::hasher::Lane;
use crate::auth::users::new_user::NewUser;
use crate::auth::users::role::Role;
use crate::auth::users::user::User;
use crate::tenant::{TenantExecutor, TenantId};

impl<C: TenantExecutor> Users<'_, C> {
    /// Creates the first owner of a tenant without users: the step behind a page for the first run.
    ///
    /// Of concurrent calls, on any number of servers, one creates the owner and the others are refused. The role is
    /// [`Role::BusinessOwner`]. A password is hashed only if the tenant has no users, so the page costs a visitor of another
    /// tenant nothing.
    ///
    /// Who calls first becomes the owner: protect the page until then, for example with a code that the deployment prints.
    ///
    /// ```no_run
    /// use watertight::Tenant;
    /// use watertight::auth::{AuthError, NewUser, Password, User};
    ///
    /// async fn first_run(tenant: &impl Tenant, password: String) -> Result<User, AuthError> {
    ///     let password = Password::new(password)?;
    ///     let owner = NewUser::new("jess".parse()?, "jess@example.com".parse()?, password);
    ///     tenant.auth().users().create_first_owner(owner).await
    /// }
    /// ```
    ///
    /// # Errors
    /// [`AuthError::AlreadySetUp`] for a tenant that has a user; [`AuthError::InvalidInput`].
    pub async fn create_first_owner(self, new: NewUser) -> Result<User, AuthError> {
        let new = NewUser { role: Role::BusinessOwner, ..new };
        new.check()?;
        if self.any().await? {
            return Err(AuthError::AlreadySetUp);
        }
        let hash = self.auth.hashing(Lane::Anyone).hash_of(new.credential.clone()).await?;
        let transaction = self.auth.db.begin().await?;
        let auth = self.auth.on(&transaction);
        let id = owner_id(auth.db.tenant_id());
        // A concurrent call waits here for the other transaction, because both insert the same id.
        let owner = match auth.users().insert(new.into_row(id, &hash)).await {
            Ok(owner) => owner,
            Err(_) if auth.users().any().await? => return Err(AuthError::AlreadySetUp),
            Err(error) => return Err(error),
        };
        let users: Vec<Uuid> = users::Entity::find()
            .select_only()
            .column(users::Column::Id)
            .limit(2)
            .into_tuple()
            .all(&transaction)
            .await?;
        if users.len() > 1 {
            transaction.rollback().await?;
            return Err(AuthError::AlreadySetUp);
        }
        let events = [AuditEventType::UserCreated, AuditEventType::SystemConfigured];
        let events = events.map(|kind| NewAuditEvent::by_user(kind, id, Some(&owner.handle)));
        auth.audit().log_all(events.into()).await?;
        transaction.commit().await?;
        Ok(owner)
    }
}

/// The id of a tenant's first owner. The primary key then allows one.
fn owner_id(tenant: TenantId) -> Uuid {
    let digest: [u8; 32] = Sha256::digest(format!("first owner of {tenant}")).into();
    let mut bytes = [0; 16];
    bytes.iter_mut().zip(digest).for_each(|(to, from)| *to = from);
    Builder::from_custom_bytes(bytes).into_uuid()
}
