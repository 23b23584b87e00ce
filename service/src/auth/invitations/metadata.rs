//! A message and the inviter's name.

use serde::{Deserialize, Serialize};

use crate::vocabulary::{InvalidInput, limits, text};

/// The inviter's name and a message, which are stored with an invitation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct InvitationMetadata {
    /// The inviter's handle.
    pub inviter_handle: String,
    /// The inviter's display name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub inviter_display_name: Option<String>,
    /// A message to the invited person.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// Instructions for the invited person.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub custom_instructions: Option<String>,
}

impl InvitationMetadata {
    pub(in crate::auth) fn check(metadata: Option<&Self>) -> Result<(), InvalidInput> {
        let Some(metadata) = metadata else { return Ok(()) };
        text::check("inviter's handle", &metadata.inviter_handle, limits::TEXT_CHARS)?;
        text::check_optional("inviter's name", metadata.inviter_display_name.as_ref(), limits::TEXT_CHARS)?;
        text::check_optional("message", metadata.message.as_ref(), limits::TEXT_CHARS)?;
        text::check_optional("instructions", metadata.custom_instructions.as_ref(), limits::TEXT_CHARS)
    }
}
