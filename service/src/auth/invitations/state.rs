//! States of an invitation.

use std::fmt;

/// The state of an invitation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum InvitationState {
    /// It can be accepted.
    Pending,
    /// It was accepted.
    Used,
    /// It was revoked.
    Revoked,
    /// It expired.
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
            Self::Void => "void, because its inviter is inactive or locked, or has a different role now",
        })
    }
}
