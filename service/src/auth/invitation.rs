//! What an invitation is, and what is said of one to be made or changed.

use std::fmt;
use std::time::Duration;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use chrono::{DateTime, Utc};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use uuid::Uuid;
use watertight_entity::auth::invitations;

use super::password::Credential;
use super::role::Role;
use super::totp::TotpSecret;
use super::user::Profile;
use crate::auth::AuthError;
use crate::vocabulary::text;
use crate::vocabulary::{Change, Email, Handle};
use crate::vocabulary::{InvalidInput, MalformedRow, NoRandomness};

/// An invitation. Its token is not part of it: the database holds but a hash.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Invitation {
    /// The identity.
    pub id: Uuid,
    /// Who is invited.
    pub email: Email,
    /// What they will be allowed to do.
    pub role: Role,
    /// Who invited them.
    pub created_by: Uuid,
    /// Whether it has not been withdrawn.
    pub is_active: bool,
    /// When it ends.
    pub expires_at: DateTime<Utc>,
    /// When it was accepted.
    pub used_at: Option<DateTime<Utc>>,
    /// Who they became.
    pub used_by: Option<Uuid>,
    /// What goes with it.
    pub metadata: Option<InvitationMetadata>,
    /// When it was made.
    pub created_at: DateTime<Utc>,
}

/// What goes with an invitation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct InvitationMetadata {
    /// The handle of who invites.
    pub inviter_handle: String,
    /// Their name to show.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub inviter_display_name: Option<String>,
    /// A word to the invited.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// What they are to do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub custom_instructions: Option<String>,
}

impl InvitationMetadata {
    pub(super) fn check(metadata: Option<&Self>) -> Result<(), InvalidInput> {
        let Some(metadata) = metadata else { return Ok(()) };
        text::check("inviter's handle", &metadata.inviter_handle, usize::MAX)?;
        text::check_optional("inviter's name", metadata.inviter_display_name.as_ref(), usize::MAX)?;
        text::check_optional("message", metadata.message.as_ref(), usize::MAX)?;
        text::check_optional("instructions", metadata.custom_instructions.as_ref(), usize::MAX)
    }
}

/// What became of an invitation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum InvitationState {
    /// It can be accepted.
    Pending,
    /// It was accepted.
    Used,
    /// It was withdrawn.
    Revoked,
    /// Its time is over.
    Expired,
    /// Its inviter is inactive, locked by an administrator, or has another role than when it was made.
    Void,
}

impl fmt::Display for InvitationState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Pending => "pending",
            Self::Used => "used",
            Self::Revoked => "revoked",
            Self::Expired => "expired",
            Self::Void => "void, because its inviter is inactive, locked or has another role by now",
        })
    }
}

/// An invitation to be made.
#[derive(Debug, Clone)]
pub struct NewInvitation {
    /// Who is invited.
    pub email: Email,
    /// What they will be allowed to do.
    pub role: Role,
    /// Who invites them: a user of the tenant.
    pub created_by: Uuid,
    /// For how long it can be accepted; 7 days unless told otherwise.
    pub valid_for: Duration,
    /// A second factor that they are given with it. It is stored encrypted.
    pub temporary_totp_secret: Option<TotpSecret>,
    /// What goes with it.
    pub metadata: Option<InvitationMetadata>,
}

impl NewInvitation {
    /// An invitation for 7 days.
    #[must_use]
    pub const fn new(email: Email, role: Role, created_by: Uuid) -> Self {
        Self {
            email,
            role,
            created_by,
            valid_for: Duration::from_hours(7 * 24),
            temporary_totp_secret: None,
            metadata: None,
        }
    }

    pub(super) fn check(&self) -> Result<(), InvalidInput> {
        InvitationMetadata::check(self.metadata.as_ref())?;
        if self.valid_for < Duration::from_secs(1) || self.valid_for > Duration::from_hours(3650 * 24) {
            return Err(InvalidInput {
                what: "valid_for",
                value: format!("{:?}", self.valid_for),
                reason: "is not between a second and ten years".to_owned(),
            });
        }
        Ok(())
    }
}

/// What to change of an invitation.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct InvitationUpdate {
    /// Whether it has not been withdrawn.
    pub is_active: Change<bool>,
    /// When it was accepted.
    pub used_at: Change<Option<DateTime<Utc>>>,
    /// Who they became.
    pub used_by: Change<Option<Uuid>>,
    /// What goes with it.
    pub metadata: Change<Option<InvitationMetadata>>,
    /// When it ends.
    pub expires_at: Change<DateTime<Utc>>,
}

/// The token of an invitation, 256 bits in base64url: what is mailed. It does not print and is zeroed when dropped.
#[derive(Clone)]
pub struct InvitationToken(SecretString);

impl InvitationToken {
    pub(super) fn generate() -> Result<Self, AuthError> {
        let mut bytes = zeroize::Zeroizing::new([0; 32]);
        getrandom::fill(&mut *bytes).map_err(|_| AuthError::from(NoRandomness))?;
        Ok(Self(URL_SAFE_NO_PAD.encode(*bytes).into()))
    }

    /// The token in clear.
    #[must_use]
    pub fn expose_secret(&self) -> &str {
        self.0.expose_secret()
    }
}

impl fmt::Debug for InvitationToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("InvitationToken(..)")
    }
}

/// An invitation that was made, and its token, which is nowhere else.
#[derive(Debug, Clone)]
pub struct CreatedInvitation {
    /// The invitation.
    pub invitation: Invitation,
    /// What is mailed to the invited.
    pub token: InvitationToken,
}

/// Who accepts an invitation. Their email and role are the invitation's.
#[derive(Debug, Clone)]
pub struct InvitedUser {
    /// The name to log in with.
    pub handle: Handle,
    /// A password.
    pub credential: Credential,
    /// What they tell about themselves.
    pub profile: Profile,
}

impl InvitedUser {
    /// Someone who tells nothing about themselves.
    pub fn new(handle: Handle, credential: impl Into<Credential>) -> Self {
        Self { handle, credential: credential.into(), profile: Profile::default() }
    }
}

impl TryFrom<invitations::Model> for Invitation {
    type Error = AuthError;

    fn try_from(row: invitations::Model) -> Result<Self, AuthError> {
        let malformed =
            |column| move |error: InvalidInput| MalformedRow { column, reason: error.to_string() };
        let metadata = row.metadata.map(serde_json::from_value).transpose();
        Ok(Self {
            id: row.id,
            email: row.email.parse().map_err(malformed("auth.invitations.email"))?,
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
