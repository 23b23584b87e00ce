//! An invitation.

use chrono::{DateTime, Utc};
use serde::Serialize;
use uuid::Uuid;
use watertight_entity::auth::invitations;

use crate::auth::error::AuthError;
use crate::auth::invitations::metadata::InvitationMetadata;
use crate::auth::invitations::token::InvitationToken;
use crate::auth::users::role::Role;
use crate::vocabulary::{Email, InvalidInput, MalformedRow};

/// An invitation, without its token, of which the database stores a hash only.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Invitation {
    /// The id.
    pub id: Uuid,
    /// The email address of the invited person.
    pub email: Email,
    /// The role of the future user.
    pub role: Role,
    /// The id of the inviter.
    pub created_by: Uuid,
    /// False if the invitation is revoked.
    pub is_active: bool,
    /// The time of expiry.
    pub expires_at: DateTime<Utc>,
    /// The time of acceptance.
    pub used_at: Option<DateTime<Utc>>,
    /// The id of the user that was created.
    pub used_by: Option<Uuid>,
    /// A message and the inviter's name.
    pub metadata: Option<InvitationMetadata>,
    /// The time of creation.
    pub created_at: DateTime<Utc>,
}

/// A created invitation and its token, which is stored nowhere.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct CreatedInvitation {
    /// The invitation.
    pub invitation: Invitation,
    /// The token to mail to the invited person.
    pub token: InvitationToken,
}

impl TryFrom<invitations::Model> for Invitation {
    type Error = AuthError;

    fn try_from(row: invitations::Model) -> Result<Self, AuthError> {
        let malformed =
            |column| move |error: InvalidInput| MalformedRow { column, reason: error.to_string() };
        let metadata = row.metadata.map(serde_json::from_value).transpose();
        Ok(Self {
            id: row.id,
            email: Email::as_stored(row.email),
            role: row.role.parse().map_err(malformed("auth.invitations.role"))?,
            created_by: row.created_by,
            is_active: row.is_active,
            expires_at: row.expires_at.to_utc(),
            used_at: row.used_at.map(|at| at.to_utc()),
            used_by: row.used_by,
            metadata: metadata.map_err(|error| MalformedRow {
                column: "auth.invitations.metadata",
                reason: error.to_string(),
            })?,
            created_at: row.created_at.to_utc(),
        })
    }
}
