//! Typed accessors of a booking's row.

use chrono::{DateTime, Utc};
use watertight_entity::public::bookings;

use super::status::BookingStatus;
use crate::booking::BookingError;
use crate::booking::payment_status::PaymentStatus;

/// Typed accessors of a booking's row.
///
/// ```no_run
/// use watertight::scheduling::{BookingRecord, BookingStatus, PaymentStatus};
/// use watertight::{BookingError, Tenant};
///
/// /// True if the client still owes the price of a completed visit.
/// async fn is_due(tenant: &impl Tenant, visit: uuid::Uuid) -> Result<bool, BookingError> {
///     let Some(visit) = tenant.scheduling().get_booking(visit).await? else { return Ok(false) };
///     let is_completed = visit.booking_status()? == BookingStatus::Completed;
///     Ok(is_completed && visit.payment_status()? == PaymentStatus::Pending)
/// }
/// ```
pub trait BookingRecord {
    /// The status of the booking.
    ///
    /// # Errors
    /// [`BookingError::InvalidInput`] for a status that this version does not know.
    fn booking_status(&self) -> Result<BookingStatus, BookingError>;

    /// The payment status of the booking.
    ///
    /// # Errors
    /// [`BookingError::InvalidInput`] for an empty status, or one with white space.
    fn payment_status(&self) -> Result<PaymentStatus, BookingError>;

    /// The start, inclusive, and the end, exclusive.
    fn span(&self) -> (DateTime<Utc>, DateTime<Utc>);
}

impl BookingRecord for bookings::Model {
    fn booking_status(&self) -> Result<BookingStatus, BookingError> {
        Ok(self.status.parse()?)
    }

    fn payment_status(&self) -> Result<PaymentStatus, BookingError> {
        Ok(self.payment_status.parse()?)
    }

    fn span(&self) -> (DateTime<Utc>, DateTime<Utc>) {
        (self.datetime.to_utc(), self.end_time.to_utc())
    }
}
