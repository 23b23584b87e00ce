//! Changes to an invitation.

use chrono::{DateTime, Utc};
use uuid::Uuid;

use crate::auth::invitations::metadata::InvitationMetadata;
use crate::vocabulary::Change;

/// Changes to an invitation.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct InvitationUpdate {
    /// False if the invitation is revoked.
    pub is_active: Change<bool>,
    /// The time of acceptance.
    pub used_at: Change<Option<DateTime<Utc>>>,
    /// The id of the user that was created.
    pub used_by: Change<Option<Uuid>>,
    /// The inviter's name and a message.
    pub metadata: Change<Option<InvitationMetadata>>,
    /// The time of expiry.
    pub expires_at: Change<DateTime<Utc>>,
}
