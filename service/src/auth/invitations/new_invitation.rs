//! An invitation to be created.

use std::time::Duration;

use uuid::Uuid;

use crate::auth::invitations::metadata::InvitationMetadata;
use crate::auth::second_factor::totp_secret::TotpSecret;
use crate::auth::users::role::Role;
use crate::vocabulary::{Email, InvalidInput};

/// An invitation to be created.
#[derive(Debug, Clone)]
pub struct NewInvitation {
    /// An id that makes the creation safe to repeat; see [`Invitations::create`](crate::auth::Invitations::create).
    pub id: Option<Uuid>,
    /// The email address of the invited person.
    pub email: Email,
    /// The role of the future user.
    pub role: Role,
    /// The id of the inviter, a user of the tenant.
    pub created_by: Uuid,
    /// The time until it expires; 7 days by default.
    pub valid_for: Duration,
    /// A TOTP secret for the future user. It is stored encrypted.
    pub temporary_totp_secret: Option<TotpSecret>,
    /// The inviter's name and a message.
    pub metadata: Option<InvitationMetadata>,
}

impl NewInvitation {
    /// An invitation for 7 days.
    ///
    /// ```
    /// use std::time::Duration;
    /// use watertight::auth::{NewInvitation, Role};
    ///
    /// # let jess = uuid::Uuid::nil();
    /// let invitation = NewInvitation::new("kai@example.com".parse()?, Role::Editor, jess);
    /// assert_eq!(invitation.valid_for, Duration::from_hours(7 * 24));
    /// let invitation = NewInvitation { valid_for: Duration::from_hours(24), ..invitation };
    /// # Ok::<(), watertight::Error>(())
    /// ```
    #[must_use]
    pub const fn new(email: Email, role: Role, created_by: Uuid) -> Self {
        Self {
            id: None,
            email,
            role,
            created_by,
            valid_for: Duration::from_hours(7 * 24),
            temporary_totp_secret: None,
            metadata: None,
        }
    }

    pub(in crate::auth) fn check(&self) -> Result<(), InvalidInput> {
        InvitationMetadata::check(self.metadata.as_ref())?;
        if self.valid_for < Duration::from_secs(1) || self.valid_for > Duration::from_hours(3650 * 24) {
            return Err(InvalidInput {
                what: "valid_for",
                value: format!("{:?}", self.valid_for),
                reason: "is not between one second and ten years".to_owned(),
            });
        }
        Ok(())
    }
}
