//! Errors of content, scheduling, certificates, intake forms and imported history.

use chrono::{DateTime, Utc};
use sea_orm::DbErr;
use uuid::Uuid;

#[cfg(feature = "intake")]
use super::violation::Violation;
use crate::vocabulary::{InvalidInput, MalformedRow, NoRandomness};

/// An operation of content, scheduling, certificates, intake or history was refused, or failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BookingError {
    /// The tenant has no such row.
    #[error("there is no {what} {id}; it may have been deleted")]
    NotFound {
        /// What was looked for.
        what: &'static str,
        /// The identity, handle or code given.
        id: String,
    },
    /// The business has no profile, so no one knows in which time zone it opens.
    #[error("the business has no profile; save one with `Content::save_profile`, for its time zone")]
    NoProfile,
    /// Someone else has the slot, or it is blocked.
    #[error("the slot at {start} is taken; choose another from `Scheduling::free_slots`")]
    SlotTaken {
        /// When it begins.
        start: DateTime<Utc>,
    },
    /// The business is closed then, or the time is over.
    #[error("the slot at {start} is outside the hours; choose another, or say `outside_hours`")]
    OutsideHours {
        /// When it begins.
        start: DateTime<Utc>,
    },
    /// The business has practitioners, and none was named.
    #[error("name a practitioner; `Scheduling::free_slots` tells who is free")]
    PractitionerRequired,
    /// The hold was released, has expired, was booked, or is of another slot.
    #[error("the hold {id} is not live or is of another slot; hold the slot again")]
    HoldExpired {
        /// The identity given.
        id: Uuid,
    },
    /// The requested state transition is not allowed.
    #[error("the {what} is {from}, so it cannot become {to}")]
    InvalidTransition {
        /// What it is.
        what: &'static str,
        /// The state that it is in.
        from: String,
        /// The state that was asked for.
        to: &'static str,
    },
    /// The idempotency key was used for something else.
    #[error("the idempotency key {key:?} was used for another booking; make a new key for each")]
    IdempotencyKeyReused {
        /// The key.
        key: String,
    },
    /// A gift certificate or package cannot pay this.
    #[error("{code} cannot pay: {reason}")]
    NotRedeemable {
        /// The code.
        code: String,
        /// Why not.
        reason: String,
    },
    /// The answers do not fit the form.
    #[cfg(feature = "intake")]
    #[error("the answers do not fit the form: {}", violations.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))]
    InvalidResponses {
        /// Every violation.
        violations: Vec<Violation>,
    },
    /// A value given does not fit what it is given for.
    #[error(transparent)]
    InvalidInput(#[from] InvalidInput),
    /// A value in the database cannot be read as the type of its column.
    #[error(transparent)]
    MalformedRow(#[from] MalformedRow),
    /// The operating system gave no random bytes.
    #[error(transparent)]
    NoRandomness(#[from] NoRandomness),
    /// The database reported an error.
    #[error(transparent)]
    Database(#[from] DbErr),
}

impl BookingError {
    pub(crate) fn not_found(what: &'static str, id: Uuid) -> Self {
        Self::NotFound { what, id: id.to_string() }
    }

    /// The error of the database, if it is the cause.
    #[must_use]
    pub const fn database(&self) -> Option<&DbErr> {
        match self {
            Self::Database(error) => Some(error),
            _ => None,
        }
    }

    /// Whether the row that was named does not exist.
    #[must_use]
    pub const fn is_not_found(&self) -> bool {
        matches!(self, Self::NotFound { .. })
    }

    /// Whether the state of the tenant forbids the operation, such as a slot that is taken.
    #[must_use]
    pub const fn is_conflict(&self) -> bool {
        matches!(
            self,
            Self::SlotTaken { .. }
                | Self::OutsideHours { .. }
                | Self::HoldExpired { .. }
                | Self::InvalidTransition { .. }
                | Self::IdempotencyKeyReused { .. }
                | Self::NotRedeemable { .. }
        )
    }

    /// Whether a value given is invalid.
    #[must_use]
    pub fn is_invalid_input(&self) -> bool {
        #[cfg(feature = "intake")]
        if matches!(self, Self::InvalidResponses { .. }) {
            return true;
        }
        matches!(self, Self::InvalidInput(_) | Self::PractitionerRequired)
    }
}
