//! Operations of invitations as methods of their entity and rows.

use uuid::Uuid;
use watertight_entity::auth::invitations;

use super::{forward, sealed};
use crate::auth::error::AuthError;
use crate::auth::handle::Auth;
use crate::auth::invitations::invitation::{CreatedInvitation, Invitation};
use crate::auth::invitations::invited_user::InvitedUser;
use crate::auth::invitations::new_invitation::NewInvitation;
use crate::auth::invitations::update::InvitationUpdate;
use crate::auth::second_factor::totp_secret::TotpSecret;
use crate::auth::users::user::User;
use crate::tenant::TenantExecutor;

/// Operations on all invitations of a tenant, as functions of `invitations::Entity`.
///
/// ```no_run
/// use watertight::auth::{InvitationEntity, InvitationRecord};
/// use watertight::entity::auth::invitations;
///
/// # async fn example(tenant: watertight::TenantConnection) -> Result<(), watertight::Error> {
/// for invitation in invitations::Entity::find_pending(&tenant).await? {
///     invitation.revoke(&tenant).await?;
/// }
/// # Ok(())
/// # }
/// ```
pub trait InvitationEntity: sealed::Entity {
    forward! {
        /// Creates an invitation.
        fn create(new: NewInvitation) -> CreatedInvitation = create(new) in invitations;
        /// Finds an invitation by id, in any state.
        fn find_one(id: Uuid) -> Option<Invitation> = find(id) in invitations;
        /// Finds an invitation by token.
        fn find_by_token(token: &str) -> Option<Invitation> = find_by_token(token) in invitations;
        /// Finds the TOTP secret of an invitation.
        fn find_totp_secret(token: &str) -> Option<TotpSecret> = find_totp_secret(token) in invitations;
        /// Returns every invitation, newest first.
        fn find_all() -> Vec<Invitation> = all() in invitations;
        /// Returns the invitations that can be accepted, newest first.
        fn find_pending() -> Vec<Invitation> = all_pending() in invitations;
        /// Accepts an invitation.
        fn accept(token: &str, invited: InvitedUser) -> User = accept(token, invited) in invitations;
        /// Deletes the invitations that expired unused.
        fn delete_expired() -> u64 = delete_expired() in invitations;
    }
}

impl sealed::Entity for invitations::Entity {}
impl InvitationEntity for invitations::Entity {}

/// Operations on one invitation, as methods of [`Invitation`] and of the row `invitations::Model`.
pub trait InvitationRecord: sealed::Row {
    forward! {
        of id;
        /// Changes the invitation.
        fn apply(update: InvitationUpdate) -> Invitation = update(id, update) in invitations;
        /// Revokes the invitation.
        fn revoke() -> Invitation = update(id, InvitationUpdate { is_active: false.into(), ..Default::default() }) in invitations;
        /// Deletes the invitation.
        fn remove() -> bool = delete(id) in invitations;
    }
}

impl sealed::Row for Invitation {
    fn id(&self) -> Uuid {
        self.id
    }
}

impl InvitationRecord for Invitation {}

impl sealed::Row for invitations::Model {
    fn id(&self) -> Uuid {
        self.id
    }
}

impl InvitationRecord for invitations::Model {}
