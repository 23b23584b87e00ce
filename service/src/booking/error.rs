//! Errors of content, scheduling, certificates, intake forms and imported history.

use chrono::{DateTime, Utc};
use sea_orm::DbErr;
use uuid::Uuid;

#[cfg(feature = "intake")]
use super::violation::Violation;
use crate::vocabulary::{InvalidInput, MalformedRow, NoRandomness};

/// An operation of content, scheduling, certificates, intake or history was refused, or failed.
///
/// An application handles the errors that it can act on, and passes the others on:
///
/// ```
/// use watertight::scheduling::NewBooking;
/// use watertight::{BookingError, Tenant};
///
/// async fn check_out(tenant: &impl Tenant, new: &NewBooking) -> Result<String, BookingError> {
///     match tenant.scheduling().book(new).await {
///         Ok(booking) => Ok(format!("Your code is {}.", booking.confirmation_code)),
///         Err(BookingError::SlotTaken { start }) => Ok(format!("{start} was just taken. Choose another time.")),
///         Err(BookingError::HoldExpired { .. }) => Ok("Your time is over. Choose the slot again.".to_owned()),
///         Err(other) => Err(other),
///     }
/// }
///
/// let start = "2026-03-02T15:00:00Z".parse()?;
/// let error = BookingError::SlotTaken { start };
/// assert!(error.is_conflict() && !error.is_not_found());
/// assert!(error.to_string().starts_with("the slot at 2026-03-02 15:00:00 UTC is taken"));
/// # Ok::<(), chrono::ParseError>(())
/// ```
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BookingError {
    /// Background work was not completed, because the runtime is shutting down.
    #[cfg(feature = "intake")]
    #[error("a background task was not completed, because the runtime is shutting down")]
    RuntimeStopped,
    /// The tenant has no such row.
    #[error("{what} {id} does not exist; it may have been deleted")]
    NotFound {
        /// The kind of row.
        what: &'static str,
        /// The given id, handle or code.
        id: String,
    },
    /// The business has no profile, so its time zone is unknown.
    #[error(
        "the business has no profile, so its time zone is unknown; save a profile with \
         `Content::save_profile`"
    )]
    NoProfile,
    /// The slot is booked, held or blocked.
    #[error("the slot at {start} is taken; choose another slot from `Scheduling::free_slots`")]
    SlotTaken {
        /// The start of the slot.
        start: DateTime<Utc>,
    },
    /// The slot is outside the opening hours or in the past.
    #[error(
        "the slot at {start} is outside the opening hours or in the past; choose another slot, or set \
         `outside_hours`"
    )]
    OutsideHours {
        /// The start of the slot.
        start: DateTime<Utc>,
    },
    /// The slot begins before the notice has passed.
    #[error("the slot at {start} is too soon; the earliest start is {earliest}")]
    ShortNotice {
        /// The start of the slot.
        start: DateTime<Utc>,
        /// The earliest start.
        earliest: DateTime<Utc>,
    },
    /// The slot begins after the horizon of bookings.
    #[error("the slot at {start} is too far ahead; the latest start is {latest}")]
    TooFarAhead {
        /// The start of the slot.
        start: DateTime<Utc>,
        /// The latest start.
        latest: DateTime<Utc>,
    },
    /// The start is within the opening hours, but between the starts of the free slots.
    #[error(
        "the slot at {start} is not offered; choose a slot from `Scheduling::free_slots` with the same step"
    )]
    NotOffered {
        /// The start of the slot.
        start: DateTime<Utc>,
    },
    /// The service is not active, so it is not offered.
    #[error(
        "the service {id} is not active; choose one from `Content::get_services`, or activate it with `Content::update_service`"
    )]
    ServiceInactive {
        /// The given id.
        id: Uuid,
    },
    /// The version of the form is not active, so no new answers are accepted for it.
    #[error(
        "the form {id} is not active; use the version from `Intake::get_template`, or activate it with `Intake::set_template_active`"
    )]
    FormInactive {
        /// The given id.
        id: Uuid,
    },
    /// The business has practitioners, and the request names none.
    #[error(
        "the business has practitioners, but none is named; name the practitioner of a slot from \
         `Scheduling::free_slots`"
    )]
    PractitionerRequired,
    /// The hold was released, has expired, was booked, or belongs to another slot.
    #[error("hold {id} is not active or belongs to another slot; hold the slot again")]
    HoldExpired {
        /// The given id.
        id: Uuid,
    },
    /// The id of a hold was used for another slot.
    #[error("the hold {id} holds another slot; generate a new id for each hold")]
    HoldIdReused {
        /// The given id.
        id: Uuid,
    },
    /// The requested state transition is not allowed.
    #[error("the transition of a {what} from {from} to {to} is not allowed")]
    InvalidTransition {
        /// The kind of row.
        what: &'static str,
        /// The current status.
        from: String,
        /// The requested status.
        to: &'static str,
    },
    /// The idempotency key was used for another booking.
    #[error("the idempotency key {key:?} was used for another booking; generate a new key for each booking")]
    IdempotencyKeyReused {
        /// The key.
        key: String,
    },
    /// The request was made before, and its result was cancelled or withdrawn since.
    ///
    /// ```
    /// use watertight::BookingError;
    ///
    /// let id = uuid::Uuid::nil();
    /// let error = BookingError::NoLongerActive { what: "booking", id, status: "cancelled".into() };
    /// assert!(error.is_conflict() && error.to_string().contains("is cancelled now"));
    /// ```
    #[error(
        "this request made the {what} {id} before, which is {status} now; send a new request with a new key or session \
         to make another"
    )]
    NoLongerActive {
        /// The kind of row.
        what: &'static str,
        /// The id of the row.
        id: Uuid,
        /// Its status.
        status: String,
    },
    /// The reference, key or session belongs to another request.
    #[error(
        "{identity} belongs to another {what}; repeat the first request unchanged, or give each {what} an identity of its \
         own, such as the next item"
    )]
    IdentityReused {
        /// The kind of row.
        what: &'static str,
        /// The identity.
        identity: String,
    },
    /// The amount is greater than the amount that is due, or than the rest of the payment.
    #[error("the {what} of {amount_cents} cents is too high; at most {most_cents} cents are possible")]
    ExceedsAmount {
        /// `payment` or `refund`.
        what: &'static str,
        /// The given amount.
        amount_cents: i32,
        /// The greatest amount.
        most_cents: i32,
    },
    /// A gift certificate or package cannot pay this.
    #[error("{code} cannot pay: {reason}")]
    NotRedeemable {
        /// The code.
        code: String,
        /// The reason.
        reason: String,
    },
    /// The answers do not match the form.
    #[cfg(feature = "intake")]
    #[error("the answers do not match the form: {}", violations.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))]
    InvalidResponses {
        /// Every violation.
        violations: Vec<Violation>,
    },
    /// A value is invalid.
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

    /// Returns the error of the database, if it is the cause.
    ///
    /// ```
    /// use sea_orm::{DbErr, RuntimeErr};
    /// use watertight::BookingError;
    ///
    /// /// True if the same call can succeed once the database is back.
    /// fn is_temporary(error: &BookingError) -> bool {
    ///     matches!(error.database(), Some(DbErr::Conn(_) | DbErr::ConnectionAcquire(_)))
    /// }
    ///
    /// let refused = DbErr::Conn(RuntimeErr::Internal("connection refused".to_owned()));
    /// assert!(is_temporary(&refused.into()));
    /// assert!(!is_temporary(&BookingError::NoProfile));
    /// ```
    #[must_use]
    pub const fn database(&self) -> Option<&DbErr> {
        match self {
            Self::Database(error) => Some(error),
            _ => None,
        }
    }

    /// Returns true if a named row does not exist.
    #[must_use]
    pub const fn is_not_found(&self) -> bool {
        matches!(self, Self::NotFound { .. })
    }

    /// Returns true if the state of the tenant forbids the operation, such as a slot that is taken.
    #[must_use]
    pub const fn is_conflict(&self) -> bool {
        matches!(
            self,
            Self::SlotTaken { .. }
                | Self::OutsideHours { .. }
                | Self::ShortNotice { .. }
                | Self::TooFarAhead { .. }
                | Self::NotOffered { .. }
                | Self::ServiceInactive { .. }
                | Self::FormInactive { .. }
                | Self::HoldExpired { .. }
                | Self::HoldIdReused { .. }
                | Self::InvalidTransition { .. }
                | Self::IdempotencyKeyReused { .. }
                | Self::NoLongerActive { .. }
                | Self::IdentityReused { .. }
                | Self::ExceedsAmount { .. }
                | Self::NotRedeemable { .. }
        )
    }

    /// Returns true if a value is invalid.
    #[must_use]
    pub fn is_invalid_input(&self) -> bool {
        #[cfg(feature = "intake")]
        if matches!(self, Self::InvalidResponses { .. }) {
            return true;
        }
        matches!(self, Self::InvalidInput(_) | Self::PractitionerRequired)
    }
}
